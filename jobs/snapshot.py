"""Pin, list, compare, check, restore or copy versions of all tables.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/snapshot.py --workspace /lake/audit create before-cleaning
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["snapshot", *sys.argv[1:]]))
