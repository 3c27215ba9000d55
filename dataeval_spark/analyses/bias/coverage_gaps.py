"""Coverage gaps: combinations of factor values missing from the data although each of their parts is common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from json import dumps
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.bias.factor_sources import STATISTIC_TEXTS, STATISTICS
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.factors.pair_counts import LABEL, code_columns
from dataeval_spark.kernels.factors.uncovered_patterns import Pattern, uncovered_patterns
from dataeval_spark.option_checks.columns import value_for_column
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import COVERAGE_GAPS

OWN_RULES = ("categorical", "discrete", "given")
"""Rules whose bins mean something by themselves; combinations of quantities that were cut automatically do not."""
_SCHEMA = arrow_schema(COVERAGE_GAPS.nullable_ddl)


def coverage_gaps(
    factor_bins: DataFrame,
    bin_edges: DataFrame,
    *,
    factors: Sequence[str] = (),
    threshold: int = 10,
    max_level: int = 3,
    max_bins: int = 30,
    max_patterns: int = 10_000,
    max_combinations: int = 2_000_000,
) -> DataFrame:
    """Find the maximal uncovered patterns: combinations with too few rows, every part of which has enough.

    Rows are first collapsed to the distinct combinations of the factors' bins, with their counts; the search runs on
    these in one task, level by level. Missing values match no pattern; a bin that nothing fell into is a value that
    was never seen.

    Parameters
    ----------
    factor_bins, bin_edges : DataFrame
        Tables of these names.
    factors : sequence of str
        Factors to combine, ``class_name`` among them. Default: the class and all factors that have levels of their
        own or given edges, with at most ``max_bins`` bins, but no image statistics.
    threshold : int
        Number of rows from which a combination counts as covered.
    max_level : int
        Most factors of a pattern, at most 5.
    max_bins : int
        Most bins of a default factor.
    max_patterns : int
        Most patterns to keep: those of fewest factors, then those with the most expected rows missing.
    max_combinations : int
        Most distinct combinations that one task holds (about 8 bytes per factor each).

    Returns
    -------
    DataFrame
        Table ``coverage_gaps`` without ``run_id``. The driver holds ``bin_edges``, and at most ``max_patterns`` rows.

    Raises
    ------
    OptionError
        An option is out of range or names no factor; there are more combinations than ``max_combinations`` (raised
        inside the task's error).

    References
    ----------
    Asudeh, Jin and Jagadish (2019), "Assessing and Remedying Coverage for a Given Dataset".

    Examples
    --------
    >>> gaps = coverage_gaps(binned, edges, factors=["class_name", "camera"], threshold=10)
    >>> gaps.orderBy("rank").selectExpr("pattern", "n", "round(expected, 1) AS expected", "images_needed").show(3)
    +--------------------+---+--------+-------------+
    |             pattern|  n|expected|images_needed|
    +--------------------+---+--------+-------------+
    |camera = phone, c...|  1|     6.7|            9|
    |camera = compact,...|  4|     9.2|            6|
    |camera = tablet, ...|  7|    10.8|            3|
    +--------------------+---+--------+-------------+
    only showing top 3 rows
    """
    within("coverage_gaps.threshold", threshold)
    within("coverage_gaps.max_level", max_level)
    within("coverage_gaps.max_bins", max_bins)
    within("coverage_gaps.max_patterns", max_patterns)
    factor_levels = _factor_levels(bin_edges, factor_bins, factors, max_bins)
    names = sorted(factor_levels)
    combined = _combinations(factor_bins, names)
    labels = {name: dict(levels) for name, levels in factor_levels.items()}

    def search(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        all_batches = list(batches)
        if sum(batch.num_rows for batch in all_batches) > max_combinations:
            raise OptionError(
                f"coverage_gaps.max_combinations is {max_combinations:,}, and the values of {', '.join(names)} occur "
                f"in more combinations.\nHint: fewer factors, such as --set 'coverage_gaps.factors={dumps(names[:2])}'"
            )
        if all_batches:
            rows = _search(pa.Table.from_batches(all_batches), names, labels, threshold, max_level)
            best = sorted(rows, key=lambda row: (row["level"], row["n"] - row["expected"], row["pattern"]))[
                :max_patterns
            ]
            ranked = [{**row, "rank": rank, "found": len(rows)} for rank, row in enumerate(best, 1)]
            yield pa.RecordBatch.from_pylist(ranked, schema=_SCHEMA)

    return map_batches(combined.coalesce(1), search, COVERAGE_GAPS.nullable_ddl)


def _factor_levels(
    bin_edges: DataFrame, factor_bins: DataFrame, factors: Sequence[str], max_bins: int
) -> dict[str, dict[str, str]]:
    """Factors to combine, each with its values: code (as text) to label. The class's are found in the data."""
    rows = bounded(bin_edges.select("factor", "bin", "label", "rule").orderBy("factor", "bin"), "factors x bins")
    values: dict[str, dict[str, str]] = {}
    rules = {row["factor"]: row["rule"] for row in rows}
    for row in rows:
        values.setdefault(row["factor"], {})[str(row["bin"])] = row["label"]
    for levels in values.values():
        levels.popitem()  # the last bin holds the missing values
    for name in factors:
        if name in (LABEL, *values):
            continue
        owners = [factor for factor, levels in values.items() if name in levels.values()]
        if not factor_bins.where(F.col(LABEL) == name).isEmpty():
            owners = [LABEL]
        if owners:
            raise value_for_column("coverage_gaps.factors", name, owners[0])
        OptionError.unless_one_of("coverage_gaps.factors", name, [LABEL, *sorted(values)])
    if factors:
        return {name: values.get(name, {}) for name in factors}
    measured = {*STATISTICS, *STATISTIC_TEXTS}
    own = {
        name: levels
        for name, levels in values.items()
        if rules[name] in OWN_RULES and len(levels) <= max_bins and name not in measured
    }
    return {LABEL: {}, **own}


def _combinations(factor_bins: DataFrame, names: Sequence[str]) -> DataFrame:
    """Distinct combinations of values, as texts in the order of the names, with their rows."""
    names = tuple(names)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            present, codes, values = code_columns(pa.Table.from_batches([batch]))
            if batch.num_rows == 0:
                continue
            for name in set(names) - set(present):  # no row of the batch has it
                present.append(name)
                codes.append(np.zeros(batch.num_rows, np.int64))
                values.append(["-1"])
            at = [present.index(name) for name in names]
            distinct, n = np.unique(np.stack([codes[i] for i in at], axis=1), axis=0, return_counts=True)
            texts = [np.asarray(values[i], object)[distinct[:, j]] for j, i in enumerate(at)]
            flat = pa.array(np.stack(texts, axis=1).ravel(), pa.string())
            offsets = pa.array(np.arange(len(n) + 1, dtype=np.int32) * len(names))
            yield pa.RecordBatch.from_arrays(
                [pa.ListArray.from_arrays(offsets, flat), pa.array(n)], names=["values", "n"]
            )

    labelled = factor_bins.where("class_name IS NOT NULL")
    counted = map_batches(labelled.select("class_name", "bins"), count, "values array<string>, n bigint")
    return counted.groupBy("values").agg(F.sum("n").alias("n"))


def _search(
    table: pa.Table, names: Sequence[str], labels: Mapping[str, Mapping[str, str]], threshold: int, max_level: int
) -> list[dict[str, Any]]:
    texts = table["values"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(-1, len(names))
    labels_of_factors, codes = [], []
    for i, name in enumerate(names):
        levels = dict(labels[name]) or {text: text for text in sorted(set(texts[:, i]))}
        place = {text: code for code, text in enumerate(levels)}
        labels_of_factors.append(list(levels.values()))
        codes.append(np.array([place.get(text, -1) for text in texts[:, i]], np.int64))
    counts = table["n"].to_numpy().astype(np.int64)
    sizes = [len(levels) for levels in labels_of_factors]
    patterns = uncovered_patterns(np.stack(codes, axis=1), counts, sizes, threshold, max_level)
    return [_row(pattern, names, labels_of_factors, threshold) for pattern in patterns]


def _row(pattern: Pattern, names: Sequence[str], levels: Sequence[Sequence[str]], threshold: int) -> dict[str, Any]:
    parts = [{"factor": names[factor], "value": levels[factor][value]} for factor, value in pattern.parts]
    return {
        "pattern": ", ".join(f"{part['factor']} = {part['value']}" for part in parts) or "any",
        "parts": parts,
        "level": len(parts),
        "n": pattern.n,
        "expected": pattern.expected,
        "threshold": threshold,
        "images_needed": threshold - pattern.n,
    }
