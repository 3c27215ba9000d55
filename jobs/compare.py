"""Compare two datasets, splits or snapshots of a workspace.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/compare.py --workspace /lake/audit --reference split=train --current split=test
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["compare", *sys.argv[1:]]))
