"""Section on labels: the frequency of each class, and examples of the most frequent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.needs import LABELS
from dataeval_spark.verbs.report.pictures import card, label_counts
from dataeval_spark.verbs.report.section import Content, Picture, Query, Rows, Section, live
from dataeval_spark.verbs.text import number, plural, share, shorten, shown

LABELS_QUERY = """\
SELECT class_name, label_count, image_count, label_share, image_share, labels_per_image,
  max_labels_per_image, class_count, images_without_labels, imbalance_ratio
FROM {label_stats} ORDER BY class_name IS NOT NULL, label_count DESC, class_name LIMIT 31"""


def examples_query(present: frozenset[str]) -> str:
    """Two images of each of the 10 most frequent classes, drawn by hash: the same ones every time.

    Files that could not be read, truncated ones too, are no examples.
    """
    readable = (
        "LEFT ANTI JOIN (SELECT image_id FROM {unreadable_images} WHERE stage != 'encode') AS broken\n"
        "    ON t.image_id = broken.image_id\n"
        if "unreadable_images" in present
        else ""
    )
    return (
        "SELECT t.class_name, count(*) AS labels, min_by(t.image_id, xxhash64(t.class_name, t.image_id)) AS image_a,\n"
        "  max_by(t.image_id, xxhash64(t.class_name, t.image_id)) AS image_b\n"
        f"FROM {live('targets', present)}\n{readable}"
        "WHERE t.class_name IS NOT NULL GROUP BY t.class_name ORDER BY labels DESC, t.class_name LIMIT 10"
    )


def labels(data: ReportData) -> Content:
    rows = data.rows_of("labels")
    classes = [row for row in rows if row["class_name"] is not None]
    whole = next((row for row in rows if row["class_name"] is None), None)
    columns = (
        Column("Class", "class_name", most=40, style="name"),
        Column("Labels", "label_count", number),
        Column("Share", "label_share", share, bar=True),
        Column("Images", "image_count", number),
        Column("Per image", "labels_per_image", number),
        Column("Most in one", "max_labels_per_image", number),
    )
    note = shown(len(classes), int(whole["class_count"]) if whole else len(classes), "classes")
    cards = []
    for row in data.rows_of("label_examples"):
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
    if whole["class_count"] == 1:
        parts.append("with one class no label can be doubted")
    elif whole["imbalance_ratio"] is not None:
        times = number(whole["imbalance_ratio"])
        is_even = times == "1"
        parts.append(
            "all classes are equally frequent"
            if is_even
            else f"the most frequent class has {times} times as many labels as the rarest"
        )
    if whole["images_without_labels"]:
        parts.append(f"{plural(whole['images_without_labels'], 'image')} without any label")
    return "; ".join(parts) + "."


def example_images(rows: Rows) -> Iterator[Picture]:
    """The examples of each class, with all their boxes."""
    for row in rows.get("label_examples", ()):
        yield from (Picture(row[image], all_boxes=True) for image in ("image_a", "image_b"))


SECTION = Section(
    80,
    "labels",
    "Labels",
    intro="Number of labels of each class, and two images of each of the most frequent classes.",
    tables=(LABEL_STATS,),
    queries=(
        Query("labels", LABELS_QUERY, (LABEL_STATS,)),
        Query("label_examples", examples_query, (TARGETS,), (IMAGES, UNREADABLE_IMAGES)),
    ),
    content=labels,
    template="sections/labels.html.j2",
    needs=(LABELS,),
    pictures=example_images,
    pictures_order=6,
)
