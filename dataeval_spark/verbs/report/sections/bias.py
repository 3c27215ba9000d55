"""Section on bias: factors that predict the class or one another, gaps in their combinations, shortcuts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dataeval_spark.tables.bias import BALANCE, COVERAGE_GAPS, DIVERSITY, FEATURE_VALUE, PARITY, SHORTCUTS
from dataeval_spark.verbs.report import charts
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.needs import CLASSES, INGEST, Need
from dataeval_spark.verbs.report.pictures import card
from dataeval_spark.verbs.report.section import Content, Picture, Query, Rows, Section
from dataeval_spark.verbs.text import listed, number, plural, shorten, shown

# Where the step has not run, or had no labels, nothing is known of the factors.
FACTORS_KNOWN = Need(
    "factors to compare with the label",
    lambda data: (
        "balance" not in data.present
        or not CLASSES.is_met(data)
        or any(row["kind"] == "label" for row in data.rows_of("balance"))
    ),
    f"{INGEST} --metadata factors.csv",
)
FACTORS = 12
"""Most factors in the matrix: those that predict the class best."""
MOST_SHORTCUTS, EXAMPLES = 6, 2
"""Shortcuts that are shown in pictures, and pictures of each end."""
ENDS = ("lowest", "highest")
VERDICTS = {"useful": "ok", "useless": "calm", "redundant": "warn", "constant": "calm"}
_IN_MATRIX = f"""(SELECT factor_b FROM (
    SELECT factor_b, row_number() OVER (PARTITION BY kind ORDER BY score DESC, factor_b) AS place
    FROM {{balance}} WHERE kind = 'label') WHERE place <= {FACTORS})"""
# The label against each factor, and those of the matrix against one another: at most 600 rows, the strongest first.
BALANCE_QUERY = f"""\
SELECT kind, factor_a, factor_b, score, adjusted_pvalue, is_flagged FROM {{balance}}
WHERE kind = 'label' OR (kind = 'factors'
  AND factor_a IN {_IN_MATRIX}
  AND factor_b IN {_IN_MATRIX})
ORDER BY kind DESC, score DESC, factor_a, factor_b LIMIT 600"""
GAPS_QUERY = "SELECT pattern, level, n, expected, images_needed, found FROM {coverage_gaps} ORDER BY rank LIMIT 12"
SHORTCUTS_QUERY = """\
SELECT class_name, factor, value, auc, score, adjusted_pvalue, n, lowest, highest FROM (
  SELECT *, row_number() OVER (PARTITION BY class_name ORDER BY abs(auc - 0.5) DESC, factor) AS place
  FROM {shortcuts} WHERE is_shortcut)
WHERE place <= 4 ORDER BY abs(auc - 0.5) DESC, place, class_name LIMIT 12"""
# Factors that the label depends on, the strongest first.
PARITY_QUERY = """\
SELECT factor, score, adjusted_pvalue, degrees_of_freedom, low_expected_cells, size(insufficient) AS thin,
  is_significant, is_flagged, count(*) OVER () AS found FROM {parity}
ORDER BY is_flagged DESC, score DESC, factor LIMIT 15"""
FEATURE_VALUE_QUERY = """\
SELECT rank, factor, verdict, score, auc, redundancy, redundant_with FROM {feature_value}
ORDER BY rank LIMIT 15"""
# Classes with few values of a factor that has several over all.
DIVERSITY_QUERY = """\
SELECT class_name, factor, diversity, filled_bins, bins, n, count(*) OVER () AS found FROM {diversity}
WHERE class_name IS NOT NULL AND is_low
  AND factor IN (SELECT factor FROM {diversity} WHERE class_name IS NULL AND NOT is_low)
ORDER BY diversity, n DESC, class_name, factor LIMIT 12"""


def shortcut_images(rows: Rows) -> Iterator[Picture]:
    """The images at both ends of the first shortcuts."""
    for row in rows.get("shortcuts", ())[:MOST_SHORTCUTS]:
        yield from (Picture(example["image_id"]) for _, example in _at_both_ends(row))


def _at_both_ends(row: Row) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for side in ENDS:
        yield from ((side, example) for example in (row[side] or ())[:EXAMPLES])


def bias(data: ReportData) -> Content:
    """A matrix of associations, images at both ends of shortcuts, and tables."""
    labels = [row for row in data.rows_of("balance") if row["kind"] == "label"][:FACTORS]
    predictors = [shorten(row["factor_b"], 40) for row in labels if row["is_flagged"]]
    summary = (
        f"{plural(len(predictors), 'factor predicts', 'factors predict')} the class: {listed(predictors, 6)}."
        if predictors
        else f"No factor predicts the class: the nearest to it, {shorten(labels[0]['factor_b'], 40)}, has "
        f"{number(labels[0]['score'])} of 1."
        if labels
        else ""
    )
    return {
        "summary": summary,
        "chart": _matrix(data, labels) if labels else "",
        "panels": _panels(data, data.rows_of("shortcuts")),
        "tables": [
            {"title": title, "listing": listing(rows, _filled(columns, rows), caption="Bias", note=_note(rows))}
            for query, title, columns in _TABLES
            if (rows := data.rows_of(query))
        ],
    }


def _filled(columns: Sequence[Column], rows: Sequence[Row]) -> list[Column]:
    """All columns but that of a text factor's value where every factor is a number."""
    return [column for column in columns if column.name != "value" or any(row["value"] is not None for row in rows)]


def _note(rows: Sequence[Row]) -> str:
    """How many rows are shown of those that were found, where the query counted them."""
    return shown(len(rows), rows[0]["found"]) if "found" in rows[0] else ""


