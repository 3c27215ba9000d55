"""Section on boxes that look wrong: in themselves, or by what a model predicts."""

from __future__ import annotations

from collections.abc import Iterator

from dataeval_spark.tables.labels import BOX_FINDINGS, IMAGE_LABEL_QUALITY, OBJECT_LABEL_ERRORS
from dataeval_spark.tables.quality import IMAGE_FINDINGS
from dataeval_spark.verbs.report.data import Box, ReportData, Row
from dataeval_spark.verbs.report.needs import BOXES
from dataeval_spark.verbs.report.pictures import card, in_words
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import number, plural, shown, slug, words

MOST = 6
READS = (BOX_FINDINGS, OBJECT_LABEL_ERRORS, IMAGE_FINDINGS, IMAGE_LABEL_QUALITY)
# What the boxes of a rule are.
RULES = {
    "overlooked": "A model is sure of an object where nothing is labelled",
    "swapped": "A model sees another class in the same place",
    "badly_located": "A model places the box elsewhere",
    "duplicate_box": "Another box of the same class lies in the same place",
    "conflicting_box": "A box of another class lies in the same place",
    "tiny_box": "The area is too small to recognise anything",
    "degenerate_box": "The box has no inside",
}


# What both tables have; of the boxes by themselves no model is known.
_COLUMNS = "rule, image_id, target_index, class_name, other_class, box, score, threshold"


def boxes_query(present: frozenset[str]) -> str | None:
    """Boxes, the worst six of each rule; those without an inside only where the image findings do not have them."""
    sources = [
        f"SELECT {_COLUMNS}, {more} FROM {{{table.name}}}"
        for table, more in (
            (BOX_FINDINGS, "CAST(NULL AS string) AS model, CAST(NULL AS int) AS predicted_index"),
            (OBJECT_LABEL_ERRORS, "model, predicted_index"),
        )
        if table.name in present
    ]
    if not sources:
        return None
    both = "\n    UNION ALL ".join(sources)
    told_apart = "WHERE rule != 'degenerate_box'" if "image_findings" in present else ""
    return (
        f"SELECT {_COLUMNS}, model, place, total\n"
        "FROM (SELECT *, count(*) OVER (PARTITION BY rule) AS total, row_number() OVER (PARTITION BY rule\n"
        "    ORDER BY if(rule IN ('duplicate_box', 'conflicting_box'), -score, score), image_id, target_index,\n"
        f"    predicted_index) AS place\n  FROM ({both}) {told_apart})\n"
        f"WHERE place <= {MOST} ORDER BY rule, place LIMIT 60"
    )


def boxes(data: ReportData) -> Content:
    """A gallery per rule, the rules with most boxes first."""
    groups = []
    for rows in data.groups_of("box_errors", "rule"):
        rule, total = rows[0]["rule"], rows[0]["total"]
        cards = [
            card(
                data,
                row["image_id"],
                lines=_lines(row),
                target_index=row["target_index"],
                found=_box(row) if row["target_index"] is None else None,
            )
            for row in rows
        ]
        title = words(rule).capitalize()
        groups.append({"title": title, "note": f"{RULES.get(rule, '')}. {shown(len(rows), total)}", "cards": cards})
        groups[-1]["id"], groups[-1]["total"] = f"box-{slug(rule)}", total
    return {"groups": sorted(groups, key=lambda group: -group["total"]), "told": list(_untested(data))}


def _lines(row: Row) -> Iterator[str]:
    other = f", also {row['other_class']}" if row["other_class"] is not None else ""
    yield f"{row['class_name'] or 'unknown class'}{other}"
    if (box := _box(row)) is not None:
        yield f"box of {in_words(box)}"
    yield f"score {number(row['score'])} (limit {number(row['threshold'])})"


def _box(row: Row) -> Box | None:
    box = row["box"]
    return box and Box(-1, row["class_name"], box["x0"], box["y0"], box["x1"], box["y1"])


def _untested(data: ReportData) -> Iterator[str]:
    if "image_label_quality" not in data.present:
        yield "Not tested: boxes against those of a model. They need ingest --predictions FILE, then analyze."


def no_odd_box(data: ReportData) -> str:
    looked_at = f"the step box_findings looked at {plural(data.count('boxes'), 'box', 'boxes')}"
    told_apart = data.counts("image_findings").get("invalid_box", 0)
    if not told_apart:
        return f"No box looks wrong: {looked_at}."
    boxes = plural(told_apart, "box is", "boxes are")
    return f"No other box looks wrong: {looked_at}. {boxes} shown under Image findings."


SECTION = Section(
    95,
    "boxes",
    "Boxes that look wrong",
    intro="Boxes that are tiny or lie in the same place, and boxes that a model sees otherwise, worst first.",
    tables=(BOX_FINDINGS,),
    queries=(Query("box_errors", boxes_query, (), READS),),
    content=boxes,
    needs=(BOXES,),
    otherwise=no_odd_box,
    tests="boxes",
    pictures=pictures_of("box_errors"),
    pictures_order=2,
)
