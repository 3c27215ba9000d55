"""Part bias: the bias that training on one part of a split would learn, and whether testing on another shows it."""

from __future__ import annotations

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.parts import all_parts
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.image_sums import class_effects
from dataeval_spark.kernels.factors.contingency_statistics import association
from dataeval_spark.kernels.factors.diversity import simpson_diversity
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.mutual_information import adjusted_share, mutual_information
from dataeval_spark.kernels.factors.pair_counts import LABEL_COUNTS_DDL, effect_of, label_counts_by, table_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded_arrow
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.splits import PART_BIAS

MAX_ROWS = 100_000
_SEPARATOR = "\x1f"
_MEASURED = "partition string, " + PART_BIAS.ddl_without("split_name", "fold", "adjusted_pvalue", "is_flagged")
_SCHEMA = arrow_schema(_MEASURED)


def part_bias(
    factor_bins: DataFrame,
    images: DataFrame,
    split_assignments: DataFrame | None = None,
    splits: DataFrame | None = None,
    *,
    threshold: float = 0.3,
    significance: float = 0.05,
) -> DataFrame:
    """Measure label against factor, and the evenness of each factor, within each part of each split.

    The rows of a part stand alone: the scores of part ``train`` are those that `balance`, `parity` and `diversity`
    give in a workspace that has nothing else. All parts are counted in one scan; of repeated splits the first
    repetition. The labels of images in a hold-out are not read.

    Parameters
    ----------
    factor_bins, images : DataFrame
        Tables of these names; of ``images`` the live rows.
    split_assignments, splits : DataFrame, optional
        Tables of these names; without them only the column ``split`` of the images is taken, as split ``given``.
    threshold : float in [0, 1]
        Score above which a significant row is flagged.
    significance : float in [0, 1]
        Adjusted p-value below which it is significant; adjusted by Benjamini-Hochberg over the factors of a part.

    Returns
    -------
    DataFrame
        Table ``part_bias`` without ``run_id``. The driver holds it: parts x factors, no more than 100,000.

    Raises
    ------
    OptionError
        An option is out of range, or parts x factors are more than 100,000.

    References
    ----------
    See `balance` (score), `parity` (Cramér's V) and `diversity` (Simpson).

    Examples
    --------
    >>> rows = part_bias(binned, images).where("split = 'train'").orderBy("score", ascending=False)
    >>> rows.selectExpr("factor", "round(score, 2) AS score", "round(cramers_v, 2) AS v", "is_flagged").show(2)
    +----------------+-----+----+----------+
    |          factor|score|   v|is_flagged|
    +----------------+-----+----+----------+
    |box_aspect_ratio| 0.06|0.31|     false|
    |        exposure| 0.02| 0.2|     false|
    +----------------+-----+----+----------+
    only showing top 2 rows
    """
    within("part_bias.threshold", threshold)
    within("part_bias.significance", significance)
    parts = all_parts(images, split_assignments).where("repeat = 0")
    partition = F.concat_ws(_SEPARATOR, "split_name", F.coalesce(F.col("fold").cast("string"), F.lit("")))
    partitions = parts.select("image_id", partition.alias("partition"), "split")
    # An image is in one part of a partition: its rows are read once per split.
    labelled = factor_bins.where("class_name IS NOT NULL")
    rows = labelled.select("image_id", "class_name", "bins").join(partitions, on="image_id", how="inner")
    if split_assignments is not None and splits is not None:
        guarded = splits.select("split_name", F.explode("guarded").alias("split"))
        ids = split_assignments.join(F.broadcast(guarded), on=["split_name", "split"], how="left_semi").select(
            "image_id"
        )
        rows = rows.join(ids, on="image_id", how="left_anti")
    count = partial(label_counts_by, keys=("partition", "split"))
    counts = (
        map_batches(
            rows.select("partition", "split", "class_name", "bins"),
            count,
            f"partition string, split string, {LABEL_COUNTS_DDL}",
        )
        .groupBy("partition", "split", "factor", "value", "class_name")
        .agg(F.sum("n").alias("n"))
    )
    part = ["partition", "split"]
    effects = class_effects(rows.select(*part, "image_id", "class_name"), part)
    # A class of a part has one effect.
    counts = counts.join(effects, on=[*part, "class_name"], how="inner")
    measured = counts.groupBy("partition", "factor").applyInArrow(_measured, _MEASURED)
    table = bounded_arrow(measured.limit(MAX_ROWS + 1), "parts x factors")
    if table.num_rows > MAX_ROWS:
        raise OptionError(
            f"part_bias: there are more than {MAX_ROWS:,} pairs of part and factor.\n"
            "Hint: fewer folds, or fewer factors: --set 'factor_bins.include=[\"weather\"]'"
        )
    return rows_of_dicts(images, PART_BIAS, _judged(table.to_pylist(), threshold, significance))


def _measured(cells: pa.Table) -> pa.Table:
    """Rows of one factor: one per part. Bins are those that any part of the split fills."""
    bins = cells["value"].combine_chunks().unique()
    rows = []
    for split in sorted(cells["split"].unique().to_pylist()):
        own = cells.filter(pc.equal(cells["split"], split))
        _, values, table = table_of(*(own[name].to_pylist() for name in ("class_name", "value", "n")))
        effect = effect_of(*(own[name].to_pylist() for name in ("class_name", "n", "design_effect")))
        associated = association(table, effect)
        rows.append(
            {
                "partition": own["partition"][0].as_py(),
                "split": split,
                "factor": own["factor"][0].as_py(),
                "score": adjusted_share(table),
                "mutual_information": mutual_information(table),
                "p_value": associated.robust_p_value,
                "cramers_v": associated.corrected_v,
                "diversity": simpson_diversity(table.sum(axis=0), len(bins)),
                "bins": len(bins),
                "filled_bins": len(values),
                "n": int(table.sum()),
            }
        )
    return pa.Table.from_pylist(rows, schema=_SCHEMA)


def _judged(rows: list[dict[str, Any]], threshold: float, significance: float) -> list[dict[str, Any]]:
    """The rows in order, with their p-values adjusted over the factors of a part."""
    families: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["partition"], row["split"], row["factor"])):
        name, fold = row["partition"].split(_SEPARATOR)
        families.setdefault((row["partition"], row["split"]), []).append(
            {**row, "split_name": name, "fold": int(fold) if fold else None}
        )
    judged = []
    for family in families.values():
        adjusted = adjusted_p_values(row["p_value"] for row in family)
        for row, p_value in zip(family, adjusted, strict=True):
            is_flagged = row["score"] > threshold and p_value < significance
            judged.append({**row, "adjusted_pvalue": p_value, "is_flagged": is_flagged})
    return judged
