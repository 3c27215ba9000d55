"""Run analyses over the tables of a workspace.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/analyze.py --workspace /lake/audit duplicates outliers
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["analyze", *sys.argv[1:]]))