def _panels(data: ReportData, shortcuts: Sequence[Row]) -> list[Mapping[str, Any]]:
    """A panel per shortcut: images of the class with the smallest values, then those with the largest."""
    panels: list[Mapping[str, Any]] = []
    for row in shortcuts[:MOST_SHORTCUTS]:
        # Of boxes, both ends may lie in one image, of which two pictures would show no difference.
        low, high = ({example["image_id"] for example in (row[side] or ())[:EXAMPLES]} for side in ENDS)
        if low & high:
            continue
        cards = [
            card(data, example["image_id"], lines=[_shown_end(row, example)], badge=_badge(row, side))
            for side, example in _at_both_ends(row)
        ]
        factor = row["factor"] if row["value"] is None else f"{row['factor']} = {row['value']}"
        title = f"{shorten(row['class_name'], 40)} by {shorten(factor, 40)}"
        panels.append({"title": title, "note": f"AUC {number(row['auc'])}", "cards": cards})
    return panels


def _badge(row: Row, side: str) -> str:
    return side if row["value"] is None else {"lowest": "without", "highest": "with"}[side]


def _shown_end(row: Row, example: Mapping[str, Any]) -> str:
    if row["value"] is None:
        return f"{row['factor']} {number(example['value'])}"
    return f"{row['factor']} {'is' if example['value'] else 'is not'} {shorten(row['value'], 30)}"


def _images(examples: Any) -> str:
    return listed((f"{shorten(example['image_id'], 40)} ({number(example['value'])})" for example in examples or ()), 3)


def _yes_or_no(value: bool | None) -> str:
    return "not computed" if value is None else "yes" if value else "no"


# Query, title and columns of each table.
_TABLES: tuple[tuple[str, str, tuple[Column, ...]], ...] = (
    (
        "shortcuts",
        "Shortcuts: one factor separates a class from the rest",
        (
            Column("Class", "class_name", style="name", most=40),
            Column("Factor", "factor", style="code", most=40),
            Column("Value", "value", style="code", most=40),
            Column("AUC", "auc", number),
            Column("Adjusted p", "adjusted_pvalue", number),
            Column("Values", "n", number),
            Column("Lowest, or without the value", "lowest", _images, "code"),
            Column("Highest, or with the value", "highest", _images, "code"),
        ),
    ),
    (
        "coverage_gaps",
        "Combinations that are missing or rare",
        (
            Column("Combination", "pattern", most=110, style="wide"),
            Column("Rows", "n", number),
            Column("If independent", "expected", number),
            Column("Needed", "images_needed", number),
        ),
    ),
    (
        "parity",
        "Whether the class depends on a factor",
        (
            Column("Factor", "factor", style="code", most=40),
            Column("Significant", "is_significant", _yes_or_no),
            Column("Strong", "is_flagged", _yes_or_no),
            Column("Cramér's V", "score", number, bar=True),
            Column("Adjusted p", "adjusted_pvalue", number),
            Column("Degrees of freedom", "degrees_of_freedom", number),
            Column("Cells with fewer than 5 expected rows", "low_expected_cells", number),
            Column("Cells with 1 to 4 rows", "thin", number),
        ),
    ),
    (
        "feature_value",
        "Value of each factor for predicting the class",
        (
            Column("", "rank", number),
            Column("Factor", "factor", style="code", most=40),
            Column("Verdict", "verdict", style=lambda row: f"pill {VERDICTS.get(row['verdict'], 'calm')}"),
            Column("Predicts the class", "score", number, bar=True),
            Column("AUC", "auc", number),
            Column("Redundancy", "redundancy", number, bar=True),
            Column("Redundant with", "redundant_with", style="code", most=40),
        ),
    ),
    (
        "diversity",
        "Classes seen under few conditions",
        (
            Column("Class", "class_name", style="name", most=40),
            Column("Factor", "factor", style="code", most=40),
            Column("Diversity", "diversity", number, bar=True),
            Column("Bins filled", "filled_bins", number),
            Column("of", "bins", number),
            Column("Labels", "n", number),
        ),
    ),
)


def _matrix(data: ReportData, labels: list[Mapping[str, Any]]) -> str:
    label = labels[0]["factor_a"]
    names = [label, *(row["factor_b"] for row in labels)]
    scores = {(row["factor_a"], row["factor_b"]): row["score"] for row in data.rows_of("balance")}
    cells = [[1.0 if a == b else scores.get((a, b), scores.get((b, a))) for b in names] for a in names]
    return charts.matrix("chart-balance", "Association of label and factors, 0 to 1", names, cells)


SECTION = Section(
    110,
    "bias",
    "Bias",
    intro=(
        "Factors of an image that predict its class, or one another: a model may learn a factor in place of the class. "
        "0 is no association beyond chance, 1 a complete one."
    ),
    tables=(BALANCE,),
    queries=(
        Query("balance", BALANCE_QUERY, (BALANCE,)),
        Query("shortcuts", SHORTCUTS_QUERY, (SHORTCUTS,)),
        Query("coverage_gaps", GAPS_QUERY, (COVERAGE_GAPS,)),
        Query("parity", PARITY_QUERY, (PARITY,)),
        Query("feature_value", FEATURE_VALUE_QUERY, (FEATURE_VALUE,)),
        Query("diversity", DIVERSITY_QUERY, (DIVERSITY,)),
    ),
    content=bias,
    template="sections/bias.html.j2",
    needs=(CLASSES, FACTORS_KNOWN),
    tests="bias",
    pictures=shortcut_images,
    pictures_order=7,
)
