"""Split differences: how far the parts of a split differ in labels, factors, time, and to a classifier."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.adversarial import adversarial_rows
from dataeval_spark.analyses.splits.parts import PARTITION, TRAIN, all_parts, label_counts, opponents
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of_dicts, with_capture_time
from dataeval_spark.frames.image_sums import image_sums, sums_of, with_sizes
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.splits.part_distances import distance
from dataeval_spark.session.bounded import bounded, bounded_arrow
from dataeval_spark.tables.splits import SPLIT_DIFFERENCES

MAX_COUNTS = 1_000_000
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
    threshold: float = 0.1,
    auc_threshold: float = 0.6,
    significance: float = 0.05,
    sample: int = 2_000,
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
    >>> split_differences(images, targets).where("is_flagged").show()
    """
    OptionError.unless_between("split_differences.threshold", threshold, 0.0, 1.0)
    OptionError.unless_between("split_differences.auc_threshold", auc_threshold, 0.5, 1.0)
    OptionError.unless_between("split_differences.significance", significance, 0.0, 1.0)
    OptionError.unless_between("split_differences.sample", sample, 20, 100_000)
    parts = all_parts(images, split_assignments)
    counts = label_counts(targets, factor_bins, bin_edges, without=("split",))
    differences = count_rows(parts, counts)
    if not differences and parts.isEmpty():
        return rows_of_dicts(images, SPLIT_DIFFERENCES, [])
    differences += _time_rows(parts, with_capture_time(images, image_stats))
    differences += adversarial_rows(parts, counts, embeddings, sample=sample, seed=seed)
    return rows_of_dicts(images, SPLIT_DIFFERENCES, judged(differences, threshold, auc_threshold, significance))


def count_rows(parts: DataFrame, counts: DataFrame, base: str = TRAIN) -> list[Row]:
    """Distances of labels and factors between each part and the base, as rows of table ``split_differences``."""
    sums = (
        parts.join(with_sizes(counts, ["factor"]), on="image_id", how="inner")
        .groupBy(*PARTITION, "split", "factor", "value")
        .agg(*image_sums())
    )
    table = bounded_arrow(sums.limit(MAX_COUNTS + 1), "parts x values")
    if table.num_rows > MAX_COUNTS:
        raise OptionError(
            f"split_differences: there are more than {MAX_COUNTS:,} counts of values per part.\n"
            "Hint: fewer splits, or --set factor_bins.max_levels=100"
        )
    by_subject: dict[tuple[Partition, str], dict[str, dict[str, Row]]] = {}
    for row in table.to_pylist():
        partition = (row["split_name"], row["repeat"], row["fold"])
        of_part = by_subject.setdefault((partition, row["factor"]), {}).setdefault(row["split"], {})
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
        by_partition.setdefault((row["split_name"], row["repeat"], row["fold"]), {})[row["split"]] = row
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
        _row(
            (r["split_name"], r["repeat"], r["fold"]),
            "time",
            "captured_at",
            r["split"],
            r["split_b"],
            r["n_a"],
            r["n_b"],
        )
        | {"overlap": r["early"] / r["n_a"]}
        for r in bounded(counts, "partitions x pairs of parts")
    ]


def judged(rows: list[Row], threshold: float, auc_threshold: float, significance: float) -> list[Row]:
    """Rows with their p-values adjusted per partition, and flagged where significant and large."""
    by_partition: dict[Partition, list[Row]] = {}
    for row in rows:
        by_partition.setdefault(tuple(row[name] for name in PARTITION), []).append(row)
    finished = []
    for of_partition in by_partition.values():
        adjusted = adjusted_p_values(row.get("p_value") for row in of_partition)
        for row, p_value in zip(of_partition, adjusted, strict=True):
            is_large = row.get("total_variation", 0.0) > threshold or row.get("auc", 0.0) > auc_threshold
            row["adjusted_pvalue"] = p_value
            row["is_flagged"] = bool(is_large and p_value is not None and p_value < significance)
            finished.append(row)
    return finished
