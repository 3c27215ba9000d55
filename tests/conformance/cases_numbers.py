"""Expressions on numbers and booleans, one entry for each function, cast or operator; they stay inside the types."""

from __future__ import annotations

from pyspark.sql import functions as F

from dataeval_spark.frames.ratios import ratio

col, lit = F.col, F.lit
# Numbers for which an expression does not leave its type.
SMALL = "CAST(i % 1000 AS INT)"


def _structs():
    constant, made = (
        F.struct(lit("x").alias("k"), lit(1).alias("v")),
        F.struct(col("s").alias("k"), col("n").alias("v")),
    )
    return [
        *(F.coalesce(F.when(col("b"), made), constant), F.coalesce(F.when(col("b"), constant), made)),
        *(
            F.coalesce(F.when(col("b"), F.array(made)), F.array(constant)),
            F.coalesce("map", F.create_map(lit("x"), lit(1).cast("bigint"))),
        ),
        *(
            F.coalesce("ai", F.array(lit(1))),
            F.coalesce("a", F.array().cast("array<double>")),
            F.coalesce("az", F.array(lit("x"))),
        ),
    ]


def _choices():
    constant, made = (
        F.struct(lit("x").alias("k"), lit(1).alias("v")),
        F.struct(col("s").alias("k"), col("n").alias("v")),
    )
    return [
        *(
            F.when(col("b"), constant).otherwise(made),
            F.when(col("b"), made).otherwise(constant),
            F.when(col("b"), constant),
        ),
        *(
            F.when(col("b"), F.array(constant)).otherwise(F.array(made)),
            F.when(col("b"), F.array(lit(1))).otherwise(col("ai")),
        ),
        *(
            F.when(col("b"), F.create_map(lit("x"), lit(1).cast("bigint"))).otherwise(col("map")),
            F.when(col("b"), F.array("n")).otherwise(F.array(lit(1))),
        ),
    ]


