"""Section on image findings: the images of each rule, worst first."""

from __future__ import annotations

from dataeval_spark.tables.quality import IMAGE_FINDINGS
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.listing import TONES
from dataeval_spark.verbs.report.needs import MEASURED
from dataeval_spark.verbs.report.pictures import card, size_of_box
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import number, plural, shorten, shown, slug, words

# Findings, at most 5 of each of the rules (8 at present).
FINDINGS_QUERY = """\
SELECT rule, image_id, target_index, score, threshold, severity, message FROM (
  SELECT *, row_number() OVER (PARTITION BY rule ORDER BY score, image_id, target_index) AS place
  FROM {image_findings})
WHERE place <= 5 ORDER BY rule, place LIMIT 60"""


def findings(data: ReportData) -> Content:
    totals = data.counts("image_findings")
    rules = []
    for rows in data.groups_of("image_findings", "rule"):
        rule = rows[0]["rule"]
        cards = [
            card(
                data,
                row["image_id"],
                lines=_lines(data, row),
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


def _lines(data: ReportData, row: Row) -> list[str]:
    """The finding in a sentence; the size of its box, or the score of its image."""
    box = size_of_box(data, row["image_id"], row["target_index"])
    if box:
        return [row["message"], f"box of {box}"]
    # A limit of 1 is that of a rule that holds or does not: its score says no more.
    has_score = row["threshold"] != 1
    return [
        row["message"],
        *([f"score {number(row['score'])} (limit {number(row['threshold'])})"] if has_score else []),
    ]


def nothing_odd(data: ReportData) -> str:
    images, boxes = plural(data.count("readable_images"), "image"), plural(data.count("boxes"), "box", "boxes")
    return f"No image looks odd: the step image_findings looked at {images} and {boxes}."


SECTION = Section(
    60,
    "findings",
    "Image findings",
    intro="Images that look odd by a rule, worst first. A lower score is worse.",
    tables=(IMAGE_FINDINGS,),
    queries=(Query("image_findings", FINDINGS_QUERY, (IMAGE_FINDINGS,)),),
    content=findings,
    template="sections/findings.html.j2",
    needs=(MEASURED,),
    otherwise=nothing_odd,
    tests="odd images",
    pictures=pictures_of("image_findings"),
    pictures_order=2,
)
