"""Section on splits: their parts, leaks between them, their differences, and bias within them."""

from __future__ import annotations

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.tables.splits import (
    PART_BIAS,
    SPLIT_ASSIGNMENTS,
    SPLIT_DIFFERENCES,
    SPLIT_LEAKAGE,
    SPLIT_REPAIRS,
    SPLIT_REPRESENTATIVENESS,
    SPLIT_STRATA,
    SPLITS,
)
from dataeval_spark.verbs.report.data import ReportData, Row
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.needs import ANALYZE, Need
from dataeval_spark.verbs.report.needs import IMAGES as INGESTED
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import number, plural, share, words
from dataeval_spark.workspace.holdout import opened

SPLIT = "dataeval-spark split --workspace WORKSPACE --name main"
PARTS = Need(
    "two parts of a split",
    lambda data: data.count("splits") > 1 or len(data.rows_of("split_parts")) > 1 or "splits" in data.present,
    SPLIT,
)


def parts_query(present: frozenset[str]) -> str:
    """Parts by size; folds over time apart. A part with `held` is a hold-out."""
    own_parts = "SELECT 'given' AS split_name, CAST(NULL AS int) AS fold, split, 1 AS n FROM {images}\n"
    own_parts += "  WHERE deleted_at IS NULL AND split IS NOT NULL"
    assigned_parts = (
        "\n  UNION ALL SELECT a.split_name, a.fold, a.split, 1 FROM {split_assignments} AS a\n"
        "  LEFT SEMI JOIN {images} AS i ON a.image_id = i.image_id AND i.deleted_at IS NULL WHERE a.repeat = 0"
        if "split_assignments" in present
        else ""
    )
    counted = f"SELECT split_name, fold, split, sum(n) AS images FROM (\n  {own_parts}{assigned_parts})\n"
    counted += "GROUP BY split_name, fold, split"
    guard_columns = "false AS held, CAST(NULL AS bigint) AS opened"
    joins = ""
    if {"splits", "runs"} <= present:
        guard_columns = "coalesce(array_contains(s.guarded, p.split), false) AS held, o.opened"
        joins = (
            "\nLEFT JOIN {splits} AS s ON p.split_name = s.split_name\n"
            "LEFT JOIN (SELECT step, count(*) AS opened FROM {runs}\n"
            "  WHERE status = 'done' AND step LIKE 'open hold-out %' GROUP BY step) AS o\n"
            "  ON o.step = concat('open hold-out ', p.split_name, '/', p.split)"
        )
    return (
        f"SELECT p.*, sum(p.images) OVER (PARTITION BY p.split_name, p.fold) AS total, {guard_columns}\n"
        f"FROM ({counted}) AS p{joins}\nORDER BY p.split_name, p.fold, images DESC, split LIMIT 60"
    )


LEAKAGE_QUERY = """\
SELECT split_name, fold, kind, least(split_a, split_b) AS split_a, greatest(split_a, split_b) AS split_b,
  count(*) AS pairs FROM {split_leakage}
WHERE repeat = 0 GROUP BY split_name, fold, kind, least(split_a, split_b), greatest(split_a, split_b)
ORDER BY pairs DESC, split_name, fold, kind, split_a, split_b LIMIT 20"""
REPAIRS_QUERY = """\
SELECT split_name, count(*) AS moves FROM {split_repairs}
WHERE repeat = 0 GROUP BY split_name ORDER BY moves DESC, split_name LIMIT 20"""
# The strata that are farthest from their targets, and those whose targets cannot be met.
STRATA_QUERY = """\
SELECT split_name, fold, split, coalesce(stratum, 'images') AS stratum, wanted, got, deviation, note
FROM {split_strata} WHERE repeat = 0 AND (note IS NOT NULL OR abs(deviation) > 0)
ORDER BY abs(deviation) DESC, split_name, fold, split, stratum LIMIT 10"""


def _distances(table: str) -> str:
    """Differences between parts: the flagged ones first, then the largest."""
    return (
        "SELECT split_name, fold, kind, subject, split_a, split_b, total_variation, auc, adjusted_pvalue, is_flagged\n"
        f"FROM {{{table}}} WHERE repeat = 0 AND kind != 'time'\n"
        "ORDER BY is_flagged DESC, coalesce(total_variation, 2 * auc - 1) DESC, split_name, fold, kind, subject,\n"
        "  split_a LIMIT 10"
    )


# At most 12 factors that predict the class in a part, each with all parts of its split.
PART_BIAS_QUERY = """\
SELECT split_name, fold, split, factor, score, adjusted_pvalue, diversity, n, is_flagged, worst FROM (
  SELECT *, max(if(is_flagged, score, -1)) OVER (PARTITION BY split_name, fold, factor) AS worst
  FROM {part_bias})
WHERE worst >= 0 ORDER BY worst DESC, split_name, fold, factor, split LIMIT 36"""


