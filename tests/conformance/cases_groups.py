"""Aggregates of groups and of no rows, and functions over windows, one entry for each."""

from __future__ import annotations

from pyspark.sql import Window
from pyspark.sql import functions as F

col, lit = F.col, F.lit


def _by_id():
    return Window.partitionBy("g").orderBy("id")


def _before():
    return _by_id().rowsBetween(Window.unboundedPreceding, -1)


GROUPS = {
    "F.avg": lambda: [F.avg("e"), F.avg("n"), F.avg("d"), F.avg("m"), F.avg(F.when(col("b"), col("e")))],
    "F.bit_xor": lambda: [F.bit_xor("l"), F.bit_xor("i"), F.bit_xor(F.xxhash64("s"))],
    "F.bool_and": lambda: [F.bool_and("b"), F.bool_and(col("e") > 0), F.bool_and("c")],
    "F.collect_list": lambda: [
        *(
            F.sort_array(F.collect_list("i")),
            F.sort_array(F.collect_list("d")),
            F.sort_array(F.collect_list(F.struct("n", "s"))),
        ),
        *(
            F.array_sort(F.collect_list("s")),
            F.sort_array(F.collect_list("box")),
            F.sort_array(F.collect_list(F.when(col("b"), col("s")))),
        ),
        *(F.size(F.collect_list("a")), F.array_join(F.array_sort(F.collect_list("g")), "\n")),
    ],
    "F.collect_set": lambda: [
        F.sort_array(F.collect_set("i")),
        F.sort_array(F.collect_set("d")),
        F.array_sort(F.collect_set("s")),
        F.sort_array(F.collect_set("n")),
    ],
    "F.count": lambda: [
        F.count("*"),
        F.count("d"),
        F.count("box"),
        F.count("a"),
        F.count(lit(1)),
        F.count(F.when(col("b"), 1)),
        F.count("box.x0"),
    ],
    "F.countDistinct": lambda: [
        F.countDistinct("i"),
        F.countDistinct("d"),
        F.countDistinct("n", "b"),
        F.countDistinct("s"),
    ],
    "F.count_distinct": lambda: [
        F.count_distinct("i"),
        F.count_distinct("s", "n"),
        F.count_distinct(F.struct("n", "b")),
    ],
    "F.count_if": lambda: [
        F.count_if("b"),
        F.count_if(col("d") > 0),
        F.count_if(col("box").isNotNull()),
        F.count_if(col("s").isNull()),
    ],
    "F.every": lambda: [F.every("b"), F.every(col("n") > 0), F.every(F.startswith("path", lit("/")))],
    "F.first": lambda: [
        F.first("g"),
        F.first(F.lower("g")),
        F.first(lit(1)),
        F.first(F.when(col("g") == "red", F.struct("g")))["g"],
        F.first(F.when(col("g") == "red", "x")),
    ],
    "F.max": lambda: [
        F.max("i"),
        F.max("d"),
        F.max("s"),
        F.max("at"),
        F.max(F.struct("n", "s")),
        F.max("b"),
        F.max("m"),
        F.max("f"),
    ],
    "F.max_by": lambda: [
        F.max_by("s", F.struct("n", "id")),
        F.max_by("id", F.struct("d", "id")),
        F.max_by("box", "id"),
        F.max_by("box", F.struct("n", "id"))["x0"],
        F.max_by(F.when(col("b"), F.struct("s", "n")), "id")["s"],
        F.max_by("d", F.when(col("b"), col("id"))),
    ],
    "F.min": lambda: [
        F.min("i"),
        F.min("d"),
        F.min("s"),
        F.min("at"),
        F.min(F.struct("n", "s")),
        F.min("b"),
        F.min("m"),
        F.min("day"),
    ],
    "F.min_by": lambda: [
        *(
            F.min_by("s", F.struct("n", "id")),
            F.min_by("id", F.struct("d", "id")),
            F.min_by(F.struct("s", "i"), "id"),
            F.min_by("a", "id"),
        ),
        *(
            F.min_by("id", F.struct(-col("d"), "id")),
            F.min_by("s", F.struct(~col("b"), "id")),
            F.min_by("box", F.when(col("b"), col("id"))),
        ),
    ],
    "F.percentile": lambda: [
        *(
            F.percentile("e", lit(0.25)),
            F.percentile("e", F.array(lit(0.25), lit(0.5), lit(0.75))),
            F.percentile("n", lit(0.5)),
        ),
        F.percentile(F.when(~F.isnan("d"), col("d")), lit(0.5)),
    ],
    "F.percentile_approx": lambda: [
        *(
            F.percentile_approx("e", 0.5, 1000),
            F.percentile_approx("e", [0.1, 0.5, 0.9], 1000),
            F.percentile_approx("id", 0.5),
        ),
        F.percentile_approx("d", [0.25, 0.75], 1000),
    ],
    "F.sum": lambda: [
        *(
            F.sum("n"),
            F.sum("e"),
            F.sum("d"),
            F.sum("m"),
            F.sum(F.when(col("b"), 1)),
            F.sum(col("i").cast("bigint")),
            F.sum(lit(0.1)),
        ),
        *(
            F.sum(F.when(F.isnan("d"), col("d"))),
            F.sum(col("l").cast("decimal(38,0)")),
            F.sum(col("n") * col("e")),
            F.sum("f"),
        ),
    ],
    ".agg": lambda: [
        F.max("n") - F.min("n"),
        F.sum("n") / F.count("*"),
        F.greatest(lit(1.0), F.count("*") * lit(0.1)),
        F.coalesce(F.sum("n"), lit(0)),
    ],
    "sql any_value": lambda: [F.expr("any_value(g)"), F.expr("any_value(lower(g))")],
    "sql avg": lambda: [F.expr("avg(e)"), F.expr("avg(n)"), F.expr("round(avg(e), 1)")],
    "sql bool_or": lambda: [F.expr("bool_or(b)"), F.expr("bool_or(n > 4)")],
    "sql collect_list": lambda: [F.expr("array_sort(collect_list(s))"), F.expr("sort_array(collect_list(n))")],
    "sql collect_set": lambda: [F.expr("array_sort(collect_set(s))"), F.expr("array_sort(collect_set(n))")],
    "sql count": lambda: [
        F.expr("count(*)"),
        F.expr("count(d)"),
        F.expr("count(DISTINCT s)"),
        F.expr("count(DISTINCT n, b)"),
    ],
    "sql count_if": lambda: [F.expr("count_if(b)"), F.expr("count_if(box IS NULL)")],
    "sql max": lambda: [F.expr("max(d)"), F.expr("max(s)"), F.expr("max(if(b, e, -1))")],
    "sql max_by": lambda: [F.expr("max_by(s, struct(at, id))"), F.expr("max_by(s, id)")],
    "sql median": lambda: [F.expr("median(e)"), F.expr("median(n)"), F.expr("round(median(e * 2))")],
    "sql min": lambda: [F.expr("min(d)"), F.expr("min(n)"), F.expr("min(box.x0)")],
    "sql min_by": lambda: [F.expr("min_by(s, struct(xxhash64(g, s), id))"), F.expr("min_by(id, xxhash64(id))")],
    "sql sum": lambda: [F.expr("sum(coalesce(n, 1))"), F.expr("sum(if(b, l % 1000, 0)) / 1e6"), F.expr("sum(e)")],
}

