"""Forms that both engines do right where a function alone differs; differences.py names them."""

from __future__ import annotations

from pyspark.sql import functions as F

col, lit = F.col, F.lit
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?"
LIST_OF_NUMBERS = rf"^\s*\[\s*(?:(?:{NUMBER}|null)(?:\s*,\s*(?:{NUMBER}|null))*)?\s*\]\s*$"


def _half(hash, start):
    return F.conv(F.substring(hash, start, 8), 16, 10).cast("bigint")


def _significant(value):
    """Four significant digits, without an exponent."""
    scale = F.pow(lit(10.0), 3 - F.floor(F.log10(F.abs(value))))
    rounded = F.when(value == 0.0, lit(0.0)).otherwise(F.floor(value * scale + 0.5) / scale)
    return F.regexp_replace(rounded.cast("decimal(38,10)").cast("string"), r"\.?0+$", "")


PORTABLE = {
    "is NaN": lambda: [F.coalesce(F.isnan("d"), lit(False)), col("d").isNotNull() & ~F.isnan("d"), F.isnan(F.coalesce("d", lit(0.0)))],
    "negated for an order": lambda: [lit(0.0) - col("d")],
    "ratio": lambda: [col("d") / F.nullif(col("d") + 0.0, lit(0.0)), F.nullif(col("d") + 0.0, lit(0.0))],
    "zero without a sign": lambda: [col("d") + 0.0, F.least(col("d") + 0.0, lit(0.0)), F.greatest(col("d") + 0.0, lit(0.0))],
    "bits of hexadecimal digits": lambda: [
        F.bit_count(_half("hash", 1).bitwiseXOR(_half("other", 1))) + F.bit_count(_half("hash", 9).bitwiseXOR(_half("other", 9))),
        F.expr("bit_count(CAST(conv(substring(hash, 1, 8), 16, 10) AS BIGINT) ^ CAST(conv(substring(other, 1, 8), 16, 10) AS BIGINT))"),
        F.shiftleft(_half("hash", 1), 32).bitwiseOR(_half("hash", 9)),
    ],
    "weekday": lambda: [F.pmod(F.weekday("local"), lit(7)), F.pmod(F.weekday(col("local").cast("date")), lit(7))],
    "instant of local time": lambda: [
        F.concat(col("local").cast("string"), lit("Z")).try_cast("timestamp"),
        F.concat(F.convert_timezone(lit("Pacific/Auckland"), lit("UTC"), "local").cast("string"), lit("Z")).try_cast("timestamp"),
    ],
    "logarithm of 1 + x": lambda: [
        2 * F.atanh(col("e") / (col("e") + 2)), 2 * F.atanh(-F.abs("p") / (2 - F.abs("p"))), F.when(col("p") < 1, 2 * F.atanh(-F.abs("p") / (2 - F.abs("p")))),
    ],
    "rounded": lambda: [F.floor(col("e") * 100 + 0.5) / 100, F.floor(lit(1.005) * 100 + 0.5) / 100, F.floor(col("p") * 10 + 0.5) / 10],
    "text of a rounded number": lambda: [
        F.format_string("%.1f", F.floor(col("p") * 10 + 0.5) / 10), F.format_string("%,d", F.floor(col("e") + 0.5)),
        F.format_string("%,.0f", F.floor(col("e") + 0.5).cast("double")), _significant(col("e")), _significant(lit(0.00012345)), _significant(lit(99999.5)), _significant(lit(123456.0)),
        F.format_string("%.3f", F.floor(col("p") * 1000 + 0.5) / 1000), _significant(F.when(col("d") > 0, col("e"))),
    ],
    "text of a boolean": lambda: [F.format_string("%s", col("b").cast("string"))],
    "JSON with nulls": lambda: [
        F.to_json(F.array(col("i").cast("string"), col("s"), col("l").cast("string"), col("b").cast("string"))), F.to_json(F.array("s", "u")),
        F.xxhash64(F.to_json(F.array("s", col("n").cast("string")))),
    ],
    "one of an array": lambda: [F.when(col("j") >= 0, F.get(F.array(lit("x"), lit("y"), lit("z")), col("j"))), F.get("ai", F.greatest(col("j"), lit(-1)))],
    "last of an array": lambda: [F.reverse(F.slice(F.reverse("az"), 1, 2)), F.slice("az", F.greatest(F.size("az") - 1, lit(1)), lit(2))],
    "products of two arrays": lambda: [
        F.expr("transform(a, (x, at) -> CAST(x AS DOUBLE) * CAST(get(a, at) AS DOUBLE))"),
        F.expr("aggregate(transform(a, (x, at) -> x * get(a, at)), 0D, (s, t) -> s + t)"),
        F.expr("aggregate(arrays_zip(a, ai), 0D, (s, t) -> s + t.a * t.ai)"),
    ],
    "without some": lambda: [F.filter("az", lambda x: ~x.isin("é", "a")), F.filter("ai", lambda x: ~x.eqNullSafe(2))],
    "contains": lambda: [F.coalesce(F.array_contains("az", "é"), lit(False)), F.array_contains(F.array_compact("az"), "é")],
    "array in order": lambda: [F.sort_array("items"), F.sort_array(F.array_compact("items")), F.sort_array("aa")],
    "field of an array of structs": lambda: [F.col("items.name"), F.transform("items", lambda x: x["name"])],
    "list of numbers": lambda: [
        F.when(col("json").rlike(LIST_OF_NUMBERS), F.from_json("json", "array<double>")), F.when(col("json").rlike(LIST_OF_NUMBERS), F.from_json(F.when(col("json").rlike(LIST_OF_NUMBERS), col("json")), "array<double>")),
    ],
    "struct of nullable fields": lambda: [
        F.when(col("b"), F.struct(*(F.when(col("id") >= 0, lit(each)).alias(name) for name, each in (("k", "x"), ("v", 1))))).otherwise(F.struct(col("s").alias("k"), col("n").alias("v"))),
        F.when(~F.coalesce("b", lit(False)), F.struct(col("s").alias("k"), col("n").alias("v"))).otherwise(F.struct(lit("x").alias("k"), lit(1).alias("v"))),
    ],
    "struct or null, and its field": lambda: [F.when(col("b") & col("box").isNotNull(), F.struct("box.*"))["x0"], F.when(col("b") & col("box").isNotNull(), F.struct("box.x0", "box.name")), F.when(col("b"), col("box.x0")), F.when(col("b") & col("box").isNotNull(), F.struct("box.*"))["at"]["k"]],
    "wider type": lambda: [F.when(col("b"), col("i").cast("double")).otherwise(col("d")), F.when(col("j") != 0, col("i").cast("double") / F.nullif(col("j").cast("double"), lit(0.0)))],
    "float as double": lambda: [col("f").cast("double") * col("n"), col("f").cast("double").cast("float")],
    "seconds": lambda: [F.floor(F.unix_micros("at") / 1_000_000)],
    "number as text": lambda: [F.when(F.abs("e").between(1e-3, 1e7), col("e")).cast("string"), F.to_json(F.array(F.when(F.abs("e").between(1e-3, 1e7), col("e"))))],
    "letters": lambda: [F.trim("g").rlike("^[A-Za-z0-9_]+$"), F.regexp_replace("s", "[ \\t\\n\\r]", "_")],
}  # fmt: skip

