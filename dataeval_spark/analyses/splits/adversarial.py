"""Adversarial validation: whether a classifier can tell the parts of a split apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.parts import PARTITION, TRAIN, opponents
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.part_distances import one_hot, separation
from dataeval_spark.session.bounded import bounded_arrow

MAX_SAMPLE = 500_000
TOP = 5
Row = dict[str, Any]


def adversarial_rows(
    parts: DataFrame,
    counts: DataFrame,
    embeddings: DataFrame | None,
    *,
    sample: int,
    seed: int,
    base: str = TRAIN,
) -> list[Row]:
    """Compute rows of table ``split_differences`` from a sample of each part, by factors and by each encoder.

    Parameters
    ----------
    parts, counts : DataFrame
        Results of `all_parts` and `label_counts`; the class is left out of the factors.
    embeddings : DataFrame, optional
        Table of this name; of it the vectors of whole images.
    sample : int
        Images per partition and part.
    seed : int
        Seed of the sample.
    base : str
        Part that the others are compared with.
    """
    named = parts.where((~F.col("split").startswith("fold_")) & (F.col("repeat") == 0))
    # Spark keeps only the first rows of each window group in each task (WindowGroupLimit).
    order = Window.partitionBy(*PARTITION, "split").orderBy(F.xxhash64("image_id", F.lit(seed)), "image_id")
    chosen = named.withColumn("place", F.row_number().over(order)).where(F.col("place") <= sample).drop("place")
    table = bounded_arrow(chosen.limit(MAX_SAMPLE + 1), "one row per image of the sample")
    if table.num_rows > MAX_SAMPLE:
        raise OptionError(
            f"split_differences: the samples of all parts have more than {MAX_SAMPLE:,} images.\n"
            "Hint: --set split_differences.sample=500"
        )
    rows = table.to_pylist()
    if not rows:
        return []
    spark = parts.sparkSession
    ids = sorted({row["image_id"] for row in rows})
    sample_ids = F.broadcast(spark.createDataFrame([(image,) for image in ids], "image_id string"))
    results = _by_factors(rows, ids, counts.join(sample_ids, on="image_id", how="left_semi"), base)
    if embeddings is not None:
        whole = embeddings.where("target_index IS NULL").join(sample_ids, on="image_id", how="left_semi")
        results += _by_embeddings(rows, whole, base)
    return results


def _by_factors(rows: list[Row], ids: list[str], counts: DataFrame, base: str) -> list[Row]:
    values: dict[str, dict[str, str]] = {}
    named = counts.where("factor != 'class_name'").groupBy("image_id", "factor")
    # An image of several values (boxes) has the first of those that most of its boxes have.
    most = named.agg(F.min_by("value", F.struct(-F.col("n"), "value")).alias("value"))
    for row in bounded_arrow(most, "the sample x factors").to_pylist():
        values.setdefault(row["factor"], {})[row["image_id"]] = row["value"]
    factors = sorted(values)
    features, names = one_hot([[values[factor].get(image) for image in ids] for factor in factors])
    if not names:
        return []
    by_id = dict(zip(ids, features, strict=True))
    labels = [factors[factor] for factor, _ in names]
    return _compared(rows, by_id, "adversarial_factors", "factors", labels, base)


def _by_embeddings(rows: list[Row], whole: DataFrame, base: str) -> list[Row]:
    table = bounded_arrow(whole.select("encoder", "image_id", "embedding"), "the sample x encoders")
    results = []
    for encoder in sorted(set(table["encoder"].to_pylist())):
        of_encoder = table.filter(np.array([name == encoder for name in table["encoder"].to_pylist()]))
        vectors = np.array(of_encoder["embedding"].to_pylist(), np.float64)
        by_id = dict(zip(of_encoder["image_id"].to_pylist(), vectors, strict=True))
        results += _compared(rows, by_id, "adversarial_embeddings", encoder, None, base)
    return results


def _compared(
    rows: list[Row],
    by_id: Mapping[str, NDArray[np.float64]],
    kind: str,
    subject: str,
    labels: list[str] | None,
    base: str,
) -> list[Row]:
    partitions: dict[tuple[Any, ...], dict[str, list[str]]] = {}
    for row in rows:
        if row["image_id"] in by_id:
            ids_of_parts = partitions.setdefault(tuple(row[name] for name in PARTITION), {})
            ids_of_parts.setdefault(row["split"], []).append(row["image_id"])
    results = []
    for partition, ids_of_parts in sorted(partitions.items(), key=str):
        for one, other, others in opponents(sorted(ids_of_parts), base):
            first = sorted(ids_of_parts[one])
            second = sorted(image for name in others for image in ids_of_parts[name])
            features = np.array([by_id[image] for image in (*second, *first)])
            measured = separation(features, np.arange(len(features)) >= len(second))
            if measured is None:
                continue
            results.append(
                {
                    **dict(zip(PARTITION, partition, strict=True)),
                    "kind": kind,
                    "subject": subject,
                    "split_a": one,
                    "split_b": other,
                    "auc": measured.auc,
                    "auc_lower": measured.lower,
                    "auc_upper": measured.upper,
                    "p_value": measured.p_value,
                    "top": _heaviest(measured.weights, labels),
                    "n_a": len(first),
                    "n_b": len(second),
                }
            )
    return results


def _heaviest(weights: NDArray[np.float64], labels: list[str] | None) -> list[str] | None:
    """Factors by the largest weight of one of their values."""
    if labels is None:
        return None
    largest: dict[str, float] = {}
    for label, weight in zip(labels, weights.tolist(), strict=True):
        largest[label] = max(weight, largest.get(label, 0.0))
    return sorted(largest, key=lambda label: (-largest[label], label))[:TOP]
