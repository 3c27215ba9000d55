"""Expressions on arrays, structs and maps, null, empty and nested, one entry for each function, cast or operator."""

from __future__ import annotations

from pyspark.sql import functions as F

col, lit = F.col, F.lit


def _literal_map(values):
    return F.create_map(*(lit(each) for pair in values.items() for each in pair))


NAMES = {"a": "first", "": "empty", "é": "accent"}

NESTED = {
    "[]": lambda: [
        *(col("map")["a"], col("box")["x0"], F.get("items", lit(0))["name"], _literal_map({1: "x", 2: "y"})[col("n")]),
        *(col("box")["at"]["k"], col("box.at.k"), col("items")["name"], col("items.score")),
        *(
            F.when(col("b"), col("box"))["x0"],
            F.when(col("b"), F.struct("n", "s"))["s"],
            F.coalesce(F.when(col("b"), col("box")), col("box"))["name"],
        ),
        *(
            F.when(col("box").isNotNull(), F.struct("box.x0"))["x0"],
            F.when(col("b"), F.struct(lit(1).alias("one")))["one"],
            F.get("items", lit(1))["score"],
        ),
    ],
    "F.aggregate": lambda: [
        *(
            F.aggregate("a", lit(0.0), lambda total, each: total + each),
            F.aggregate("ai", lit(0), lambda s, x: s + F.coalesce(x, lit(0))),
        ),
        *(
            F.aggregate(F.slice("a", 2, 3), lit(0.0), lambda s, x: s + x),
            F.aggregate("az", lit(""), lambda s, x: F.concat(s, F.coalesce(x, lit("-")))),
        ),
        F.aggregate("items", lit(0.0), lambda s, x: s + F.coalesce(x["n"].cast("double"), lit(0.5))),
    ],
    "F.array": lambda: [
        *(F.array("d", "e"), F.array("i", lit(None)), F.array(lit("a"), lit("b")), F.array("i", "e")),
        *(
            F.array("box", "box"),
            F.array(F.struct("i", "s"), F.struct(col("j").alias("i"), col("u").alias("s"))),
            F.array("ai", "ai"),
            F.array(F.lit(None).cast("string")),
        ),
        F.array(F.struct(lit("x").alias("name"), lit(1).alias("n")), F.struct(col("s").alias("name"), col("n"))),
        F.array(
            F.when(col("b"), F.struct(lit("x").alias("name"), lit(1).alias("n"))),
            F.struct(col("s").alias("name"), col("n")),
        ),
        F.concat(F.array(F.struct(lit("x").alias("name"))), F.transform("az", lambda x: F.struct(x.alias("name")))),
        F.array(
            F.struct(lit("x").alias("name"), col("d").alias("value")),
            F.struct(lit("y").alias("name"), col("e").alias("value")),
        ),
    ],
    "F.array_compact": lambda: [
        F.array_compact("ai"),
        F.array_compact("az"),
        F.array_compact("items"),
        F.array_compact(F.array("i", "j")),
        F.array_compact("a"),
    ],
    "F.array_contains": lambda: [
        F.array_contains("ai", 2),
        F.array_contains("az", "é"),
        F.array_contains("a", lit(float("nan"))),
        F.array_contains("az", col("s")),
    ],
    "F.array_distinct": lambda: [
        F.array_distinct("ai"),
        F.array_distinct("az"),
        F.array_distinct("a"),
        F.array_distinct("aa"),
        F.array_distinct("items"),
    ],
    "F.array_except": lambda: [
        F.array_except("ai", F.array(lit(2))),
        F.array_except("az", F.array(lit("é"), lit("a"))),
        F.array_except("ai", "ai"),
        F.array_except("a", F.array("d")),
    ],
    "F.array_join": lambda: [
        F.array_join("az", ", "),
        F.array_join("az", "|", "-"),
        F.array_join(F.array("s", "u"), "\n"),
        F.array_join(F.array().cast("array<string>"), ","),
    ],
    "F.array_max": lambda: [F.array_max("ai"), F.array_max("a"), F.array_max("az"), F.array_max("items")],
    "F.array_min": lambda: [F.array_min("ai"), F.array_min("a"), F.array_min("az"), F.array_min("items")],
    "F.array_position": lambda: [
        F.array_position("ai", 2),
        F.array_position(F.array(lit("a"), lit("é")), col("s")),
        F.array_position("a", col("d")),
        F.array_position("az", "é"),
    ],
    "F.array_sort": lambda: [
        F.array_sort("ai"),
        F.array_sort("a"),
        F.array_sort("az"),
        F.array_sort("items"),
        F.array_sort("aa"),
    ],
    "F.arrays_zip": lambda: [F.arrays_zip("ai", "a"), F.arrays_zip("ai", "az"), F.arrays_zip("items", "ai")],
    "F.create_map": lambda: [
        *(
            _literal_map({"a": 1, "b": 2}),
            F.create_map(F.coalesce("s", lit("-")), "l"),
            F.create_map(lit("x"), lit(1).cast("bigint")),
        ),
        *(
            F.create_map(lit(1), "box"),
            F.create_map(lit("k"), "a"),
            F.create_map(F.coalesce("s", lit("-")), lit(1).cast("bigint")),
        ),
    ],
    "F.element_at": lambda: [
        F.element_at(F.array("d", "e"), 2),
        F.element_at(F.array("d", "e"), -1),
        F.element_at(F.array("s"), F.when(col("b"), 1)),
        F.element_at("map", lit("a")),
    ],
    "F.exists": lambda: [
        F.exists("ai", lambda x: x == 2),
        F.exists("a", F.isnan),
        F.exists("items", lambda x: x["name"] == "a"),
        F.exists("items", lambda x: x.isNull()),
    ],
    "F.filter": lambda: [
        *(
            F.filter("ai", lambda x: x > 1),
            F.filter("az", lambda x: x.isNotNull()),
            F.filter("a", lambda x: x < col("e")),
        ),
        *(
            F.filter("items", lambda x: x["n"] > 1),
            F.filter("a", lambda x: x <= float("nan")),
            F.filter("az", lambda x: x.isin("a", "")),
        ),
    ],
    "F.flatten": lambda: [F.flatten("aa"), F.flatten(F.array("az", "az")), F.flatten(F.array("items", "items"))],
    "F.forall": lambda: [
        F.forall("ai", lambda x: x > 0),
        F.forall("a", lambda x: ~F.isnan(x)),
        F.forall("items", lambda x: x["n"].isNotNull()),
    ],
    "F.get": lambda: [
        *(
            F.get("ai", lit(0)),
            F.get("ai", lit(9)),
            F.get("ai", lit(-1)),
            F.get("az", "n"),
            F.get("items", lit(0)),
            F.get("aa", lit(0)),
        ),
        *(
            F.get(F.array(lit("x"), lit("y"), lit("z")), col("j")),
            F.get("ai", F.lit(None).cast("int")),
            F.get(F.get("aa", lit(0)), lit(0)),
        ),
    ],
    "F.map_from_entries": lambda: [
        *(
            F.map_from_entries(
                F.array(
                    F.struct(lit("a").alias("k"), col("i").alias("v")),
                    F.struct(lit("b").alias("k"), col("j").alias("v")),
                )
            ),
            F.map_from_entries(F.array(F.struct("id", "d"))),
        ),
        F.map_from_entries(F.when(col("b"), F.array(F.struct("id", "s")))),
    ],
    "F.map_keys": lambda: [
        F.map_keys("map"),
        F.sort_array(F.map_keys("map")),
        F.map_keys(_literal_map({"b": 1, "a": 2})),
    ],
    "F.sequence": lambda: [
        F.sequence(lit(0), col("n")),
        F.sequence(lit(0), col("n") - 3),
        F.sequence("n", lit(6)),
        F.sequence(F.floor("p").cast("int"), lit(2)),
        F.sequence(lit(0), col("n").cast("bigint")),
    ],
    "F.size": lambda: [
        F.size("ai"),
        F.size("map"),
        F.size("items"),
        F.size(F.array()),
        F.size(F.filter("ai", lambda x: x > 1)),
        F.size(F.split("path", "/")),
    ],
    "F.slice": lambda: [
        F.slice("ai", 1, 2),
        F.slice("ai", 2, 10),
        F.slice("az", -2, 2),
        F.slice("items", 1, 1),
        F.slice("ai", lit(1), F.greatest(F.size("ai") - 1, lit(0))),
        F.slice("ai", 9, 1),
        F.slice("ai", 1, 0),
    ],
    "F.sort_array": lambda: [
        *(
            F.sort_array("ai"),
            F.sort_array("a"),
            F.sort_array("az"),
            F.sort_array("items"),
            F.sort_array("ai", asc=False),
            F.sort_array("a", asc=False),
        ),
        *(
            F.sort_array(
                F.array(
                    F.struct("d", "s"),
                    F.struct(col("e").alias("d"), col("u").alias("s")),
                    F.struct(lit(0.5).alias("d"), lit("x").alias("s")),
                )
            ),
            F.sort_array("aa"),
        ),
    ],
    "F.struct": lambda: [
        *(
            F.struct("i", "s"),
            F.struct(col("d").alias("x"), lit(1).alias("y")),
            F.struct("box", "a"),
            F.struct(F.struct("i").alias("k")),
        ),
        *(F.struct("box.*"), F.struct(F.lit(None).cast("string").alias("z")), F.struct("box.x0", "box.at")),
    ],
    "F.transform": lambda: [
        *(
            F.transform("ai", lambda x: x + 1),
            F.transform("items", lambda x: x["name"]),
            F.transform("items", lambda x: F.struct(x["n"], x["score"])),
        ),
        *(
            F.transform("az", F.lower),
            F.transform("ai", lambda x, at: x * at),
            F.transform("aa", F.size),
            F.transform("a", lambda x: x - col("e")),
        ),
        *(F.transform("items", lambda x: x.dropFields("n")), F.transform("items", lambda x: F.when(x["n"] > 1, x))),
    ],
    "F.try_element_at": lambda: [
        *(
            F.try_element_at("map", lit("a")),
            F.try_element_at("ai", lit(2)),
            F.try_element_at("ai", lit(-1)),
            F.try_element_at(_literal_map(NAMES), "s"),
        ),
        *(
            F.try_element_at("map", "s"),
            F.try_element_at("ai", lit(9)),
            F.try_element_at(_literal_map({1: "x"}), "i"),
            F.try_element_at("items", lit(1)),
        ),
    ],
    ".dropFields": lambda: [
        col("box").dropFields("x0"),
        col("box").dropFields("at", "name"),
        col("box").dropFields("at")["x0"],
    ],
    "cast array<double>": lambda: [
        col("ai").cast("array<double>"),
        F.array().cast("array<double>"),
        col("a").cast("array<double>"),
        F.array(lit(None)).cast("array<double>"),
    ],
    "cast struct<width: double, height: double>": lambda: [
        F.struct(col("i").alias("a"), col("e").alias("b")).cast("struct<width: double, height: double>"),
        F.when(col("b"), F.struct("n", "d")).cast("struct<width: double, height: double>"),
        lit(None).cast("struct<width: double, height: double>"),
    ],
    "cast array<struct<class_name: string, image_count: bigint>>": lambda: [
        F.array().cast("array<struct<class_name: string, image_count: bigint>>"),
        F.transform("items", lambda x: F.struct(x["name"], x["n"])).cast(
            "array<struct<class_name: string, image_count: bigint>>"
        ),
        F.arrays_zip("az", "ai").cast("array<struct<class_name: string, image_count: bigint>>"),
    ],
}
