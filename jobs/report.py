"""Write the HTML report of a workspace or snapshot.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/report.py --workspace /lake/audit --out report.html
"""

import sys

from dataeval_spark.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["report", *sys.argv[1:]]))
