"""Section on splits: their parts, leaks between them, their differences, and bias within them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from dataeval_spark.verbs.report.section import Content, Query, Section
from dataeval_spark.verbs.text import number, plural, share, words
from dataeval_spark.workspace.holdout import opened


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
    counted = f"SELECT split_name, fold, split, sum(n) AS images FROM (\n  {own_parts}{assigned_parts})\nGROUP BY ALL"
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


def leakage_query(present: frozenset[str]) -> str:
    return (
        "SELECT split_name, fold, kind, least(split_a, split_b) AS split_a, greatest(split_a, split_b) AS split_b,\n"
        "  count(*) AS pairs FROM {split_leakage}\n"
        "WHERE repeat = 0 GROUP BY ALL ORDER BY pairs DESC, split_name, fold, kind, split_a, split_b LIMIT 20"
    )


def repairs_query(present: frozenset[str]) -> str:
    return (
        "SELECT split_name, count(*) AS moves FROM {split_repairs}\n"
        "WHERE repeat = 0 GROUP BY split_name ORDER BY moves DESC, split_name LIMIT 20"
    )


def differences_query(present: frozenset[str]) -> str:
    """Differences between parts: the flagged ones first, then the largest."""
    return _distances("split_differences")


def strata_query(present: frozenset[str]) -> str:
    """The strata that are farthest from their targets, and those whose targets cannot be met."""
    return (
        "SELECT split_name, fold, split, coalesce(stratum, 'images') AS stratum, wanted, got, deviation, note\n"
        "FROM {split_strata} WHERE repeat = 0 AND (note IS NOT NULL OR abs(deviation) > 0)\n"
        "ORDER BY abs(deviation) DESC, split_name, fold, split, stratum LIMIT 10"
    )


def representativeness_query(present: frozenset[str]) -> str:
    return _distances("split_representativeness")


def _distances(table: str) -> str:
    return (
        "SELECT split_name, fold, kind, subject, split_a, split_b, total_variation, auc, adjusted_pvalue, is_flagged\n"
        f"FROM {{{table}}} WHERE repeat = 0 AND kind != 'time'\n"
        "ORDER BY is_flagged DESC, coalesce(total_variation, 2 * auc - 1) DESC, split_name, fold, kind, subject,\n"
        "  split_a LIMIT 10"
    )


def part_bias_query(present: frozenset[str]) -> str:
    """At most 12 factors that predict the class in a part, each with all parts of its split."""
    return (
        "SELECT split_name, fold, split, factor, score, adjusted_pvalue, diversity, n, is_flagged, worst FROM (\n"
        "  SELECT *, max(if(is_flagged, score, -1)) OVER (PARTITION BY split_name, fold, factor) AS worst\n"
        "  FROM {part_bias})\nWHERE worst >= 0 ORDER BY worst DESC, split_name, fold, factor, split LIMIT 36"
    )


def splits(data: ReportData) -> Content:
    """Tables of the section; a summary says whether anything leaks."""
    parts = data.rows_of("split_parts")
    tables = [_table("Parts", [_with_share(row) for row in parts], _PARTS)]
    strata = data.rows_of("split_strata")
    if strata:
        tables.append(
            _table("Deviations from the shares that were asked for", list(strata), _STRATA, "largest deviations first")
        )
    leaks = data.rows_of("split_leakage")
    if leaks:
        moves = {row["split_name"]: row["moves"] for row in data.rows_of("split_repairs")}
        rows = [{**row, "moves": moves.get(row["split_name"])} for row in leaks]
        tables.append(_table("What leaks", rows, _LEAKS))
    for name, title in (
        ("split_differences", "How the parts differ"),
        ("split_representativeness", "How far the parts are from the target dataset"),
    ):
        if data.rows_of(name):
            rows = [{**row, "verdict": "differs" if row["is_flagged"] else "alike"} for row in data.rows_of(name)]
            tables.append(_table(title, rows, _DIFFERENCES, "flagged differences first, then the largest"))
    biased = data.rows_of("part_bias")
    if biased:
        tables.append(_table("Factors that predict the class within a part", list(biased), _BIASED))
    return {"summary": _summary(data) if parts else "", "tables": tables if parts else []}


def _summary(data: ReportData) -> str:
    names = list(dict.fromkeys(row["split_name"] for row in data.rows_of("split_parts")))
    leaks = data.counts("split_leaks")
    total = sum(leaks.values())
    leaking = (
        f"{plural(total, 'pair of images ties', 'pairs of images tie')} parts together, which makes test scores "
        f"too good"
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


_WHERE = (Column("Split", "split_name", style="name", most=40), Column("Fold", "fold", number, "num"))
_PARTS = (
    *_WHERE,
    Column("Part", "split", most=40),
    Column("Images", "images", number, "num"),
    Column("Share", "share", share, "num", bar=True),
    Column("", "holdout", most=60),
)
_STRATA = (
    *_WHERE,
    Column("Part", "split", most=40),
    Column("Stratum", "stratum", style="code", most=60),
    Column("Asked for", "wanted", number, "num"),
    Column("Got", "got", number, "num"),
    Column("Share off", "deviation", number, "num"),
    Column("", "note", most=110, style="wide"),
)
_LEAKS = (
    *_WHERE,
    Column("Between", "split_a", most=40),
    Column("and", "split_b", most=40),
    Column("Kind", "kind", words),
    Column("Pairs of images", "pairs", number, "num"),
    Column("Images to move to repair the split", "moves", number, "num"),
)
_DIFFERENCES = (
    *_WHERE,
    Column("Part", "split_a", most=40),
    Column("Compared with", "split_b", most=40),
    Column("By", "kind", words),
    Column("Subject", "subject", style="code", most=40),
    Column("Result", "verdict", style=lambda row: "pill warn" if row["is_flagged"] else "pill ok"),
    Column("Total variation", "total_variation", number, "num", bar=True),
    Column("AUC", "auc", number, "num"),
    Column("Adjusted p", "adjusted_pvalue", number, "num"),
)
_BIASED = (
    *_WHERE,
    Column("Factor", "factor", style="code", most=40),
    Column("Part", "split", most=40),
    Column("Predicts the class", "score", number, "num", bar=True),
    Column("Adjusted p", "adjusted_pvalue", number, "num"),
    Column("Diversity", "diversity", number, "num"),
    Column("Labels", "n", number, "num"),
)


def _table(title: str, rows: Any, columns: tuple[Column, ...], note: str = "") -> Mapping[str, Any]:
    has_folds = any(row["fold"] is not None for row in rows)
    shown_columns = [column for column in columns if column.name != "fold" or has_folds]
    shown_columns = [
        column for column in shown_columns if column.name != "holdout" or any(row["holdout"] for row in rows)
    ]
    return {"title": title, "listing": listing(rows, shown_columns, caption=title, note=note)}


SECTION = Section(
    120,
    "splits",
    "Splits",
    intro=(
        "How many images each part of a split holds, duplicates shared between parts, and how far the parts are from "
        "one another. The split called given is the one that came with the source."
    ),
    tables=(
        SPLIT_LEAKAGE,
        SPLIT_DIFFERENCES,
    ),
    command="dataeval-spark split --workspace WORKSPACE --name main --group-by patient",
    queries=(
        Query("split_parts", parts_query, (IMAGES, SPLIT_LEAKAGE), (SPLIT_ASSIGNMENTS, SPLITS, RUNS)),
        Query("split_strata", strata_query, (SPLIT_STRATA,)),
        Query("split_leakage", leakage_query, (SPLIT_LEAKAGE,)),
        Query("split_repairs", repairs_query, (SPLIT_REPAIRS,)),
        Query("split_differences", differences_query, (SPLIT_DIFFERENCES,)),
        Query("split_representativeness", representativeness_query, (SPLIT_REPRESENTATIVENESS,)),
        Query("part_bias", part_bias_query, (PART_BIAS,)),
    ),
    content=splits,
    template="sections/splits.html.j2",
)
