"""Divide the images of a workspace into parts that share no group and no duplicate.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/split.py --workspace /lake/audit --name first
"""

import sys
from pathlib import Path

# Python puts this folder first on its path, and profile.py in it would hide the standard module of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from dataeval_spark.cli.main import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main(["split", *sys.argv[1:]]))
