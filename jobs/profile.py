"""Decode each new or changed image once: statistics, hashes, embedding.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/profile.py --workspace /lake/audit --encoder thumbnail
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["profile", *sys.argv[1:]]))