PORTABLE_GROUPS = {
    "largest with NaN": lambda: [
        *(F.max_by("d", F.struct(col("d") + 0.0)), F.max(F.struct(col("d"))), F.max_by("d", col("d"))),
        *(
            F.when(F.max(F.coalesce(F.isnan("d"), lit(False))), lit(float("nan"))).otherwise(
                F.max(F.when(~F.isnan("d"), col("d")))
            ),
            F.min(F.when(~F.isnan("d"), col("d"))),
        ),
        *(F.min_by("d", "d"), F.max(F.when(~F.isnan("d"), col("d")))),
    ],
    "first by an order with nulls": lambda: [
        *(
            F.min_by("s", F.struct(col("n").isNotNull(), F.coalesce("n", lit(0)), "id")),
            F.max_by("s", F.struct("n", "id")),
        ),
        *(
            F.min_by("id", F.struct(F.coalesce(lit(0.0) - col("d"), lit(float("-inf"))), "id")),
            F.max_by("id", F.struct("d", -col("id"))),
        ),
        F.get(F.sort_array(F.collect_list(F.struct("n", "s"))), lit(0)),
        F.get(F.sort_array(F.collect_list(F.struct("n", "s")), asc=False), lit(0)),
        F.max_by(F.struct("n", "s"), F.struct("n", "s")),
        F.max(F.struct(F.coalesce("n", lit(-1)).alias("n"), F.coalesce("s", lit("")).alias("s")))["s"],
        F.min(F.struct(F.coalesce("n", lit(-1)), "id"))["id"],
        F.min_by("s", F.struct(F.coalesce("n", lit(-1)), "id")),
        F.max_by("id", F.struct(~col("b"), -col("id"))),
        F.max_by("id", F.struct("n", "s", "id")),
        F.max_by("id", F.struct("b", "n", "s", "d", "id")),
    ],
    "quantiles": lambda: [
        F.percentile(F.when(col("d").isNotNull() & ~F.isnan("d") & (F.abs("d") < 1e300), col("d")), lit(0.5)),
        F.get(F.array_sort(F.collect_list("e")), F.ceil(F.count("e") * 0.5).cast("int") - 1),
    ],
    "ratio of aggregates": lambda: [F.sum("n").cast("double") / F.nullif(F.count("*").cast("double"), lit(0.0))],
    "set with zeros": lambda: [F.sort_array(F.collect_set(col("d") + 0.0))],
}
