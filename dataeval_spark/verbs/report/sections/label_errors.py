"""Section on labels that are likely wrong: the pictures, their labels, and the likelier classes."""

from __future__ import annotations

from dataeval_spark.tables.labels import LABEL_ERRORS
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.needs import ANALYZE, CLASSES, EMBED, Need
from dataeval_spark.verbs.report.pictures import card
from dataeval_spark.verbs.report.section import Content, Query, Section, pictures_of
from dataeval_spark.verbs.text import listed, number, plural, shorten, shown, words

# Likely errors, at most 12 of each step and source: the vectors of an encoder or a model's probabilities.
LABEL_ERRORS_QUERY = """\
SELECT step, source, image_id, target_index, class_name, suggested_class, score, place, total FROM (
  SELECT *, row_number() OVER (PARTITION BY step, source ORDER BY rank, image_id, target_index) AS place,
    count(*) OVER (PARTITION BY step, source) AS total FROM {label_errors})
WHERE place <= 12 ORDER BY step, source DESC, place LIMIT 48"""

SOURCE = Need(
    "vectors of an encoder or predictions",
    lambda data: data.count("embedded_images") + data.count("scored_labels") > 0,
    EMBED,
)
# Where the step has run on vectors and scored no label, the findings about the dataset tell why.
SCORED = Need(
    "labels that could be scored",
    lambda data: data.count("scored_labels") > 0 or not SOURCE.is_met(data) or "label_errors" not in data.present,
    ANALYZE,
)


def label_errors(data: ReportData) -> Content:
    """A gallery per step and source, the worst first."""
    groups = []
    for rows in data.groups_of("label_errors", "step", "source"):
        cards = [
            card(
                data,
                row["image_id"],
                lines=[
                    f"labelled {row['class_name']}",
                    f"looks like {row['suggested_class'] or 'no class in particular'} (score {number(row['score'])})",
                ],
                badge=shorten(row["suggested_class"] or "", 28),
                target_index=row["target_index"],
            )
            for row in rows
        ]
        title = f"{words(rows[0]['step']).capitalize()}: {shorten(rows[0]['source'], 40)}"
        groups.append({"title": title, "note": shown(len(rows), rows[0]["total"]), "cards": cards})
    return {"groups": groups}


def no_wrong_label(data: ReportData) -> str:
    scored = listed(f"{count:,} by {words(how)}" for how, count in data.counts("scored_labels").items())
    labels = plural(data.count("targets"), "label")
    return f"No label looks wrong of those that were scored, of {labels}: {scored}."


SECTION = Section(
    90,
    "label-errors",
    "Labels that are likely wrong",
    intro=(
        "Labels that are likely wrong by the probabilities that a model predicts, or by the labels of the most similar "
        "images. Look before you change a label: correct labels of hard examples are listed too."
    ),
    tables=(LABEL_ERRORS,),
    queries=(Query("label_errors", LABEL_ERRORS_QUERY, (LABEL_ERRORS,)),),
    content=label_errors,
    needs=(CLASSES, SOURCE, SCORED),
    otherwise=no_wrong_label,
    tests="labels that are likely wrong",
    pictures=pictures_of("label_errors"),
    pictures_order=3,
)
