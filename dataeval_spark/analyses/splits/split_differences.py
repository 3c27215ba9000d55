"""Split differences: how far the parts of a split are from one another, or from the images that a model will meet.

They are compared in labels, factors and time, and by adversarial validation: whether a classifier can tell them apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.parts import PARTITION, TRAIN, all_parts, label_counts, opponents
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts, with_capture_time
from dataeval_spark.frames.image_sums import image_sums, sums_of, with_sizes
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.splits.part_distances import distance, one_hot, separation
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded, bounded_arrow
from dataeval_spark.tables.splits import SPLIT_DIFFERENCES, SPLIT_REPRESENTATIVENESS

MAX_COUNTS = 1_000_000
MAX_SAMPLE = 500_000
TOP = 5
THRESHOLD, AUC_THRESHOLD, SIGNIFICANCE, SAMPLE = 0.1, 0.6, 0.05, 2_000
Row = dict[str, Any]
Partition = tuple[str, int, int | None]


def split_differences(
    images: DataFrame,
    targets: DataFrame,
    split_assignments: DataFrame | None = None,
    factor_bins: DataFrame | None = None,
    bin_edges: DataFrame | None = None,
    embeddings: DataFrame | None = None,
    image_stats: DataFrame | None = None,
    *,
    threshold: float = THRESHOLD,
    auc_threshold: float = AUC_THRESHOLD,
    significance: float = SIGNIFICANCE,
    sample: int = SAMPLE,
    seed: int = 0,
) -> DataFrame:
    """Compare each part of each split with its part ``train``, or with the rest of the images where there is none.

    Labels and factors are compared by the shares of their values (all images), times by how many images of the part
    are no later than the last of the others. Adversarial validation asks whether a logistic regression can tell the
    parts apart, by the bins of their factors (but not by factor ``split``, which is the source's own split) and by each
    encoder's vectors, on a seeded sample; folds of one kind
    (``fold_0`` ...) are left out of it. p-values of labels and factors hold with small counts and with several boxes
    per image (`kernels/factors/independence.py`); all are adjusted over the rows of a partition by Benjamini-Hochberg.

    Parameters
    ----------
    images, targets : DataFrame
        Tables of these names; of ``images`` the live rows.
    split_assignments, factor_bins, bin_edges, embeddings, image_stats : DataFrame, optional
        Tables of these names; the last for capture times that the source does not give.
    threshold : float in [0, 1]
        Total variation above which a significant difference is flagged. Overlap in time is reported, never flagged.
    auc_threshold : float in [0.5, 1]
        AUC above which a significant difference is flagged.
    significance : float in [0, 1]
        Adjusted p-value below which a difference is significant.
    sample : int
        Images per part that the classifier sees.
    seed : int
        Seed of the sample.

    Returns
    -------
    DataFrame
        Table ``split_differences`` without ``run_id``. The driver holds one count per partition, part and value (no
        more than 1,000,000) and the sample.

    Raises
    ------
    OptionError
        An option is out of range, or there are too many counts.

    Examples
    --------
    >>> rows = split_differences(images, targets, None, binned, edges).orderBy("total_variation", ascending=False)
    >>> rows.selectExpr("subject", "split_a", "split_b", "round(total_variation, 2) AS distance", "is_flagged").show(3)
    +------------------+-------+-------+--------+----------+
    |           subject|split_a|split_b|distance|is_flagged|
    +------------------+-------+-------+--------+----------+
    |      jpeg_quality|   test|  train|    0.32|     false|
    |chroma_subsampling|   test|  train|    0.29|     false|
    |            format|   test|  train|    0.29|     false|
    +------------------+-------+-------+--------+----------+
    only showing top 3 rows
    """
    within("split_differences.threshold", threshold)
    within("split_differences.auc_threshold", auc_threshold)
    within("split_differences.significance", significance)
    within("split_differences.sample", sample)
    parts = all_parts(images, split_assignments)
    counts = label_counts(targets, factor_bins, bin_edges, without=("split",))
    differences = _count_rows(parts, counts)
    if not differences and parts.isEmpty():
        return rows_of_dicts(images, SPLIT_DIFFERENCES, [])
    differences += _time_rows(parts, with_capture_time(images, image_stats))
    differences += _adversarial_rows(parts, counts, embeddings, sample=sample, seed=seed)
    return rows_of_dicts(images, SPLIT_DIFFERENCES, _judged(differences, threshold, auc_threshold, significance))


def split_representativeness(
    parts: DataFrame,
    reference: DataFrame,
    counts: DataFrame,
    embeddings: DataFrame | None = None,
    *,
    reference_name: str,
    seed: int = 0,
) -> DataFrame:
    """Compare each part of a split with a reference: labels and factors by their shares, all of it by a classifier.

    The thresholds and the sample are the defaults of `split_differences`.

    Parameters
    ----------
    parts, counts : DataFrame
        Results of `all_parts`, and of `label_counts` of both: factors must have been cut into the same bins.
    reference : DataFrame
        ``image_id`` of the images that the parts should be like; they are in no part.
    embeddings : DataFrame, optional
        Table of this name.
    reference_name : str
        Name of the reference.
    seed : int
        Seed of the sample.

    Returns
    -------
    DataFrame
        Table ``split_representativeness`` without ``run_id``.
    """
    partitions = parts.select(*PARTITION).distinct()
    beside = partitions.crossJoin(reference.select("image_id")).select(
        *PARTITION, "image_id", F.lit(reference_name).alias("split")
    )
    together = parts.select(*PARTITION, "image_id", "split").unionByName(beside)
    differences = _count_rows(together, counts, reference_name)
    differences += _adversarial_rows(together, counts, embeddings, sample=SAMPLE, seed=seed, base=reference_name)
    judged = _judged(differences, THRESHOLD, AUC_THRESHOLD, SIGNIFICANCE)
    return rows_of_dicts(parts, SPLIT_REPRESENTATIVENESS, judged)


def _count_rows(parts: DataFrame, counts: DataFrame, base: str = TRAIN) -> list[Row]:
    """Distances of labels and factors between each part and the base, as rows of table ``split_differences``."""
    sums = (
        parts.join(with_sizes(counts, ["factor"]), on="image_id", how="inner")
        .groupBy(*PARTITION, "split", "factor", "value")
        .agg(*image_sums())
    )
    table = bounded_arrow(sums.limit(MAX_COUNTS + 1), "parts x values")
    if table.num_rows > MAX_COUNTS:
        raise OptionError(
            f"split_differences: there are more than {MAX_COUNTS:,} pairs of a part and a value of a factor.\n"
            "Hint: fewer splits, or --set factor_bins.max_levels=100"
        )
    by_subject: dict[tuple[Partition, str], dict[str, dict[str, Row]]] = {}
    for row in table.to_pylist():
        of_part = by_subject.setdefault((_partition(row), row["factor"]), {}).setdefault(row["split"], {})
        of_part[row["value"]] = row
    differences = []
    for (partition, factor), of_parts in sorted(by_subject.items(), key=str):
        values = sorted({value for counts in of_parts.values() for value in counts})
        sides = {split: sums_of(sums_of_part, values) for split, sums_of_part in of_parts.items()}
        for one, other, others in opponents(sorted(sides), base):
            rest = reduce(add, [sides[name] for name in others])
            measured = distance(sides[one], rest)
            if measured is not None:
                kind = "label" if factor == "class_name" else "factor"
                row = _row(partition, kind, factor, one, other, int(sides[one].counts.sum()), int(rest.counts.sum()))
                differences.append(row | vars(measured))
    return differences


def _partition(row: Any) -> Partition:
    return row["split_name"], row["repeat"], row["fold"]


def _row(partition: Partition, kind: str, subject: str, one: str, other: str, n_a: int, n_b: int) -> Row:
    keys = dict(zip(PARTITION, partition, strict=True))
    return {**keys, "kind": kind, "subject": subject, "split_a": one, "split_b": other, "n_a": n_a, "n_b": n_b}


def _time_rows(parts: DataFrame, images: DataFrame) -> list[Row]:
    """Overlap in time: two aggregations, since the second needs the last time of each part."""
    timed = parts.join(
        images.where("captured_at IS NOT NULL").select("image_id", F.unix_micros("captured_at").alias("us")),
        on="image_id",
        how="inner",
    )
    spans = bounded(
        timed.groupBy(*PARTITION, "split").agg(F.max("us").alias("last"), F.count("*").alias("n")), "partitions x parts"
    )
    by_partition: dict[Partition, dict[str, Any]] = {}
    for row in spans:
        by_partition.setdefault(_partition(row), {})[row["split"]] = row
    pairs = [
        (*partition, one, other, max(times[name]["last"] for name in others), sum(times[name]["n"] for name in others))
        for partition, times in by_partition.items()
        for one, other, others in opponents(sorted(times))
    ]
    if not pairs:
        return []
    ddl = "split_name string, repeat int, other_fold int, split string, split_b string, last bigint, n_b bigint"
    listed = F.broadcast(parts.sparkSession.createDataFrame(pairs, ddl))
    joined = timed.join(listed, on=["split_name", "repeat", "split"], how="inner")
    joined = joined.where(F.col("fold").eqNullSafe(F.col("other_fold")))
    counts = joined.groupBy(*PARTITION, "split", "split_b", "n_b").agg(
        F.count("*").alias("n_a"), F.count_if(F.col("us") <= F.col("last")).alias("early")
    )
    return [
        _row(_partition(r), "time", "captured_at", r["split"], r["split_b"], r["n_a"], r["n_b"])
        | {"overlap": r["early"] / r["n_a"]}
        for r in bounded(counts, "partitions x pairs of parts")
    ]


def _adversarial_rows(
    parts: DataFrame,
    counts: DataFrame,
    embeddings: DataFrame | None,
    *,
    sample: int,
    seed: int,
    base: str = TRAIN,
) -> list[Row]:
    """Rows that say how well a classifier tells the parts apart, by factors and by each encoder.

    It sees a seeded sample of so many images of each part; the class is none of the factors.
    """
    named = parts.where((~F.col("split").startswith("fold_")) & (F.col("repeat") == 0))
    # Spark keeps only the first rows of each window group in each task (WindowGroupLimit).
    order = Window.partitionBy(*PARTITION, "split").orderBy(F.xxhash64("image_id", F.lit(seed)), "image_id")
    chosen = named.withColumn("place", F.row_number().over(order)).where(F.col("place") <= sample).drop("place")
    table = bounded_arrow(chosen.limit(MAX_SAMPLE + 1), "one row per image of the sample")
    if table.num_rows > MAX_SAMPLE:
        raise OptionError(
            f"The samples of all parts, {sample:,} images each, hold more than {MAX_SAMPLE:,} images.\n"
            "Hint: analyze --set split_differences.sample=500, or splits of fewer repeats and parts"
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
    most = named.agg(F.min_by("value", F.struct(F.lit(0) - F.col("n"), "value")).alias("value"))
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
    for encoder in sorted(table["encoder"].unique().to_pylist()):
        of_encoder = table.filter(pc.equal(table["encoder"], encoder))
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
    partitions: dict[Partition, dict[str, list[str]]] = {}
    for row in rows:
        if row["image_id"] in by_id:
            partitions.setdefault(_partition(row), {}).setdefault(row["split"], []).append(row["image_id"])
    results = []
    for partition, ids_of_parts in sorted(partitions.items(), key=str):
        for one, other, others in opponents(sorted(ids_of_parts), base):
            first = sorted(ids_of_parts[one])
            second = sorted(image for name in others for image in ids_of_parts[name])
            features = np.array([by_id[image] for image in (*second, *first)])
            measured = separation(features, np.arange(len(features)) >= len(second))
            if measured is not None:
                row = _row(partition, kind, subject, one, other, len(first), len(second))
                row |= {"auc": measured.auc, "auc_lower": measured.lower, "auc_upper": measured.upper}
                results.append(row | {"p_value": measured.p_value, "top": _heaviest(measured.weights, labels)})
    return results


def _heaviest(weights: NDArray[np.float64], labels: list[str] | None) -> list[str] | None:
    """Factors by the largest weight of one of their values."""
    if labels is None:
        return None
    largest: dict[str, float] = {}
    for label, weight in zip(labels, weights.tolist(), strict=True):
        largest[label] = max(weight, largest.get(label, 0.0))
    return sorted(largest, key=lambda label: (-largest[label], label))[:TOP]


def _judged(rows: list[Row], threshold: float, auc_threshold: float, significance: float) -> list[Row]:
    """Rows with their p-values adjusted per partition, and flagged where significant and large."""
    by_partition: dict[Partition, list[Row]] = {}
    for row in rows:
        by_partition.setdefault(_partition(row), []).append(row)
    finished = []
    for of_partition in by_partition.values():
        adjusted = adjusted_p_values(row.get("p_value") for row in of_partition)
        for row, p_value in zip(of_partition, adjusted, strict=True):
            is_large = row.get("total_variation", 0.0) > threshold or row.get("auc", 0.0) > auc_threshold
            row["adjusted_pvalue"] = p_value
            row["is_flagged"] = bool(is_large and p_value is not None and p_value < significance)
            finished.append(row)
    return finished
