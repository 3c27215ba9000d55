"""Expressions on text, hashes, patterns, JSON and what becomes text, one entry for each function, cast or operator."""

from __future__ import annotations

from pyspark.sql import functions as F

col, lit = F.col, F.lit

TEXT = {
    "F.concat": lambda: [
        F.concat("s", lit("/"), "u"),
        F.concat("s", lit("")),
        F.concat("ai", "ai"),
        F.concat("bin", "bin"),
    ],
    "F.concat_ws": lambda: [
        *(F.concat_ws(" ", "s", "u"), F.concat_ws(", ", "az"), F.concat_ws("|", lit("x"), "s", "az"), F.concat_ws("")),
        *(F.concat_ws("", "s"), F.concat_ws(": ", col("i").cast("string"), "s"), F.concat_ws("\n", F.map_keys("map"))),
    ],
    "F.format_string": lambda: [
        *(F.format_string("%s is %.4g, below %.4g", "s", "d", "e"), F.format_string("%,.0f x %d", "e", "n")),
        *(F.format_string("%s: %,d labels", "s", "l"), F.format_string("%.0f and %.1f and %.2f", "e", "e", "e")),
        *(F.format_string("%.4g", "e"), F.format_string("%.3g|%.3g", "p", "e"), F.format_string("100%% of %s", "n")),
        *(
            F.format_string("%d", "i"),
            F.format_string("%s", "d"),
            F.format_string("%s", "b"),
            F.format_string("%.4g", "d"),
        ),
        *(F.format_string("%.0f", lit(0.5)), F.format_string("%.0f", lit(1.5)), F.format_string("%.2f", lit(1.005))),
        *(
            F.format_string("%.1f %%", col("p") * 100),
            F.format_string("%,d", "i"),
            F.format_string("%.4g", lit(0.00012345)),
        ),
        *(F.format_string("%.4g", lit(123456.0)), F.format_string("%.4g", lit(99999.5)), F.format_string("%,.2f", "e")),
    ],
    "F.from_json": lambda: [
        *(
            F.from_json("json", "array<double>"),
            F.from_json("json", "array<string>"),
            F.from_json(lit("[1, null]"), "array<double>"),
        ),
        *(
            F.from_json(lit("[0.5, 1e-3]"), "array<double>"),
            F.from_json(lit('["1", 2, true, {"a": 1}]'), "array<string>"),
        ),
    ],
    "F.hex": lambda: [F.hex("l"), F.hex("i"), F.hex("s"), F.hex("bin"), F.hex(F.xxhash64("s"))],
    "F.instr": lambda: [
        F.instr("path", "::"),
        F.instr("s", lit("ß")),
        F.instr("s", lit("")),
        F.instr("path", lit("/")),
    ],
    "F.json_object_keys": lambda: [F.json_object_keys("json"), F.json_object_keys(lit('{"b": 1, "a": {"c": 2}}'))],
    "F.length": lambda: [F.length("s"), F.length("bin"), F.length("path"), F.length(F.concat("s", lit(" ")))],
    "F.conv": lambda: [F.conv(F.substring("hash", 1, 8), 16, 10), F.conv(lit("ff"), 16, 10), F.conv(lit("11"), 2, 10)],
    "F.format_number": lambda: [
        *(
            F.format_number("e", 2),
            F.format_number(col("d") + 0.0, 0),
            F.format_number(lit(2.5), 0),
            F.format_number("n", 1),
        ),
        *(F.format_number(-F.abs("e"), 3), F.format_number(lit(0.125), 2), F.format_number(lit(1234567.5), 0)),
    ],
    "F.lpad": lambda: [
        F.lpad("s", 5, "0"),
        F.lpad(col("n").cast("string"), 2, "0"),
        F.lpad(col("n").cast("string"), F.greatest(F.length("s"), lit(2)), lit("0")),
    ],
    "F.replace": lambda: [
        F.replace("s", lit("a"), lit("b")),
        F.replace("path", lit("/"), lit("")),
        F.replace("s", lit("é"), lit("e")),
    ],
    "F.lower": lambda: [F.lower("s"), F.lower("path"), F.lower(lit("ÄÖÜ ΑΣ"))],
    "F.md5": lambda: [F.md5("s"), F.md5("bin"), F.md5(F.concat_ws("|", lit("v"), "path", "s"))],
    "F.regexp_extract": lambda: [
        *(F.regexp_extract("path", r"^([A-Za-z]+)-", 1), F.regexp_extract("path", r"([a-z]+)/(.*)$", 2)),
        *(
            F.regexp_extract("path", r"\.([^.]*)$", 1),
            F.regexp_extract("s", "(x)?", 1),
            F.regexp_extract("s", r"\w+", 0),
        ),
    ],
    "F.regexp_replace": lambda: [
        *(F.regexp_replace("path", r"\.[^./]*$", ""), F.regexp_replace("path", r"^(\./)+", "")),
        *(
            F.regexp_replace("path", r"\.(?i:jpg|png)$", ""),
            F.regexp_replace("path", r"(?i)^(.*)/(?:photos|train)/", "$1/"),
        ),
        *(
            F.regexp_replace("path", "[-_]?[0-9]{4}$", ""),
            F.regexp_replace("s", "a", "$0$0"),
            F.regexp_replace("s", r"\s", "_"),
        ),
        *(
            F.regexp_replace("path", r"^(?:photos|train)/", ""),
            F.regexp_replace("s", "é|漢", "?"),
            F.regexp_replace("s", ".", ""),
        ),
        *(
            F.regexp_replace("path", r"(.*)::", r"[$1]"),
            F.regexp_replace("s", r"\\", "/"),
            F.regexp_replace("s", r"\p{L}", "L"),
        ),
    ],
    "F.split": lambda: [
        *(
            F.split("path", "/"),
            F.split("path", ": "),
            F.split("s", ""),
            F.split("path", r"\."),
            F.split("path", "/", 2),
        ),
        *(F.split("s", "x"), F.split("s", r"[\t\n]"), F.split("path", "/", -1)),
    ],
    "F.startswith": lambda: [
        F.startswith("path", lit("/")),
        F.startswith("s", "u"),
        F.startswith("s", lit("")),
        F.startswith("s", lit("é")),
    ],
    "F.substring": lambda: [
        *(F.substring("s", 1, 2), F.substring("s", 2, 2**31 - 1), F.substring("s", -2, 2), F.substring("s", 0, 1)),
        *(
            F.substring("bin", 1, 2),
            F.substring("path", F.instr("path", lit("/")) + 1, F.length("path")),
            F.substring("s", -9, 8),
        ),
    ],
    "F.substring_index": lambda: [
        *(F.substring_index("path", "/", -1), F.substring_index("path", "::", -1), F.substring_index("path", "/", 1)),
        *(F.substring_index("path", "/", 2), F.substring_index("path", ".", -2), F.substring_index("path", "", 1)),
    ],
    "F.to_json": lambda: [
        *(
            F.to_json("box"),
            F.to_json("items"),
            F.to_json("a"),
            F.to_json("map"),
            F.to_json(F.struct("i", "s", "b", "l")),
        ),
        *(
            F.to_json(F.struct("i", "s", "box"), {"ignoreNullFields": "false"}),
            F.to_json(F.struct("d")),
            F.to_json(F.struct("e")),
        ),
        *(
            F.to_json(F.struct("i", "s", "l", "az"), {"ignoreNullFields": "false"}),
            F.to_json(F.struct("f")),
            F.to_json("aa"),
        ),
        *(
            F.to_json(F.struct("g", F.struct("n", "b").alias("k")), {"ignoreNullFields": "false"}),
            F.to_json(F.struct("m")),
        ),
        *(
            F.to_json(F.struct(F.lit(None).cast("string").alias("a"), "n")),
            F.to_json(F.struct("bin")),
            F.to_json(F.struct("day")),
        ),
        *(
            F.to_json(F.struct("at")),
            F.to_json(F.struct("local")),
            F.to_json(F.struct("e"), {"ignoreNullFields": "false"}),
        ),
    ],
    "F.translate": lambda: [F.translate("s", "_", " "), F.translate("s", "aé", "b"), F.translate("path", "/.", "\\-")],
    "F.trim": lambda: [F.trim("s"), F.trim("text"), F.trim("when_text"), F.trim(lit("\t x \n"))],
    "F.xxhash64": lambda: [
        *(F.xxhash64("s"), F.xxhash64("i"), F.xxhash64("l"), F.xxhash64("d"), F.xxhash64("f"), F.xxhash64("b")),
        *(F.xxhash64("path", "n"), F.xxhash64(lit(7), "s"), F.xxhash64("s", lit(7).cast("bigint")), F.xxhash64("bin")),
        *(
            F.xxhash64("a"),
            F.xxhash64("box"),
            F.xxhash64("items"),
            F.xxhash64("at"),
            F.xxhash64("local"),
            F.xxhash64("day"),
        ),
        *(F.xxhash64("m"), F.xxhash64("s", "n", "d"), F.xxhash64(lit(None)), F.xxhash64(lit(0), lit("overlap"), "s")),
        *(F.xxhash64("az"), F.xxhash64(F.coalesce("n", lit(-1))), F.xxhash64(F.struct("s", "n")), F.xxhash64("e")),
    ],
    ".endswith": lambda: [
        col("path").endswith(".jpg"),
        col("s").endswith(""),
        col("s").endswith(col("u")),
        col("s").endswith("é"),
    ],
    ".startswith": lambda: [col("path").startswith("photos/"), col("s").startswith(col("u")), col("s").startswith("")],
    ".rlike": lambda: [
        *(
            col("path").rlike("^(/|[a-z0-9]+:)"),
            col("text").rlike("^[0-9]{1,9}$"),
            col("path").rlike(r"(?i)(^|/)(photos|train)/"),
        ),
        *(
            col("when_text").rlike(r":[0-9]{2}[0-9.:]* ?[A-Za-z+-]"),
            col("text").rlike(r"^(?i:true|false)$"),
            col("s").rlike(""),
        ),
        *(
            col("path").rlike(r"^[^/]+\.(?i:ya?ml|jpg)$"),
            col("s").rlike("^.$"),
            col("s").rlike(r"^\w+$"),
            col("s").rlike(r"^\s*$"),
        ),
        *(
            col("text").rlike(r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"),
            col("s").rlike("b$"),
            col("text").rlike(r"^\d$"),
            col("s").rlike("^a.b$"),
            col("s").rlike("^.x$"),
        ),
    ],
    "cast string": lambda: [
        *(
            col("d").cast("string"),
            col("i").cast("string"),
            col("b").cast("string"),
            col("f").cast("string"),
            col("e").cast("string"),
        ),
        *(col("l").cast("string"), col("m").cast("string"), col("day").cast("string"), col("local").cast("string")),
        *(col("ai").cast("string"), col("box").cast("string"), col("map").cast("string"), lit(None).cast("string")),
        *(
            (col("l") / 3).cast("string"),
            (col("e") * 1e8).cast("string"),
            (col("e") / 1e7).cast("string"),
            col("p").cast("string"),
        ),
        *(col("at").cast("string"), F.concat(lit("x"), col("n"), lit("/"), col("b"))),
    ],
    "cast binary": lambda: [col("s").cast("binary"), col("bin").cast("binary"), lit(None).cast("binary")],
    "cast array<string>": lambda: [
        F.array().cast("array<string>"),
        col("ai").cast("array<string>"),
        col("az").cast("array<string>"),
    ],
}