NUMBERS = {
    "+": lambda: [col("d") + col("e"), col("n") + lit(1), col("j") + col("e"), col("m") + lit(1), col("f") + col("d")],
    "-": lambda: [col("d") - col("d"), col("n") - col("j"), col("e") - lit(1), -col("d") - 0.0, lit(1) - col("n")],
    "*": lambda: [col("d") * col("e"), col("n") * col("j"), col("d") * 0.0, col("n") * lit(0.5), col("f") * col("n")],
    "/": lambda: [
        *(ratio("d", "e"), ratio("d", "d"), ratio("n", "j"), ratio(lit(1), "d"), ratio("m", "n"), col("n") / lit(2)),
        *(col("d") / F.nullif(col("d"), lit(0.0)), col("n") / F.nullif(col("j"), lit(0)), col("l") / lit(1_000_000)),
    ],
    "%": lambda: [col("j") % 3, col("l") % 7, (F.hash("s") % 2), (col("e") % 0.3), col("n") % lit(5).cast("bigint")],
    "negative": lambda: [-col("d"), -col("j"), -col("e"), -col("m"), -F.abs(col("d"))],
    "==": lambda: [
        *(col("d") == col("d"), col("d") == 0.0, col("d") == float("nan"), col("i") == col("j"), col("m") == 1.2345),
        *(col("b") == col("c"), col("i") == col("d"), col("l") == col("d"), col("f") == 0.1, lit(0.0) == lit(-0.0)),
    ],
    "!=": lambda: [
        col("d") != col("e"),
        col("i") != 7,
        col("d") != float("nan"),
        col("b") != col("c"),
        col("d") != col("d"),
    ],
    "<": lambda: [
        col("d") < col("e"),
        col("d") < float("nan"),
        col("i") < col("j"),
        col("d") < 0.0,
        col("b") < col("c"),
    ],
    "<=": lambda: [col("d") <= col("d"), col("d") <= 0.0, col("i") <= col("l"), col("m") <= col("n"), col("d") <= -0.0],
    ">": lambda: [col("d") > float("inf"), col("d") > 1, col("i") > col("j"), col("b") > col("c"), col("f") > col("d")],
    ">=": lambda: [col("d") >= 0.0, col("d") >= float("nan"), col("l") >= col("i"), col("e") >= col("n")],
    "&": lambda: [col("b") & col("c"), (col("d") > 0) & col("b"), col("b") & lit(None).cast("boolean")],
    "|": lambda: [col("b") | col("c"), (col("d") > 0) | col("b"), col("c") | lit(None).cast("boolean")],
    "~": lambda: [~col("b"), ~(col("d") > 0), ~F.isnan("d")],
    "F.abs": lambda: [F.abs("d"), F.abs("j"), F.abs("m"), F.abs("f"), F.abs(col("e") - 1)],
    "F.asinh": lambda: [F.asinh("d"), F.asinh("e"), F.asinh("n"), F.asinh(-col("e"))],
    "F.atanh": lambda: [F.atanh("p"), F.atanh(col("p") / 2), F.atanh(-col("p") / (2 + col("p"))), F.atanh(lit(1e-300))],
    "F.bit_count": lambda: [
        F.bit_count("i"),
        F.bit_count("l"),
        F.bit_count(col("n").cast("bigint")),
        F.bit_count(lit(-1)),
    ],
    ".bitwiseXOR": lambda: [
        col("l").bitwiseXOR(lit(5).cast("bigint")),
        col("i").bitwiseXOR(col("j")),
        col("l").bitwiseXOR(col("l")),
    ],
    "F.ceil": lambda: [F.ceil("e"), F.ceil(-col("e")), F.ceil("j"), F.ceil("m"), F.ceil("d"), F.ceil(col("p") - 1e-9)],
    "F.coalesce": lambda: [
        F.coalesce("d", "e"),
        F.coalesce("i", lit(-1)),
        F.coalesce("i", "d"),
        F.coalesce("b", lit(False)),
        *_structs(),
    ],
    "F.exp": lambda: [F.exp("e"), F.exp("d"), F.exp(-col("e")), F.exp("j")],
    "F.floor": lambda: [
        *(F.floor("e"), F.floor(-col("e")), F.floor("j"), F.floor("m"), F.floor("d"), F.floor(col("l") / 1_000_000)),
        *(F.floor(col("n") / 2), F.floor(F.log2(F.abs("d")) / 4)),
    ],
    "F.greatest": lambda: [
        *(F.greatest("d", "e"), F.greatest("i", "j"), F.greatest("d", lit(0.0)), F.greatest(lit(0.0), "d")),
        *(F.greatest("s", "u"), F.greatest("day", F.to_date(lit("2000-01-01"))), F.greatest("d", "f", "e")),
    ],
    "F.hash": lambda: [F.hash("s"), F.hash("i"), F.hash("l", "s"), F.hash("d"), F.hash("b")],
    "F.isnan": lambda: [F.isnan("d"), F.isnan("f"), F.isnan("e"), F.isnan(col("d") - col("d"))],
    "F.least": lambda: [
        *(F.least("d", "e"), F.least("i", "j"), F.least("d", lit(0.0)), F.least(lit(0.0), "d"), F.least("s", "u")),
        *(F.least(F.ceil("e"), lit(10)), F.least("d", "f", "e")),
    ],
    "F.lit": lambda: [
        *(
            lit(1),
            lit(2**40),
            lit(0.1),
            lit("é"),
            lit(None),
            lit(True),
            lit(float("nan")),
            lit(float("-inf")),
            lit(-0.0),
        ),
        *(lit(b"\x00\xff"), lit([1, 2]), lit(1).cast("bigint")),
    ],
    "F.ln": lambda: [F.ln("e"), F.ln("d"), F.ln("n"), F.ln("j"), F.ln(lit(0.0))],
    "F.log": lambda: [F.log("e"), F.log("d"), F.log(2.0, "e"), F.log("j"), F.log("n")],
    "F.log10": lambda: [F.log10("e"), F.log10("d"), F.log10("n"), F.log10(F.abs("d")), F.floor(F.log10(F.abs("e")))],
    "F.log1p": lambda: [F.log1p("e"), F.log1p("d"), F.log1p(-F.abs("p")), F.log1p("j")],
    "F.log2": lambda: [F.log2("e"), F.log2("d"), F.log2("n"), F.log2(F.abs("d")), F.log2("j")],
    "F.nullif": lambda: [F.nullif("d", lit(0.0)), F.nullif("i", "j"), F.nullif("s", lit("")), F.nullif("d", "d")],
    "F.pi": lambda: [F.pi(), F.sqrt(F.pi() / 2)],
    "F.pmod": lambda: [
        F.pmod("j", lit(3)),
        F.pmod("l", lit(1000)),
        F.pmod(F.xxhash64("s"), lit(7)),
        F.pmod("j", lit(5).cast("bigint")),
    ],
    "F.pow": lambda: [
        F.pow("e", lit(2)),
        F.pow(lit(2.0), "j"),
        F.pow("d", "e"),
        F.pow("d", lit(0.0)),
        F.pow(lit(1.0), "d"),
    ],
    "F.round": lambda: [
        *(F.round("e"), F.round("e", 1), F.round("j"), F.round("m", 2), F.round(-col("e"), 3), F.round(col("n") * 0.5)),
        *(F.round("d", 2), F.round(lit(2.5)), F.round(lit(0.5)), F.round(lit(-0.5)), F.round(lit(1.005), 2)),
        *(F.round(lit(2.675), 2), F.round(lit(0.285), 2), F.round(lit(5e-324), 3), F.round("n", 0), F.round("f", 1)),
    ],
    "F.sinh": lambda: [F.sinh("e"), F.sinh("d"), F.sinh("j")],
    "F.sqrt": lambda: [F.sqrt("e"), F.sqrt("d"), F.sqrt("n"), F.sqrt("j")],
    "F.when": lambda: [
        *(F.when(col("b"), "d"), F.when(col("b"), col("d")), F.when(col("d") > 0, 1).when(col("c"), 2).otherwise(3)),
        *(
            F.when(F.isnan("d"), lit(None)).otherwise(col("d")),
            F.when(col("b"), col("box")),
            F.when(col("b"), col("a")),
        ),
        *(F.when(col("b"), col("i")).otherwise(col("d")), *_choices(), F.when(col("j") != 0, col("i") / col("j"))),
    ],
    ".between": lambda: [
        col("e").between(0, 1),
        col("d").between(-1, 1),
        col("s").between("A", "b"),
        col("i").between(1, None),
    ],
    ".bitwiseAND": lambda: [
        col("n").bitwiseAND(1 << 1),
        col("i").bitwiseAND(7),
        col("l").bitwiseAND(lit(255).cast("bigint")),
    ],
    ".bitwiseOR": lambda: [
        col("n").bitwiseOR(F.coalesce("j", lit(0))),
        col("i").bitwiseOR(8),
        col("l").bitwiseOR(col("i")),
    ],
    ".eqNullSafe": lambda: [
        *(col("d").eqNullSafe(col("d")), col("d").eqNullSafe(float("nan")), col("i").eqNullSafe(col("j"))),
        *(col("s").eqNullSafe(col("u")), col("i").eqNullSafe(None), col("box").eqNullSafe(col("box"))),
        *(col("a").eqNullSafe(col("a")), col("b").eqNullSafe(col("c")), col("d").eqNullSafe(lit(-0.0))),
    ],
    ".isNotNull": lambda: [
        col("d").isNotNull(),
        col("box").isNotNull(),
        col("box.at").isNotNull(),
        col("box.at.k").isNotNull(),
    ],
    ".isNull": lambda: [
        *(col("d").isNull(), col("box").isNull(), col("box.name").isNull(), col("box.at").isNull(), col("a").isNull()),
        *(col("map").isNull(), F.get("items", lit(0)).isNull(), F.get("items", lit(0))["name"].isNull()),
    ],
    ".isin": lambda: [
        *(
            col("i").isin(1, 7),
            col("s").isin("a", ""),
            col("d").isin(1.0, float("nan")),
            col("d").isin(0.0),
            ~col("s").isin("a"),
        ),
        *(col("s").isin(*["a", None]), col("n").isin([1, 2]), col("i").isin(1.0, 7.5)),
    ],
    ".when": lambda: [F.when(col("b"), 1).when(col("c"), 2), F.when(col("b"), "x").when(col("c"), "y").otherwise("z")],
    ".otherwise": lambda: [F.when(col("b"), 1).otherwise(None), F.when(col("b"), col("d")).otherwise(lit(0.0))],
    "cast double": lambda: [
        *(col("i").cast("double"), col("l").cast("double"), col("m").cast("double"), col("f").cast("double")),
        *(
            col("b").cast("double"),
            F.when(col("text").rlike("^[0-9.]+$"), col("text")).cast("double"),
            col("at").cast("double"),
        ),
    ],
    "cast int": lambda: [
        *(
            col("e").cast("int"),
            (-col("e")).cast("int"),
            col("b").cast("int"),
            col("n").cast("int"),
            col("p").cast("int"),
        ),
        *(
            F.when(col("text").isin("1", " 2 ", "-3", "+4", "007"), col("text")).cast("int"),
            (col("m") % 1000).cast("int"),
        ),
    ],
    "cast bigint": lambda: [
        *(col("e").cast("bigint"), col("i").cast("bigint"), col("b").cast("bigint"), (-col("e")).cast("bigint")),
        *(col("at").cast("bigint"), F.when(col("text").isin("1", " 2 ", "-3", "9" * 18), col("text")).cast("bigint")),
    ],
    "cast boolean": lambda: [
        *(col("i").cast("boolean"), col("d").cast("boolean"), col("b").cast("boolean")),
        F.when(F.lower("text").isin("true", "false", "t", "1"), col("text")).cast("boolean"),
    ],
    "cast decimal(28,0)": lambda: [
        col("l").cast("decimal(28,0)"),
        col("e").cast("decimal(28,0)"),
        col("m").cast("decimal(28,0)"),
    ],
    "cast decimal(38,0)": lambda: [
        *(col("l").cast("decimal(38,0)"), col("l").cast("decimal(38,0)") * 2, F.floor("e").cast("decimal(38,0)")),
        *(col("e").cast("decimal(38,0)"), col("l").cast("decimal(28,0)").cast("decimal(38,0)").cast("double")),
    ],
    "try_cast bigint": lambda: [
        *(col("text").try_cast("bigint"), F.when(F.abs("d") < 1e15, F.floor("d").cast("double")).try_cast("bigint")),
        col("j").try_cast("bigint"),
    ],
    "try_cast int": lambda: [
        col("text").try_cast("int"),
        col("d").try_cast("int"),
        col("l").try_cast("int"),
        col("e").try_cast("int"),
    ],
    "try_cast double": lambda: [
        col("text").try_cast("double"),
        col("s").try_cast("double"),
        col("i").try_cast("double"),
    ],
}
