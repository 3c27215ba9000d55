"""Bring images, labels and metadata into a workspace.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/ingest.py --workspace /lake/audit /data/photos
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["ingest", *sys.argv[1:]]))
