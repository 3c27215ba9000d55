"""Shortcuts: factors that alone separate a class from the rest, with example images at both ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.balance import require_class_label
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.frames.image_sums import class_effects
from dataeval_spark.kernels.factors.factor_codes import from_maps
from dataeval_spark.kernels.factors.false_discovery import adjusted_p_values
from dataeval_spark.kernels.factors.pair_counts import LABEL, table_of
from dataeval_spark.kernels.factors.rank_auc import class_auc, presence_auc
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import SHORTCUTS

Floats = NDArray[np.float64]
EXAMPLES = 3
_BLOCK = "factor string, numbers binary, codes binary, classes array<string>, ids array<string>, kept array<int>"
_BLOCK_SCHEMA = arrow_schema(_BLOCK)
_ROWS = SHORTCUTS.ddl_without("adjusted_pvalue", "score", "is_shortcut")
_ROW_SCHEMA = arrow_schema(_ROWS)


def shortcuts(
    factor_bins: DataFrame,
    balance: DataFrame,
    bin_edges: DataFrame | None = None,
    *,
    auc_threshold: float = 0.8,
    score_threshold: float = 0.3,
    p_value_threshold: float = 0.05,
    max_values: int = 50_000_000,
) -> DataFrame:
    """Measure how well each factor alone separates each class from the rest.

    The AUC is exact: for a number from the ranks of all values, ties in the middle; for a text from the presence of one
    of its values, the one that predicts the class best (a missing value is one too). A low AUC is as telling as a high
    one. It is a shortcut when the AUC is at least ``auc_threshold`` or at most 1 minus it, or the mutual information
    reaches ``score_threshold`` (a class may sit in the middle, or have several values), and the adjusted p-value of the
    Mann-Whitney test, or in the second case that of ``balance``, is at most ``p_value_threshold``. The p-value of a
    text is multiplied by the number of its values, from which the best is taken. Each p-value allows for boxes of one
    image that are alike (the design effect of the class); where a factor differs between them it is too large.

    Parameters
    ----------
    factor_bins, balance : DataFrame
        Tables of these names; images without labels are left out.
    bin_edges : DataFrame, optional
        Table of this name: the values of texts. Without it, numbers only.
    auc_threshold : float in [0.5, 1]
        AUC that makes a shortcut.
    score_threshold : float in [0, 1]
        Chance-adjusted mutual information that makes a shortcut.
    p_value_threshold : float in [0, 1]
        False discovery rate.
    max_values : int
        Most values of one number: one task sorts them (about 50 bytes each).

    Returns
    -------
    DataFrame
        Table ``shortcuts`` without ``run_id``. The driver holds one row per class and factor, and of texts that are
        shortcuts six images.

    Raises
    ------
    OptionError
        An option is out of range, or ``balance`` was made with another label; a factor has more values than
        ``max_values`` (raised inside the task's error).

    References
    ----------
    Geirhos et al. (2020), "Shortcut learning in deep neural networks"; Mann and Whitney (1947).

    Examples
    --------
    >>> found = shortcuts(binned, measured, edges, auc_threshold=0.6, score_threshold=0.0)
    >>> found = found.orderBy("auc", ascending=False)
    >>> found.selectExpr("class_name", "factor", "value", "round(auc, 2) AS auc", "is_shortcut").show(3)
    +----------+----------------+-----+----+-----------+
    |class_name|          factor|value| auc|is_shortcut|
    +----------+----------------+-----+----+-----------+
    |      four|box_aspect_ratio| NULL|0.74|       true|
    |       two|box_aspect_ratio| NULL|0.66|      false|
    |      four|    colorfulness| NULL|0.66|      false|
    +----------+----------------+-----+----+-----------+
    only showing top 3 rows
    """
    within("shortcuts.auc_threshold", auc_threshold)
    within("shortcuts.score_threshold", score_threshold)
    within("shortcuts.p_value_threshold", p_value_threshold)
    require_class_label(balance, "shortcuts")
    labelled = factor_bins.where("class_name IS NOT NULL")
    blocks = map_batches(labelled.select("image_id", "class_name", "numbers"), _blocks, _BLOCK)
    of_classes = class_effects(labelled.select("image_id", "class_name"))
    effects = {row["class_name"]: row["design_effect"] for row in bounded(of_classes, "one row per class")}
    effect_rows = blocks.groupBy("factor").applyInArrow(lambda table: _of_factor(table, max_values, effects), _ROWS)
    valued = None if bin_edges is None else _valued(labelled, bin_edges)
    if valued is not None:
        effect_rows = effect_rows.unionByName(_of_texts(valued, effects))
    of_class = balance.where((F.col("kind") == "class") & (F.col("factor_a") == LABEL))
    score_pvalue = F.col("adjusted_pvalue").alias("score_pvalue")
    scores = of_class.select("class_name", F.col("factor_b").alias("factor"), "score", score_pvalue)
    joined = effect_rows.join(scores, on=["class_name", "factor"], how="left").orderBy("factor", "class_name")
    rows = [row.asDict(recursive=True) for row in bounded(joined, "classes x factors")]
    adjusted = adjusted_p_values(row["p_value"] for row in rows)
    for row, p_value in zip(rows, adjusted, strict=True):
        by_rank = max(row["auc"], 1 - row["auc"]) >= auc_threshold and p_value <= p_value_threshold
        score, score_pvalue = row["score"], row["score_pvalue"]
        # An estimate from neighbours has no p-value.
        by_score = score is not None and score >= score_threshold and (score_pvalue or 0.0) <= p_value_threshold
        row |= {"adjusted_pvalue": p_value, "is_shortcut": by_rank or by_score}
    if valued is not None:
        _add_examples(valued, [row for row in rows if row["is_shortcut"] and row["value"] is not None])
    return rows_of_dicts(factor_bins, SHORTCUTS, rows)


def _valued(labelled: DataFrame, bin_edges: DataFrame) -> DataFrame:
    """``image_id``, ``class_name``, ``factor`` and ``value`` of all texts: at most max_levels values of a factor."""
    texts = bin_edges.where("rule = 'categorical'").select("factor", "bin", F.col("label").alias("value"))
    entries = labelled.select("image_id", "class_name", F.explode("bins").alias("factor", "bin"))
    # (factor, bin) is unique in bin_edges.
    return entries.join(F.broadcast(texts), on=["factor", "bin"], how="inner").drop("bin")


def _of_texts(valued: DataFrame, effects: Mapping[str, float]) -> DataFrame:
    """Rows like those of `_of_factor`, for texts: the value whose presence tells most about the class."""
    counts = valued.groupBy("factor", "value", "class_name").agg(F.count("*").alias("n"))
    return counts.groupBy("factor").applyInArrow(lambda cells: _of_text(cells, effects), _ROWS)


def _of_text(counts: pa.Table, effects: Mapping[str, float]) -> pa.Table:
    classes, values, table = table_of(*(counts[name].to_pylist() for name in ("class_name", "value", "n")))
    of_class, of_value = table.sum(axis=1), table.sum(axis=0)
    rows = []
    for place, name in enumerate(classes):
        n, rest = int(of_class[place]), int(of_class.sum() - of_class[place])
        if not rest or len(values) < 2:
            continue
        auc, p_value = presence_auc(table[place], n, of_value - table[place], rest, effects[name])
        # Of two values that tell as much, the one that the class has; then the first by name.
        best = max(range(len(values)), key=lambda i: (round(abs(float(auc[i]) - 0.5), 12), auc[i], -i))
        row = {"class_name": name, "factor": counts["factor"][0].as_py(), "value": values[best]}
        row |= {"auc": float(auc[best]), "p_value": min(float(p_value[best]) * len(values), 1.0)}
        rows.append({**row, "n": n, "n_rest": rest, "lowest": [], "highest": []})
    return pa.Table.from_pylist(rows, schema=_ROW_SCHEMA)


def _add_examples(valued: DataFrame, rows: list[dict[str, Any]]) -> None:
    """Add example images of the class to the rows of texts: the lowest (0) lack the value, the highest (1) have it."""
    if not rows:
        return
    keys = ["class_name", "factor"]
    row_values = valued.sparkSession.createDataFrame(
        [(row["class_name"], row["factor"], row["value"]) for row in rows],
        "class_name string, factor string, wanted string",
    )
    # One row per class and factor on the right.
    valued_rows = valued.join(F.broadcast(row_values), on=keys, how="inner")
    images = valued_rows.select(*keys, "image_id", (F.col("value") == F.col("wanted")).alias("has_it")).distinct()
    first = Window.partitionBy(*keys, "has_it").orderBy("image_id")
    places = images.withColumn("place", F.row_number().over(first)).where(F.col("place") <= EXAMPLES)
    by_key = {(row["class_name"], row["factor"]): row for row in rows}
    for example in bounded(places.orderBy("image_id"), "six images per class and factor"):
        side = "highest" if example["has_it"] else "lowest"
        entry = {"image_id": example["image_id"], "value": float(example["has_it"])}
        by_key[example["class_name"], example["factor"]][side].append(entry)


def _blocks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Values and classes of each factor as bytes; ids of the rows at the ends of each class only."""
    for batch in batches:
        names, numbers = from_maps(batch.column("numbers"))
        labels = batch.column("class_name").dictionary_encode()
        codes = labels.indices.to_numpy().astype(np.int32)
        classes, ids = labels.dictionary.to_pylist(), batch.column("image_id")
        rank = pc.rank(ids, sort_keys="ascending", tiebreaker="min").to_numpy()
        for name, values in zip(names, numbers.T, strict=True):
            present = np.flatnonzero(~np.isnan(values))
            ends = _ends(values[present], codes[present], rank[present])
            of_ends = ids.take(pa.array(present[ends])).to_pylist()
            row = {
                "factor": name,
                "numbers": values[present].tobytes(),
                "codes": codes[present].tobytes(),
                "classes": classes,
                "ids": of_ends,
                "kept": ends.tolist(),
            }
            yield pa.RecordBatch.from_pylist([row], schema=_BLOCK_SCHEMA)


def _ends(values: Floats, codes: NDArray[np.int32], rank: NDArray[Any]) -> NDArray[np.int64]:
    """Rows among the first and last few of their class by value, then id; an image counts once with one value."""
    ends = []
    for signed in (values, -values):
        order = np.lexsort((rank, signed, codes))
        keys = [key[order] for key in (codes, signed, rank)]
        repeats = np.logical_and.reduce([key[1:] == key[:-1] for key in keys])
        order = order[np.r_[True, ~repeats][: order.size]]
        of_class = codes[order]
        place = np.arange(order.size) - np.searchsorted(of_class, of_class, side="left")
        ends.append(order[place < EXAMPLES])
    return np.unique(np.concatenate(ends))


def _of_factor(blocks: pa.Table, max_values: int, effects: Mapping[str, float]) -> pa.Table:
    factor = blocks["factor"][0].as_py()
    values = np.concatenate([np.frombuffer(block, np.float64) for block in blocks["numbers"].to_pylist()])
    if values.size > max_values:
        raise OptionError(
            f"shortcuts.max_values is {max_values:,} and factor {factor} has {values.size:,} values.\n"
            f"Hint: --set shortcuts.max_values={values.size} (one task needs about 50 bytes of memory per value)"
        )
    classes = sorted({name for of_block in blocks["classes"].to_pylist() for name in of_block})
    place = {name: code for code, name in enumerate(classes)}
    codes, examples, start = [], [], 0
    for row in blocks.select(["codes", "classes", "ids", "kept"]).to_pylist():
        local = np.array([place[name] for name in row["classes"]], np.int64)
        codes.append(local[np.frombuffer(row["codes"], np.int32)])
        examples += [(start + index, image) for index, image in zip(row["kept"], row["ids"], strict=True)]
        start += codes[-1].size
    of_rows = np.concatenate(codes)
    auc, p_value, n = class_auc(values, of_rows, len(classes), np.array([effects[name] for name in classes]))
    by_class: dict[int, list[tuple[float, str]]] = {}
    for row, image in examples:
        by_class.setdefault(int(of_rows[row]), []).append((float(values[row]), image))
    rows = [
        {
            "class_name": name,
            "factor": factor,
            "value": None,
            "auc": float(auc[code]),
            "p_value": float(p_value[code]),
            "n": int(n[code]),
            "n_rest": int(values.size - n[code]),
            "lowest": _examples(sorted(by_class[code])),
            "highest": _examples(sorted(by_class[code], key=lambda entry: (-entry[0], entry[1]))),
        }
        for code, name in enumerate(classes)
        if 0 < n[code] < values.size
    ]
    return pa.Table.from_pylist(rows, schema=_ROW_SCHEMA)


def _examples(entries: list[tuple[float, str]]) -> list[dict[str, Any]]:
    unique = dict.fromkeys((image, value) for value, image in entries)
    return [{"image_id": image, "value": value} for image, value in list(unique)[:EXAMPLES]]
