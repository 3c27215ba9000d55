"""Stratified group folds against scikit-learn, in one run: seconds, and the error of class shares.

Both get the same rows: ours as a cached frame, its result read by a `noop` write; scikit-learn's as arrays.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# profile.py beside this file would hide the standard library's.
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != HERE]

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
from sklearn.model_selection import StratifiedGroupKFold  # noqa: E402

from dataeval_spark import session  # noqa: E402
from dataeval_spark.splits.assign import assign  # noqa: E402


def share_error(folds: np.ndarray, labels: np.ndarray, count: int) -> float:
    """Largest distance of a class's share in a fold from 1 / folds."""
    table = np.zeros((count, labels.max() + 1))
    np.add.at(table, (folds, labels), 1)
    return float(np.abs(table / table.sum(axis=0) - 1 / count).max())


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--groups", type=int, default=2_000)
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--folds", type=int, default=5)
    args = parser.parse_args()
    random = np.random.default_rng(0)
    groups, labels = random.integers(0, args.groups, args.rows), random.integers(0, args.classes, args.rows)
    names = pa.array([f"c{c:04d}" for c in range(args.classes)]).take(pa.array(labels))
    table = pa.table(
        {
            "image_id": [f"i{n:09d}" for n in range(args.rows)],
            "unit_id": [f"g{g:09d}" for g in groups],
            "stratum": names,
        }
    )
    spark = session.get_or_create()
    frame = spark.createDataFrame(table).selectExpr(
        "image_id", "unit_id", "map(stratum, 1L) AS strata", "CAST(NULL AS bigint) AS captured_us",
        "CAST(NULL AS string) AS previous",
    ).cache()  # fmt: skip
    frame.count()
    options = {"method": "stratified_group", "folds": args.folds, "shuffle": False}
    assign(frame.limit(100), method="stratified_group", folds=2)  # compiles
    start = time.perf_counter()
    made = assign(frame, **options)
    made.rows.write.format("noop").mode("overwrite").save()
    ours = time.perf_counter() - start
    rows = made.rows.select("image_id", "split").toArrow().sort_by("image_id")
    found = np.array([int(part.removeprefix("fold_")) for part in rows["split"].to_pylist()])

    start = time.perf_counter()
    theirs_folds = np.empty(args.rows, int)
    for fold, (_, test) in enumerate(StratifiedGroupKFold(args.folds).split(np.zeros(args.rows), labels, groups)):
        theirs_folds[test] = fold
    theirs = time.perf_counter() - start
    print(
        json.dumps(
            {
                **vars(args),
                "seconds": round(ours, 2),
                "scikit_learn_seconds": round(theirs, 2),
                "ratio": round(theirs / ours, 2),
                "share_error": share_error(found, labels, args.folds),
                "scikit_learn_share_error": share_error(theirs_folds, labels, args.folds),
                "equal": bool((found == theirs_folds).all()),
            }
        )
    )
    spark.stop()


if __name__ == "__main__":
    main()
