"""Labels given by people, of which the truth is known: what is listed by their neighbours, before and after.

python benchmarks/label_neighbors.py

2,000 CIFAR-10 images with the labels of CIFAR-10N (`human_aggre`, `human_random1`, `human_worse`) and the true ones
(`clean`), with both encoders that need no model. Before: DataEval's ratio of distances (`method = "distance_ratio"`).
Writes results/label_neighbors.json. Needs the shared folder with real data beside the repository.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from frame import Row, report
from numpy.typing import NDArray
from PIL import Image
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.analyses.labels.label_neighbors import label_neighbors
from dataeval_spark.kernels.encoders import load_encoder
from dataeval_spark.session import engines
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.similarity import NEIGHBORS

HERE = Path(__file__).resolve().parent

DATA = HERE.parents[1] / "shared" / "data" / "cifar10_small"
ENCODERS = ("hog_color", "thumbnail")
LABELS = {"clean": "clean_label", "aggre": "human_aggre", "random": "human_random1", "worse": "human_worse"}
K = 10
MOST_CORRECT = 0.05
"""Share of correct labels that may be listed where no label is wrong."""


def neighbors_of(vectors: NDArray[np.floating], encoder: str, ids: NDArray[Any]) -> pd.DataFrame:
    exact = vectors.astype(np.float64)
    squares = (exact**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * exact @ exact.T, 0))
    np.fill_diagonal(distances, np.inf)
    order = np.argsort(distances, axis=1, kind="stable")[:, :K]
    nothing = pd.array([None] * order.size, "Int32")
    values = {
        "encoder": encoder,
        "metric": "euclidean",
        "image_id": np.repeat(ids, K),
        "target_index": nothing,
        "rank": np.tile(np.arange(1, K + 1, dtype=np.int32), len(ids)),
        "neighbor_id": ids[order.ravel()],
        "neighbor_target_index": nothing,
        "distance": np.take_along_axis(distances, order, axis=1).ravel(),
        "k": np.int32(K),
        "method": "exact",
        "encoder_version": "1",
        "fingerprint": "",
        "run_id": "",
    }
    return pd.DataFrame(values)


def tables(spark: SparkSession) -> tuple[list[dict[str, str]], DataFrame]:
    with open(DATA / "labels.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == "train"]
    pictures = [np.asarray(Image.open(DATA / row["file"]).convert("RGB")) for row in rows]
    ids = np.array([row["file"] for row in rows])
    graphs = []
    for name in ENCODERS:
        encoder = load_encoder(name)
        vectors = np.asarray(encoder.embed([encoder.prepare(picture) for picture in pictures]))
        graphs.append(neighbors_of(vectors, name, ids))
    table = pa.Table.from_pandas(pd.concat(graphs), preserve_index=False)
    return rows, spark.createDataFrame(table, NEIGHBORS.ddl(comments=False)).cache()


def main() -> None:
    spark = engines.local("label neighbours benchmark", cores=2, memory="2g")
    rows, neighbors = tables(spark)
    truth = {row["file"]: row["clean_label"] for row in rows}
    measured: list[Row] = []
    for name, column in LABELS.items():
        given = {row["file"]: row[column] for row in rows}
        wrong = {file for file in given if given[file] != truth[file]}
        targets = spark.createDataFrame(
            [(file, 0, label, None, None, None, None, "") for file, label in given.items()],
            TARGETS.ddl(comments=False),
        ).cache()
        for method, when in (("distance_ratio", "before"), ("votes", "after")):
            errors, scores, _ = label_neighbors(targets, neighbors, method=method)
            listed = errors.select("source", "image_id").toPandas()
            scored = scores.select("source", "image_id", "rank", "precision").toPandas()
            for encoder in ENCODERS:
                found = set(listed.image_id[listed.source == encoder])
                of_encoder = scored[scored.source == encoder].sort_values("rank")
                measured += figures(f"{encoder} {name} {when}", when, given, wrong, found, of_encoder)
    report("label_neighbors", measured)


def figures(
    name: str, when: str, given: dict[str, str], wrong: set[str], found: set[str], scored: pd.DataFrame
) -> list[Row]:
    n, hits = len(given), len(found & wrong)
    correct = len(found - wrong)
    is_goal = when == "after" and not wrong
    goal = MOST_CORRECT * n if is_goal else None
    rows = [Row(f"{name}: correct labels listed", "cifar10_small", n, "count", float(correct), "labels", "<=", goal)]
    if not wrong:
        return rows
    precision = hits / len(found) if found else 0.0
    rows.append(Row(f"{name}: precision", "cifar10_small", n, "precision", precision, "share"))
    rows.append(Row(f"{name}: recall", "cifar10_small", n, "recall", hits / len(wrong), "share"))
    if when == "after":
        for number in (20, 50, 100, 200, 400):
            first = scored.head(number)
            true = float(first.image_id.isin(wrong).mean())
            estimated = float(first.precision.iloc[-1]) if first.precision.notna().iloc[-1] else 0.0
            rows.append(
                Row(
                    f"{name}: first {number}, estimate less truth",
                    "cifar10_small",
                    n,
                    "error",
                    estimated - true,
                    "share",
                    "<=",
                    0.25,
                    note=f"estimated {estimated:.2f}, true {true:.2f}",
                )
            )
    return rows


if __name__ == "__main__":
    main()