def splits(data: ReportData) -> Content:
    """Tables of the section; a summary says whether anything leaks."""
    parts = data.rows_of("split_parts")
    if not parts:
        return {"summary": "", "tables": []}
    moves = {row["split_name"]: row["moves"] for row in data.rows_of("split_repairs")}
    verdicts = {True: "differs", False: "alike"}
    rows_of: dict[str, list[Row]] = {
        "split_parts": [_with_share(row) for row in parts],
        "split_leakage": [{**row, "moves": moves.get(row["split_name"])} for row in data.rows_of("split_leakage")],
        **{
            name: [{**row, "verdict": verdicts[bool(row["is_flagged"])]} for row in data.rows_of(name)]
            for name in ("split_differences", "split_representativeness")
        },
    }
    tables = []
    for query, title, columns, note in _TABLES:
        rows = rows_of.get(query) or list(data.rows_of(query))
        if rows:
            absent = {
                name for name in ("fold", "holdout", "note") if not any(row.get(name) not in (None, "") for row in rows)
            }
            present = [column for column in columns if column.name not in absent]
            tables.append({"title": title, "listing": listing(rows, present, caption=title, note=note)})
    return {"summary": _summary(data), "tables": tables}


def _summary(data: ReportData) -> str:
    names = list(dict.fromkeys(row["split_name"] for row in data.rows_of("split_parts")))
    leaks = data.counts("split_leaks")
    total = sum(leaks.values())
    ties = plural(total, "pair of images ties", "pairs of images tie")
    leaking = (
        f"{ties} parts together, which makes test scores too good"
        if total
        else "no duplicates and no groups are shared between parts"
    )
    return f"{plural(len(names), 'split')}; {leaking}."


def _with_share(row: Row) -> Row:
    return {
        **row,
        "share": row["images"] / row["total"],
        "holdout": f"hold-out, {opened(row['opened'] or 0)}" if row["held"] else "",
    }


_WHERE = (Column("Split", "split_name", style="name", most=40), Column("Fold", "fold", number))
_PARTS = (
    *_WHERE,
    Column("Part", "split", most=40),
    Column("Images", "images", number),
    Column("Share", "share", share, bar=True),
    Column("", "holdout", most=60),
)
_STRATA = (
    *_WHERE,
    Column("Part", "split", most=40),
    Column("Stratum", "stratum", style="code", most=60),
    Column("Asked for", "wanted", number),
    Column("Got", "got", number),
    Column("Difference in share", "deviation", number),
    Column("Why", "note", most=110, style="wide"),
)
_LEAKS = (
    *_WHERE,
    Column("Between", "split_a", most=40),
    Column("and", "split_b", most=40),
    Column("Kind", "kind", words),
    Column("Pairs of images", "pairs", number),
    Column("Images to move to repair the split", "moves", number),
)
_DIFFERENCES = (
    *_WHERE,
    Column("Part", "split_a", most=40),
    Column("Compared with", "split_b", most=40),
    Column("By", "kind", words),
    Column("Subject", "subject", style="code", most=40),
    Column("Result", "verdict", style=lambda row: "pill warn" if row["is_flagged"] else "pill ok"),
    Column("Total variation", "total_variation", number, bar=True),
    Column("AUC", "auc", number),
    Column("Adjusted p", "adjusted_pvalue", number),
)
_BIASED = (
    *_WHERE,
    Column("Factor", "factor", style="code", most=40),
    Column("Part", "split", most=40),
    Column("Predicts the class", "score", number, bar=True),
    Column("Adjusted p", "adjusted_pvalue", number),
    Column("Diversity", "diversity", number),
    Column("Labels", "n", number),
)


_FLAGGED_FIRST = "flagged differences first, then the largest"
# Query, title, columns and note of each table.
_TABLES = (
    ("split_parts", "Parts", _PARTS, ""),
    ("split_strata", "Deviations from the shares that were asked for", _STRATA, "largest deviations first"),
    ("split_leakage", "What leaks", _LEAKS, ""),
    ("split_differences", "How the parts differ", _DIFFERENCES, _FLAGGED_FIRST),
    ("split_representativeness", "How far the parts are from the target dataset", _DIFFERENCES, _FLAGGED_FIRST),
    ("part_bias", "Factors that predict the class within a part", _BIASED, ""),
)


SECTION = Section(
    120,
    "splits",
    "Splits",
    intro=(
        "How many images each part of a split holds, duplicates shared between parts, and how far the parts are from "
        "one another. The split called given is the one that came with the source."
    ),
    tables=(SPLIT_LEAKAGE, SPLIT_DIFFERENCES),
    command=ANALYZE,
    queries=(
        Query("split_parts", parts_query, (IMAGES, SPLIT_LEAKAGE), (SPLIT_ASSIGNMENTS, SPLITS, RUNS)),
        Query("split_strata", STRATA_QUERY, (SPLIT_STRATA,)),
        Query("split_leakage", LEAKAGE_QUERY, (SPLIT_LEAKAGE,)),
        Query("split_repairs", REPAIRS_QUERY, (SPLIT_REPAIRS,)),
        Query("split_differences", _distances("split_differences"), (SPLIT_DIFFERENCES,)),
        Query("split_representativeness", _distances("split_representativeness"), (SPLIT_REPRESENTATIVENESS,)),
        Query("part_bias", PART_BIAS_QUERY, (PART_BIAS,)),
    ),
    content=splits,
    template="sections/splits.html.j2",
    needs=(INGESTED, PARTS),
    tests="splits",
)
