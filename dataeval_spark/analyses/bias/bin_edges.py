"""Bins of factors as rows of table `bin_edges`, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.factors.binning import UNSEEN, Bins, bin_labels
from dataeval_spark.kernels.factors.factor_codes import codes_of, factor_values, numbers_of
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.bias import CUT_RULES

_COUNTS = "factor string, n bigint, unseen bigint, below bigint, above bigint"
_COUNTS_SCHEMA = arrow_schema(_COUNTS)


def bins_of(summary: Mapping[str, Any]) -> Bins:
    """Bins from the summary of a factor."""
    levels = summary["texts"] if summary["rule"] == "categorical" else summary["numbers"]
    return Bins(summary["rule"], tuple(summary["edges"]), tuple(levels))


def edge_rows(summaries: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Rows of table ``bin_edges`` without ``run_id``, of the factors that are not left out."""
    rows = []
    for summary in summaries:
        if summary["reason"] is not None:
            continue
        bins = bins_of(summary)
        seen = (summary[name] for name in ("counts", "lows", "highs"))
        by_code = dict(zip(summary["codes"], zip(*seen, strict=True), strict=True))
        for code, label in sorted(bin_labels(bins).items()):
            n, low, high = by_code.get(code, (0, None, None))
            # Of 0.0 and -0.0 either may be found to be the smallest, by the order of the rows: the sum is 0.0.
            low, high = (None if end is None else end + 0.0 for end in (low, high))
            if label == "inf" and n == 0:
                continue
            lower, upper = _bounds(bins, code)
            rows.append((summary["factor"], code, lower, upper, label, bins.rule, summary["level"], n, low, high))
    return rows


def _bounds(bins: Bins, code: int) -> tuple[float | None, float | None]:
    if code == bins.missing_code or bins.rule == "categorical":
        return None, None
    if not bins.edges:
        return float(bins.levels[code]), float(bins.levels[code])
    outer = (-np.inf, *bins.edges, np.inf)
    lower, upper = outer[code], outer[code + 1]
    return (float(lower) if np.isfinite(lower) else None), (float(upper) if np.isfinite(upper) else None)


def stored_bins(bin_edges: DataFrame) -> tuple[dict[str, Bins], dict[str, tuple[float, float]]]:
    """Bins of each factor of table ``bin_edges``, and the smallest and largest value seen of each numeric one.

    The driver holds the table: factors x bins rows.
    """
    columns = ("factor", "bin", "lower", "upper", "label", "rule", "minimum", "maximum")
    rows = [row.asDict() for row in bounded(bin_edges.select(*columns), "factors x bins")]
    by_factor: dict[str, list[dict[str, Any]]] = {}
    for row in sorted(rows, key=lambda row: (row["factor"], row["bin"])):
        by_factor.setdefault(row["factor"], []).append(row)
    bins, ranges = {}, {}
    for factor, (*filled, missing) in by_factor.items():
        rule = filled[0]["rule"]
        if rule in CUT_RULES:
            bins[factor] = Bins(rule, edges=_edges(filled, missing["bin"] - 1))
        else:
            bins[factor] = Bins(
                rule, levels=tuple(row["label" if rule == "categorical" else "lower"] for row in filled)
            )
        lows = [row["minimum"] for row in filled if row["minimum"] is not None]
        highs = [row["maximum"] for row in filled if row["maximum"] is not None]
        if lows:
            ranges[factor] = (min(lows), max(highs))
    return bins, ranges


def _edges(rows: Sequence[Mapping[str, Any]], count: int) -> tuple[float, ...]:
    # Code 0 is below the first edge: where no row has it, the first edge is infinite.
    finite = [row["upper"] for row in rows if row["upper"] is not None]
    first = () if rows[0]["bin"] == 0 else (-np.inf,)
    last = (np.inf,) if len(first) + len(finite) < count else ()
    return (*first, *finite, *last)


def unseen_values(units: DataFrame, bins: Mapping[str, Bins], ranges: Mapping[str, tuple[float, float]]) -> DataFrame:
    """Count the values of `labelled_units` that stored bins do not cover: one row per factor.

    They are ``unseen`` (levels in no bin), ``below`` and ``above`` the smallest and largest value seen, of ``n``.
    """
    bins, ranges = dict(bins), dict(ranges)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            rows = [
                {
                    "factor": name,
                    "n": len(codes),
                    "unseen": int((codes == UNSEEN).sum()),
                    **_beyond(batch, name, ranges),
                }
                for name, codes in codes_of(batch, bins).items()
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=_COUNTS_SCHEMA)

    counted = map_batches(units.select("numbers", "texts"), count, _COUNTS)
    return counted.groupBy("factor").agg(*(F.sum(name).alias(name) for name in ("n", "unseen", "below", "above")))


def _beyond(batch: pa.RecordBatch, name: str, ranges: Mapping[str, tuple[float, float]]) -> dict[str, int]:
    """Values below the smallest and above the largest one seen; a text has none."""
    values = factor_values(batch, name, is_text=False) if name in ranges else None
    if values is None:
        return {"below": 0, "above": 0}
    numbers, (low, high) = numbers_of(values), ranges[name]
    return {"below": int((numbers < low).sum()), "above": int((numbers > high).sum())}
