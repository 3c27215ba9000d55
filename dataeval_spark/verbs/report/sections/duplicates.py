"""Section on duplicates: groups side by side, differences of their members, and precision and recall of thresholds."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from dataeval_spark.tables.quality import DUPLICATE_EVALUATION, DUPLICATE_GROUPS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData, Row, Thumbnail
from dataeval_spark.verbs.report.needs import MEASURED
from dataeval_spark.verbs.report.pictures import NO_PICTURE, Card, card
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import listed, number, plural, shown, words

GROUP_KINDS = {"exact": "exact copies", "near": "near duplicates"}
MOST_THRESHOLDS = 120
# Copies differ by a few levels, which nobody would see; larger differences are as bright as they can be.
GAIN = 4
ENDS = ("_lower", "", "_upper")
# Groups of duplicates: at most 12 of 6 members.
DUPLICATES_QUERY = """\
WITH shown AS (
  SELECT group_id, bool_or(spans_splits) AS leaks, max(group_size) AS members
  FROM {duplicate_groups} GROUP BY group_id ORDER BY leaks DESC, members DESC, group_id LIMIT 12)
SELECT group_id, image_id, target_index, kinds, is_kept, reason, group_size, spans_splits FROM (
  SELECT g.*, row_number() OVER (
    PARTITION BY g.group_id ORDER BY g.is_kept DESC, g.image_id, g.target_index) AS place
  FROM {duplicate_groups} AS g JOIN shown ON g.group_id = shown.group_id)
WHERE place <= 6 ORDER BY spans_splits DESC, group_size DESC, group_id, place"""
# Precision and recall at each threshold, the first 120 of each kind.
EVALUATION_QUERY = f"""\
SELECT kind, threshold, precision, precision_lower, precision_upper, recall, recall_lower, recall_upper,
  true_pairs FROM (SELECT *, row_number() OVER (PARTITION BY kind ORDER BY threshold) AS place
  FROM {{duplicate_evaluation}}) WHERE place <= {MOST_THRESHOLDS} ORDER BY kind, threshold LIMIT 1200"""


def duplicates(data: ReportData) -> Content:
    """Groups, a sentence, messages of the step, and a chart per kind if pairs have been judged."""
    groups = []
    for rows in data.groups_of("duplicates", "group_id"):
        total = max(int(rows[0]["group_size"]), len(rows))
        kinds = dict.fromkeys(words(kind) for row in rows for kind in row["kinds"])
        kept = next((row for row in rows if row["is_kept"]), None)
        groups.append(
            {
                "title": f"Group of {total:,}",
                "detail": listed(kinds, 5),
                "leaks": any(row["spans_splits"] for row in rows),
                "note": shown(len(rows), total, "images"),
                "cards": [_card(data, row, kept) for row in rows],
                "id": rows[0]["group_id"],
            }
        )
    counts = data.counts("duplicate_groups")
    summary = [f"{plural(counts[kind], 'group')} of {text}" for kind, text in GROUP_KINDS.items() if counts.get(kind)]
    note = shown(len(groups), sum(counts.values()), "groups")
    messages = [row["message"] for row in data.rows_of("dataset_findings") if row["step"] == "duplicates"]
    told = [*messages, *_untested_kinds(data)]
    return {"groups": groups, "note": note, "summary": ", ".join(summary), "told": told, "figures": _figures(data)}


def _untested_kinds(data: ReportData) -> Iterator[str]:
    """What was not looked for, in sentences."""
    if not data.count("embedded_images"):
        yield "Not tested: near duplicates by embeddings. They need profile --encoder, then analyze."
    if data.count("splits") < 2:
        yield "Not tested: duplicates across splits. They need two splits: ingest --split, or a folder of each."


def no_duplicates(data: ReportData) -> str:
    images = plural(data.count("readable_images"), "image")
    return f"No duplicate among {images}: the step duplicates compared bytes, pixels and perceptual hashes."


def _card(data: ReportData, row: Row, kept: Row | None) -> Card:
    """Card of a member, with its difference from the kept one if both are whole images."""
    lines, difference = [row["reason"]], ""
    if kept is not None and not row["is_kept"] and kept["target_index"] is None and row["target_index"] is None:
        pictures = (data.thumbnails.get(each["image_id"], NO_PICTURE) for each in (kept, row))
        if found := difference_of(*pictures):
            difference = found[0] if found[1] else ""
            lines.append(f"mean difference {number(found[1])} of 255" if found[1] else "no difference")
    badge, tone = ("kept", "ok") if row["is_kept"] else ("", "")
    target = row["target_index"]
    return card(data, row["image_id"], lines=lines, badge=badge, tone=tone, target_index=target, difference=difference)


def difference_of(original: Thumbnail, other: Thumbnail) -> tuple[str, float] | None:
    """A picture of the differences of two thumbnails, and their mean.

    Returns
    -------
    tuple of (str, float) or None
        A PNG as a data URI in the size of ``other``, four times as bright as the differences are, and the mean absolute
        difference over all channels, 0 to 255. None where a picture is missing.

    Examples
    --------
    >>> difference_of(Thumbnail(None), Thumbnail(None)) is None
    True
    """
    if original.data is None or other.data is None:
        return None
    with Image.open(BytesIO(original.data)) as first, Image.open(BytesIO(other.data)) as second:
        size = second.size
        one = np.asarray(first.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.int16)
        two = np.asarray(second.convert("RGB"), np.int16)
    distance = np.abs(one - two)
    bright = np.minimum(distance.max(axis=2) * GAIN, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(bright).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}", float(distance.mean())


def _figures(data: ReportData) -> list[Mapping[str, Any]]:
    """Precision and recall over the threshold, one chart per kind."""
    figures: list[Mapping[str, Any]] = []
    for group in data.groups_of("duplicate_evaluation", "kind"):
        kind = group[0]["kind"]
        rows = [row for row in group if row["precision"] is not None and row["recall"] is not None]
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


SECTION = Section(
    50,
    "duplicates",
    "Duplicates",
    intro=(
        "Groups that span splits come first, then the largest. One image of each group is kept by a fixed rule; each "
        "of the others is a copy of it or almost the same. Nothing has been deleted. The grey pictures show where an "
        "image differs from the kept one."
    ),
    tables=(DUPLICATE_GROUPS,),
    queries=(
        Query("duplicates", DUPLICATES_QUERY, (DUPLICATE_GROUPS,)),
        Query("duplicate_evaluation", EVALUATION_QUERY, (DUPLICATE_EVALUATION,)),
    ),
    content=duplicates,
    template="sections/duplicates.html.j2",
    needs=(MEASURED,),
    otherwise=no_duplicates,
    tests="duplicates",
    pictures=pictures_of("duplicates"),
    pictures_order=1,
)
