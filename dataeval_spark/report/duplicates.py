"""What a report shows of duplicates: groups side by side, where their members differ, and how good thresholds are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from dataeval_spark.report import charts
from dataeval_spark.report.data import ReportData, Row
from dataeval_spark.report.differences import difference_of
from dataeval_spark.report.pictures import NO_PICTURE, Card, card
from dataeval_spark.report.text import listed, number, plural, shown, words

GROUP_KINDS = {"exact": "exact copies", "near": "near duplicates"}
MOST_THRESHOLDS = 120
ENDS = ("_lower", "", "_upper")


def evaluation_query(present: frozenset[str]) -> str:
    """Precision and recall at each threshold, the first 120 of each kind."""
    return (
        "SELECT kind, threshold, precision, precision_lower, precision_upper, recall, recall_lower, recall_upper,\n"
        "  true_pairs FROM (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY threshold) AS place\n"
        f"  FROM {{duplicate_evaluation}}) WHERE place <= {MOST_THRESHOLDS} ORDER BY kind, threshold LIMIT 1200"
    )


def duplicates(data: ReportData) -> Mapping[str, Any]:
    """Groups, a sentence, what was left out and why, and a chart per kind where pairs have been judged."""
    groups = []
    for group_id, members in groupby(data.of("duplicates"), key=lambda row: row["group_id"]):
        rows = list(members)
        total = max(int(rows[0]["group_size"]), len(rows))
        kinds = dict.fromkeys(words(kind) for row in rows for kind in row["kinds"])
        note = shown(len(rows), total, "images")
        leaks = any(row["spans_splits"] for row in rows)
        groups.append(
            {
                "title": f"Group of {total:,}",
                "detail": listed(kinds, 5),
                "leaks": leaks,
                "note": note,
                "cards": _cards(data, rows),
                "id": group_id,
            }
        )
    counts = data.counts("duplicate_groups")
    summary = [f"{plural(counts[kind], 'group')} of {text}" for kind, text in GROUP_KINDS.items() if counts.get(kind)]
    note = shown(len(groups), sum(counts.values()), "groups")
    told = [row["message"] for row in data.of("dataset_findings") if row["step"] == "duplicates"]
    return {"groups": groups, "note": note, "summary": ", ".join(summary), "told": told, "figures": _figures(data)}


def _cards(data: ReportData, rows: Sequence[Row]) -> list[Card]:
    """The kept image first; each other with its difference from it, where both are whole images."""
    kept = next((row for row in rows if row["is_kept"]), None)
    cards = []
    for row in rows:
        is_kept = row["is_kept"]
        made = card(
            data,
            row["image_id"],
            lines=[row["reason"]],
            badge="kept" if is_kept else "",
            tone="ok" if is_kept else "",
            target_index=row["target_index"],
        )
        if kept is not None and not is_kept and kept["target_index"] is None and row["target_index"] is None:
            pictures = (data.thumbnails.get(each["image_id"], NO_PICTURE) for each in (kept, row))
            found = difference_of(*pictures)
            if found:
                line = f"mean difference {number(found[1])} of 255"
                made = replace(made, difference=found[0], lines=(*made.lines, line))
        cards.append(made)
    return cards


def _figures(data: ReportData) -> list[Mapping[str, Any]]:
    """Precision and recall over the threshold, one chart per kind."""
    figures: list[Mapping[str, Any]] = []
    for kind, found in groupby(data.of("duplicate_evaluation"), key=lambda row: row["kind"]):
        rows = [row for row in found if row["precision"] is not None and row["recall"] is not None]
        if not rows:
            continue
        bands = [[row[f"{name}{end}"] for row in rows] for name in ("recall", "precision") for end in ENDS]
        label = f"Precision and recall of {words(kind)} by threshold"
        chart = charts.curves(f"chart-evaluation-{len(figures)}", label, [row["threshold"] for row in rows], bands)
        figures.append(
            {
                "title": words(kind).capitalize(),
                "detail": f"{plural(rows[0]['true_pairs'], 'judged pair')}; bands are intervals of 95\u00a0%",
                "reference": "precision",
                "current": "recall",
                "chart": chart,
            }
        )
    return figures
