"""What the section on drift shows: one table per pair of datasets, and the histograms of what drifted most."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from dataeval_spark.report import charts
from dataeval_spark.report.content import UNITS, counts_of
from dataeval_spark.report.data import ReportData, Row
from dataeval_spark.report.histograms import MAX_OVERLAYS, overlay_pairs
from dataeval_spark.report.listing import Column, Listing, listing
from dataeval_spark.report.text import clean, number, shorten, words

VERDICTS = {True: ("drifted", "pill warn"), False: ("same", "pill ok"), None: ("not tested", "pill calm")}


def drift(data: ReportData) -> Mapping[str, Any]:
    """Tables per comparison, and figures of the drifted statistics."""
    rows = data.of("drift")
    pairs = dict.fromkeys((row["reference"], row["current"]) for row in rows)
    tables = [
        {
            "title": f"{shorten(current)} compared with {shorten(reference)}",
            "table": _table([row for row in rows if (row["reference"], row["current"]) == (reference, current)]),
        }
        for reference, current in pairs
    ]
    return {"comparisons": tables, "figures": _figures(data)}


def _table(rows: list[Row]) -> Listing:
    sliced = any(row["slice_key"] is not None for row in rows)
    shown_rows = [
        {**row, "verdict": VERDICTS[row["drift_detected"]][0], "slice": _slice(row), "statistic": row["column_name"]}
        for row in rows
    ]
    columns = [
        Column("Statistic", "statistic", words),
        *([Column("Slice", "slice", most=40)] if sliced else []),
        Column("Result", "verdict", style=lambda row: VERDICTS[row["drift_detected"]][1]),
        Column("KS statistic", "ks_statistic", number, "num", bar=True),
        Column("Adjusted p", "adjusted_pvalue", number, "num"),
        Column("Limit", "threshold", number, "num"),
        Column("Mean change", "avg_delta", number, "num"),
        Column("Wasserstein", "wasserstein_distance", number, "num"),
        Column("Reference", "reference_count", number, "num"),
        Column("Current", "current_count", number, "num"),
    ]
    return listing(shown_rows, columns, caption="Drift per statistic")


def _slice(row: Row) -> str:
    return "all" if row["slice_key"] is None else f"{clean(row['slice_key'])} = {clean(row['slice_value'])}"


def _figures(data: ReportData) -> list[dict[str, str]]:
    pairs = overlay_pairs(data.of("drift"), MAX_OVERLAYS)
    figures = []
    for place, rows in groupby(data.of("drift_overlay"), key=lambda row: row["place"]):
        bins = list(rows)
        column, reference, current = pairs[place]
        unit = UNITS.get(column, "")
        sides = [counts_of([row for row in bins if row["side"] == side]) for side in ("reference", "current")]
        label = f"{words(column)}: {shorten(current)} compared with {shorten(reference)}"
        low, high = bins[0]["low"], bins[0]["high"]
        chart = charts.overlay(f"chart-drift-{place}", label, low, high, *sides, unit=unit)
        figures.append(
            {
                "title": words(column).capitalize() + (f" [{unit}]" if unit not in ("", "bytes") else ""),
                "reference": f"{shorten(reference, 40)} ({sum(sides[0]):,})",
                "current": f"{shorten(current, 40)} ({sum(sides[1]):,})",
                "chart": chart,
            }
        )
    return figures
