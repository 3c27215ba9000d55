"""Findings about factors: left out and why, two units in one factor, values that stored bins do not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STEP = "factor_bins"
_REASONS = {
    "constant": "has one value only",
    "no_values": "has no values",
    "identifier": "names its rows: {distinct:,} values in {n:,} rows (factor_bins.keep keeps it)",
    "too_many_levels": "has {distinct:,} values or more, too many to count one by one",
}
_UNITS = {
    "percent_beside_share": "values are 100 times the others (percent beside shares?)",
    "8_bit_beside_unit_range": "values are 255 times the others (0..255 beside 0..1?)",
    "thousandfold": "values are 1000 times the others (milliseconds beside seconds?)",
    "degrees_beside_radians": "values are 57.3 times the others (degrees beside radians?)",
    "normalized_beside_pixel_boxes": "boxes are in pixels, the others are shares of the image",
}
_CLUSTERS = {"one_cluster": "one cluster only", "too_many_clusters": "more clusters than bins are allowed"}

Finding = tuple[str, str, str, float | None, float | None, str, str]


def findings_of(
    summaries: Sequence[Mapping[str, Any]],
    no_factors: Sequence[tuple[str, str]],
    derived: frozenset[str],
    exclude: Sequence[str],
) -> list[Finding]:
    """Rows of table ``dataset_findings`` without ``run_id``."""
    found: list[Finding] = []
    for row in summaries:
        name = row["factor"]
        # Where there are no boxes, say, nobody misses their width.
        if row["reason"] is not None and not (row["reason"] == "no_values" and name in derived):
            why = _REASONS[row["reason"]].format(**row)
            found.append((STEP, "factor_left_out", name, float(row["distinct"]), None, "info", f"Factor {name} {why}"))
        found += _bins(row) + _anomalies(row)
    for name, type in no_factors:
        message = f"Factor {name} is {type}: only numbers, texts, booleans and times are factors"
        found.append((STEP, "factor_left_out", name, None, None, "info", message))
    for name in exclude:
        found.append((STEP, "factor_left_out", name, None, None, "info", f"Factor {name} is in factor_bins.exclude"))
    return found


def _bins(row: Mapping[str, Any]) -> list[Finding]:
    """Where values could not be cut as was asked for, and where the cut tells nothing apart."""
    found: list[Finding] = []
    name = row["factor"]
    if row["note"] is not None:
        message = f"Factor {name}: its values form {_CLUSTERS[row['note']]}, so they are cut by uniform width instead"
        found.append((STEP, "clusters_not_used", name, None, None, "warning", message))
    missing = len(row["edges"]) + 1 if row["edges"] else len(row["numbers"]) + len(row["texts"])
    filled = [n for code, n in zip(row["codes"], row["counts"], strict=True) if code != missing]
    if row["reason"] is None and row["edges"] and len(filled) < 2:
        message = f"Factor {name}: all {sum(filled):,} of its values are in one bin, which tells nothing apart"
        found.append((STEP, "one_bin", name, float(len(filled)), 2.0, "warning", message))
    return found


def _anomalies(row: Mapping[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    name = row["factor"]
    for anomaly in row["anomalies"]:
        share = f"{100 * anomaly['share']:.1f} %"
        message = f"Factor {name}: {share} of its {_UNITS[anomaly['kind']]}, from {anomaly['boundary']:g} on"
        found.append((STEP, anomaly["kind"], name, anomaly["ratio"], None, "warning", message))
    return found


def findings_beside_stored_bins(summaries: Sequence[Mapping[str, Any]], stored: frozenset[str]) -> list[Finding]:
    """Where bins are given: factors that have none though they could, and two units in one factor."""
    found: list[Finding] = []
    for row in summaries:
        name = row["factor"]
        if name not in stored and row["reason"] is None:
            message = f"Factor {name} has no stored bins: it was no factor when they were made"
            found.append((STEP, "factor_without_bins", name, float(row["distinct"]), None, "info", message))
        found += _anomalies(row)
    return found


def findings_of_new_values(counts: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Findings from the rows of `unseen_values`."""
    found: list[Finding] = []
    for row in counts:
        name, n = row["factor"], row["n"]
        if row["unseen"]:
            message = f"Factor {name}: {row['unseen']:,} of {n:,} values are in none of the stored bins"
            found.append((STEP, "unseen_levels", name, row["unseen"] / n, 0.0, "warning", message))
        outside = row["below"] + row["above"]
        if outside:
            message = (
                f"Factor {name}: {row['below']:,} values below and {row['above']:,} above all stored ones, of {n:,}"
            )
            found.append((STEP, "values_out_of_range", name, outside / n, 0.0, "warning", message))
    return found
