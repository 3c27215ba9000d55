"""Compare two datasets, splits or snapshots of a workspace.

    spark-submit --packages io.delta:delta-spark_4.2_2.13:4.4.0 \\
        jobs/compare.py --workspace /lake/audit --reference split=train --current split=test
"""

import sys
from pathlib import Path

# Python puts this folder first on its path, and profile.py in it would hide the standard module of that name.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != Path(__file__).resolve().parent]

from dataeval_spark.cli.main import main  # noqa: E402

if __name__ == "__main__":
    raise SystemExit(main(["compare", *sys.argv[1:]]))
