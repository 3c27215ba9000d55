"""What each section shows, from `ReportData`: tables, galleries and charts ready for the template."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import groupby
from typing import Any

from dataeval_spark.report import charts
from dataeval_spark.report.bias import bias
from dataeval_spark.report.clusters import clusters
from dataeval_spark.report.data import ReportData
from dataeval_spark.report.duplicates import duplicates
from dataeval_spark.report.histograms import BINS
from dataeval_spark.report.label_errors import label_errors
from dataeval_spark.report.listing import Column, listing
from dataeval_spark.report.pictures import card, label_counts
from dataeval_spark.report.splits import splits
from dataeval_spark.report.text import number, plural, share, shorten, shown, size, words
from dataeval_spark.tables.profile import IMAGE_STATS

Content = Mapping[str, Any]
UNITS = {column.name: column.unit for column in IMAGE_STATS.columns} | {"file_size": "bytes"}
MEANINGS = {column.name: column.doc for column in IMAGE_STATS.columns} | {"file_size": "Size of the file"}
TONES = {"error": "bad", "warning": "warn", "info": "calm"}


def unreadable(data: ReportData) -> Content:
    rows = data.of("unreadable")
    columns = (
        Column("Image", "image_id", style="code"),
        Column("Stage", "stage"),
        Column("Error", "error_class"),
        Column("What the reader said", "message", most=140, style="wide"),
        Column("File size", "content_length", size, "num"),
    )
    note = shown(len(rows), data.count("unreadable_images"))
    return {"tables": [listing(rows, columns, caption="Unreadable images", note=note)] if rows else []}


def findings(data: ReportData) -> Content:
    totals = data.counts("image_findings")
    rules = []
    for rule, members in groupby(data.of("image_findings"), key=lambda row: row["rule"]):
        rows = list(members)
        cards = [
            card(
                data,
                row["image_id"],
                lines=[f"score {number(row['score'])} (limit {number(row['threshold'])})", row["message"]],
                target_index=row["target_index"],
            )
            for row in rows
        ]
        total = max(totals.get(rule, 0), len(rows))
        rules.append(
            {
                "id": f"finding-{slug(rule)}",
                "title": words(rule).capitalize(),
                "tone": TONES.get(rows[0]["severity"], "calm"),
                "severity": shorten(rows[0]["severity"], 20),
                "note": shown(len(rows), total),
                "total": total,
                "cards": cards,
            }
        )
    return {"rules": sorted(rules, key=lambda rule: -rule["total"])}


def outliers(data: ReportData) -> Content:
    counts = data.counts("outliers")
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    totals = [{"statistic": words(name), "count": counts[name]} for name in ranked]
    cards = []
    for row in data.of("outliers"):
        low = row["direction"] == "low"
        limit = row["lower"] if low else row["upper"]
        within = f"among {shorten(row['group_name'], 30)}" if row["group_name"] is not None else ""
        lines = [
            f"{number(row['value'])} is {'below' if low else 'above'} {number(limit)} {within}",
            f"score {number(row['score'])} (limit {number(row['threshold'])})",
        ]
        statistic = words(row["statistic"]) + (f" of channel {row['channel']}" if row["channel"] is not None else "")
        cards.append(card(data, row["image_id"], lines=lines, badge=statistic, target_index=row["target_index"]))
    return {"totals": totals, "cards": cards, "note": shown(len(cards), sum(counts.values()), "outliers")}


def labels(data: ReportData) -> Content:
    rows = data.of("labels")
    classes = [row for row in rows if row["class_name"] is not None]
    whole = next((row for row in rows if row["class_name"] is None), None)
    columns = (
        Column("Class", "class_name", most=40, style="name"),
        Column("Labels", "label_count", number, "num"),
        Column("Share", "label_share", share, "num", bar=True),
        Column("Images", "image_count", number, "num"),
        Column("Per image", "labels_per_image", number, "num"),
        Column("Most in one", "max_labels_per_image", number, "num"),
    )
    note = shown(len(classes), int(whole["class_count"]) if whole else len(classes), "classes")
    cards = []
    for row in data.of("label_examples"):
        for image in dict.fromkeys((row["image_a"], row["image_b"])):
            badge = shorten(row["class_name"], 28)
            cards.append(card(data, image, lines=[label_counts(data, image)], badge=badge, all_boxes=True))
    names, values = [row["class_name"] for row in classes], [row["label_count"] for row in classes]
    chart = charts.bars("chart-labels", f"Labels of {plural(len(names), 'class', 'classes')}", names, values)
    return {
        "tables": [listing(classes, columns, caption="Labels per class", note=note)] if classes else [],
        "chart": chart if classes else "",
        "cards": cards,
        "summary": _label_summary(whole) if whole else "",
    }


def _label_summary(whole: Mapping[str, Any]) -> str:
    classes = plural(whole["class_count"], "class", "classes")
    parts = [f"{plural(whole['label_count'], 'label')} of {classes} in {plural(whole['image_count'], 'image')}"]
    if whole["imbalance_ratio"] is not None:
        parts.append(f"the most frequent class has {number(whole['imbalance_ratio'])} times the labels of the rarest")
    if whole["images_without_labels"]:
        parts.append(f"{plural(whole['images_without_labels'], 'image')} without any label")
    return "; ".join(parts) + "."


def ingest_findings(data: ReportData) -> Content:
    rows = data.of("annotations")
    columns = (
        Column("Kind", "kind", words),
        Column("What is wrong", "message", most=140, style="wide"),
        Column("Found", "found", most=40, style="code"),
        Column("Expected", "expected", most=40, style="code"),
        Column("File", "source_file", style="code", most=48),
        Column("Where", "location", style="code", most=32),
    )
    note = shown(len(rows), data.count("ingest_findings"))
    return {"tables": [listing(rows, columns, caption="Annotation findings", note=note)] if rows else []}


def statistics(data: ReportData) -> Content:
    figures = []
    for name, rows in groupby(data.of("statistics"), key=lambda row: row["statistic"]):
        bins = list(rows)
        low, high, total = bins[0]["low"], bins[0]["high"], sum(row["images"] for row in bins)
        show = size if UNITS[name] == "bytes" else number
        unit = f" [{UNITS[name]}]" if UNITS[name] not in ("", "bytes") else ""
        mean = show(sum(row["total"] for row in bins) / total)
        chart = charts.histogram(
            f"chart-{slug(name)}", f"Histogram of {words(name)}", low, high, counts_of(bins), unit=UNITS[name]
        )
        # A constant statistic is drawn in bins around its value.
        constant = len(bins) == 1
        span = f"all {mean}" if constant else f"{show(low)} to {show(high)}, mean {mean}"
        figures.append(
            {"title": words(name).capitalize(), "detail": MEANINGS[name] + unit, "note": span, "chart": chart}
        )
    return {"figures": figures}


def counts_of(bins: list[Mapping[str, Any]]) -> list[int]:
    """Images per bin, empty bins included."""
    found = {row["bin"]: row["images"] for row in bins}
    return [found.get(place, 0) for place in range(BINS)]


def dataset_findings(data: ReportData) -> Content:
    rows = data.of("dataset_findings")
    columns = (
        Column("Severity", "severity", style=lambda row: f"pill {TONES.get(row['severity'], 'calm')}"),
        Column("Finding", "message", most=200, style="wide"),
        Column("Subject", "subject", style="code", most=40),
        Column("Rule", "rule", words),
        Column("Found", "value", number, "num"),
        Column("Expected", "threshold", number, "num"),
    )
    return {"tables": [listing(rows, columns, caption="Findings about the dataset")] if rows else []}


def slug(text: str) -> str:
    """A text as part of an id."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower())


CONTENT: Mapping[str, Callable[[ReportData], Content]] = {
    "unreadable": unreadable,
    "duplicates": duplicates,
    "findings": findings,
    "outliers": outliers,
    "labels": labels,
    "label-errors": label_errors,
    "clusters": clusters,
    "bias": bias,
    "splits": splits,
    "annotations": ingest_findings,
    "statistics": statistics,
    "dataset-findings": dataset_findings,
}