WINDOWS = {
    "F.lead": lambda: [F.lead("id").over(_by_id()), F.lead("s").over(_by_id()), F.lead("d", 2, 0.5).over(_by_id())],
    "F.rank": lambda: [
        F.rank().over(Window.partitionBy("g").orderBy("n")),
        F.rank().over(Window.partitionBy("g").orderBy("d")),
    ],
    "F.row_number": lambda: [
        F.row_number().over(Window.partitionBy("g").orderBy(*order, "id"))
        for order in (
            ["d"],
            ["s"],
            [F.desc("d")],
            [F.desc("s")],
            ["box"],
            [F.desc_nulls_last("at")],
            ["n", F.desc("e")],
            ["a"],
            ["m"],
        )
    ],
    "F.desc": lambda: [F.row_number().over(Window.partitionBy("b").orderBy(F.desc("n"), F.desc("s"), "id"))],
    "F.desc_nulls_last": lambda: [F.row_number().over(Window.partitionBy("b").orderBy(F.desc_nulls_last("d"), "id"))],
    ".asc_nulls_first": lambda: [
        F.row_number().over(Window.partitionBy("b").orderBy(col("d").asc_nulls_first(), "id"))
    ],
    ".desc": lambda: [F.row_number().over(Window.partitionBy("b").orderBy(col("i").desc(), "id"))],
    ".over": lambda: [
        *(
            F.sum("n").over(Window.partitionBy("g")),
            F.count("*").over(Window.partitionBy("g", "b")),
            F.max("d").over(_by_id()),
        ),
        *(
            F.count_if("b").over(Window.partitionBy("g")),
            F.min("id").over(Window.partitionBy("g")),
            F.sum("n").over(_by_id()),
        ),
        *(F.first("s").over(_by_id()), F.sum("n").over(Window.partitionBy("g").orderBy("n"))),
    ],
    ".partitionBy": lambda: [
        F.count("*").over(Window.partitionBy("d")),
        F.count("*").over(Window.partitionBy("g", "n")),
        F.count("*").over(Window.partitionBy("box")),
    ],
    ".orderBy": lambda: [
        F.row_number().over(Window.partitionBy(lit(1)).orderBy("d", "id")),
        F.sum("n").over(Window.partitionBy("g").orderBy("i")),
    ],
    ".rowsBetween": lambda: [
        F.sum("n").over(_before()),
        F.max("s").over(_before()),
        F.sum("n").over(_by_id().rowsBetween(-1, 1)),
        F.count("*").over(_before()),
    ],
    ".unboundedPreceding": lambda: [F.sum("e").over(_by_id().rowsBetween(Window.unboundedPreceding, -1))],
    ".currentRow": lambda: [F.sum("n").over(_by_id().rowsBetween(Window.unboundedPreceding, Window.currentRow))],
    "sql dense_rank": lambda: [F.expr("dense_rank() OVER (PARTITION BY g ORDER BY n DESC, b)")],
    "sql row_number": lambda: [
        F.expr("row_number() OVER (PARTITION BY g ORDER BY d DESC, id)"),
        F.expr("row_number() OVER (PARTITION BY g ORDER BY s, id)"),
    ],
    "sql OVER": lambda: [
        *(
            F.expr("count(*) OVER (PARTITION BY g)"),
            F.expr("count(*) OVER ()"),
            F.expr("max(if(b, e, -1)) OVER (PARTITION BY g, n)"),
        ),
        *(F.expr("count_if(n = 1) OVER (PARTITION BY g)"), F.expr("sum(n) OVER (PARTITION BY g)")),
    ],
}
