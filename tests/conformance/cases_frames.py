"""Operations on whole frames, one entry for each; rows are compared without their order, unless the entry is ordered."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches

col, lit = F.col, F.lit
ORDERED = {".orderBy", ".sortWithinPartitions", "sql ORDER BY", "sql NULLS FIRST", "sql NULLS LAST", "sql LIMIT"}
FEW = ["id", "g", "n", "b", "d", "s", "box"]


def _joined(data, how):
    left, right = (
        data.select("id", "g", "n", "d", "box").alias("l"),
        data.where("c").select("id", "j", "d", "box").alias("r"),
    )
    keys = [
        (col("l.n") == col("r.j")) & (col("l.id") > col("r.id")),
        col("l.d") == col("r.d"),
        col("l.n").eqNullSafe(col("r.j")) & col("l.d").eqNullSafe(col("r.d")),
        col("l.box") == col("r.box"),
    ]
    sides = (col("l.id").alias("a"), col("l.box.name").alias("x"))
    if how.startswith("left_"):
        return [left.join(right, on=key, how=how).select(*sides) for key in keys]
    sides = (*sides, col("r.id").alias("b"), "r.box", col("r.box").isNull().alias("gone"))
    return [left.join(right, on=key, how=how).select(*sides) for key in keys]


def _by_name(data, how):
    left, right = data.select("n", "g", "id"), data.where("b").groupBy("n", "g").agg(F.max("e").alias("e"))
    return left.join(right, on=["n", "g"], how=how)


def _unions(data):
    constant = F.struct(lit("x").alias("name"), lit(1).alias("n"))
    return [
        data.select("id", "s").unionByName(data.select("s", "id")),
        data.select("id", "s").unionByName(data.select("id", "d"), allowMissingColumns=True),
        data.select("id", F.struct(col("s").alias("name"), col("n")).alias("k")).unionByName(
            data.select("id", constant.alias("k"))
        ),
        data.select("id", "box").unionByName(
            data.select("id", lit(None).cast(data.schema["box"].dataType).alias("box"))
        ),
        data.select(F.array(F.struct("n")).alias("k")).unionByName(
            data.select(F.array(F.struct(lit(1).alias("n"))).alias("k"))
        ),
        data.select("n").unionByName(data.select(col("l").alias("n"))),
        data.select(F.create_map("g", lit(1)).alias("k"))
        .where("g IS NOT NULL")
        .unionByName(data.select(F.create_map(lit("x"), "n").alias("k"))),
        data.groupBy("b")
        .agg(F.sort_array(F.collect_list(constant)).alias("k"))
        .unionByName(data.select("b", F.array(F.struct(col("g").alias("name"), "n")).alias("k"))),
        data.select("id", constant.alias("k")).unionByName(
            data.select("id", F.struct(col("s").alias("name"), col("n")).alias("k"))
        ),
        data.select("ai")
        .unionByName(data.select(F.array(lit(1)).alias("ai")))
        .unionByName(data.select(F.array().cast("array<int>").alias("ai"))),
        data.select("id", lit("x").alias("k")).unionByName(data.select("id", col("s").alias("k"))).groupBy("k").count(),
    ]


def _echo(batches):
    yield from batches


def _without_boxes(batches):
    """Structs as a kernel makes them: Arrow fills the fields of those that are null."""
    for batch in batches:
        rows = [
            {"x0": None, "name": None} if at % 3 == 0 else {"x0": at * 0.5, "name": "é"}
            for at in batch["id"].to_pylist()
        ]
        boxes = pa.array([None if at % 2 else row for at, row in zip(batch["id"].to_pylist(), rows, strict=True)])
        boxes = boxes.cast(pa.struct([("x0", pa.float64()), ("name", pa.string())]))
        yield pa.RecordBatch.from_arrays([batch["id"], boxes], names=["id", "k"])


def _mapped(data):
    ddl = "id int, g string, n int, b boolean, d double, s string, box struct<x0: double, y0: double, name: string, at: struct<k: int>>"
    made = map_batches(data.select("id"), _without_boxes, "id int, k struct<x0: double, name: string>")
    echo = map_batches(data.select(*FEW), _echo, ddl)
    return [
        echo,
        echo.select("id", "box.name", col("box.at.k").isNull().alias("gone"), col("box.at").isNull().alias("no_at")),
        made.select("id", "k", "k.x0", "k.name", col("k").isNull().alias("gone"), F.to_json("k").alias("text")),
        made.groupBy("k.name").agg(F.count("*").alias("rows"), F.count("k").alias("n"), F.count("k.x0").alias("xs")),
        map_batches(data.select("items", "map", "a", "id"), _echo, _ddl(data, ["items", "map", "a", "id"])),
        map_batches(
            data.select("at", "local", "day", "m", "bin"), _echo, _ddl(data, ["at", "local", "day", "m", "bin"])
        ),
    ]


def _ddl(data, names):
    return ", ".join(f"`{name}` {data.schema[name].dataType.simpleString()}" for name in names)


def _sums(table: pa.Table) -> pa.Table:
    return pa.table(
        {"g": table["g"].slice(0, 1), "rows": [table.num_rows], "n": [sum(table["n"].drop_null().to_pylist())]}
    )


def _exploded(data):
    return [
        *(
            data.select("id", F.explode("ai").alias("x")),
            data.select("id", F.explode("items").alias("x")).select("id", "x.name", "x"),
        ),
        *(
            data.select("id", F.explode("map")),
            data.select("id", F.explode(F.sequence(lit(0), col("n") - 1)).alias("x")),
        ),
        *(
            data.select("id", F.explode(F.map_keys("map")).alias("x")),
            data.select("id", F.explode(F.array("box", "box")).alias("x")),
        ),
        data.select(
            "id",
            F.explode(F.concat(F.array(lit(None).cast("string")), F.filter("az", lambda x: x.isNotNull()))).alias("x"),
        ),
        data.select("id", F.explode("aa").alias("x")).select("id", F.explode("x").alias("y")),
    ]


def _made(spark):
    """Frames of rows of Python; structs as the tests' fixture makes them."""
    rows = [(1, (None, 2)), (2, None), (None, ("é", None))]
    made = spark.createDataFrame(rows, "id int, k struct<name: string, n: bigint>")
    valid = made.withColumn("k", F.when(col("k").isNotNull(), col("k")))
    times = [
        (dt.datetime(2024, 3, 10, 2, 30), dt.date(2024, 2, 29), Decimal("1.50"), b"\x00", [None, 1.5], {"a": None})
    ]
    return [
        made.select("id", "k", col("k").isNull().alias("gone")),
        made.select("id", "k.name", "k.n"),
        valid.select("id", "k", "k.name", "k.n"),
        made.withColumn("k", F.when(col("k").isNotNull(), F.struct("k.name", "k.n"))).select(
            "id", "k", "k.name", "k.n"
        ),
        spark.createDataFrame(
            times, "t timestamp_ntz, d date, m decimal(10,2), b binary, a array<double>, k map<string, int>"
        ),
        spark.createDataFrame([], "id int, k struct<name: string, n: bigint>"),
    ]


FRAMES = {
    ".createDataFrame": lambda data: _made(data.sparkSession),
    ".range": lambda data: [data.sparkSession.range(3), data.sparkSession.range(2, 9, 3), data.sparkSession.range(0)],
    "join inner": lambda data: [*_joined(data, "inner"), _by_name(data, "inner")],
    "join left": lambda data: [*_joined(data, "left"), _by_name(data, "left")],
    "join right": lambda data: [*_joined(data, "right"), _by_name(data, "right")],
    "join full": lambda data: [*_joined(data, "full"), _by_name(data, "full")],
    "join left_semi": lambda data: [*_joined(data, "left_semi"), _by_name(data, "left_semi")],
    "join left_anti": lambda data: [*_joined(data, "left_anti"), _by_name(data, "left_anti")],
    ".join": lambda data: [
        data.select("id", "n").join(data.groupBy("n").agg(F.max("id").alias("top")), on="n", how="left")
    ],
    ".crossJoin": lambda data: [
        data.select("id")
        .where("id < 5")
        .crossJoin(F.broadcast(data.agg(F.max("e").alias("e"), F.count("*").alias("k"))))
    ],
    ".select": lambda data: [
        data.select("id", "box.*"),
        data.select("*", lit(1).alias("one")).select("id", "one"),
        data.select(col("box.x0").alias("x")),
    ],
    ".selectExpr": lambda data: [data.selectExpr("id AS k", "round(e, 2) AS e", "'phash' AS kind")],
    "F.expr": lambda data: [data.select(F.expr("n + 1").alias("k"), F.expr("box.x0").alias("x"))],
    ".where": lambda data: [
        *(
            data.where("d IS NOT NULL AND NOT isnan(d)").select("id"),
            data.where(col("b")).select("id"),
            data.where(~col("b")).select("id"),
        ),
        *(
            data.where("box.name IS NULL").select("id"),
            data.where(col("n") > lit(None)).select("id"),
            data.where(col("d") > 0).select("id"),
        ),
    ],
    ".withColumn": lambda data: [
        data.select("id", "n", "box").withColumn("n", col("n") * 2).withColumn("k", col("box.x0")),
        data.select("id").withColumn("ID", lit(1)),
    ],
    ".withColumns": lambda data: [data.select("id", "n").withColumns({"n": col("n") + 1, "k": col("n")})],
    ".withColumnRenamed": lambda data: [
        data.select("id", "n").withColumnRenamed("n", "k"),
        data.select("id").withColumnRenamed("none", "k"),
    ],
    ".withColumnsRenamed": lambda data: [data.select("id", "n").withColumnsRenamed({"n": "k", "id": "n"})],
    ".drop": lambda data: [data.select(*FEW).drop("box", "s", "none")],
    ".fillna": lambda data: [
        data.select("id", "n", "d", "s").fillna(0, ["n", "d"]),
        data.select("id", "s").fillna({"s": "none"}),
    ],
    ".groupBy": lambda data: [
        *(
            data.groupBy(key).agg(F.count("*").alias("k"), F.max("id").alias("top"))
            for key in ("g", "d", "b", "box", "m", "at", "f", "s")
        ),
        *(
            data.groupBy("g", "n").agg(F.sum("e").alias("e")),
            data.groupBy(F.lower("path").alias("k"), "box.at").count(),
        ),
        *(
            data.groupBy().agg(F.count("*").alias("k")),
            data.groupBy("ai").count(),
            data.groupBy("items").agg(F.count("*").alias("k")),
        ),
    ],
    ".count": lambda data: [data.groupBy("b").count()],
    ".pivot": lambda data: [
        data.groupBy("b").pivot("g", ["red", "blue", "none"]).agg(F.sum("n")),
        data.groupBy("g").pivot("n", [1, 2]).agg(F.first("g")),
    ],
    ".distinct": lambda data: [data.select(name).distinct() for name in ("d", "g", "box", "ai", "f", "items")],
    ".dropDuplicates": lambda data: [
        data.select("g", "b").dropDuplicates(["g", "b"]),
        data.select("d").dropDuplicates(["d"]),
    ],
    ".exceptAll": lambda data: [
        data.select("n", "b").exceptAll(data.select("j", "c")),
        data.select("d").exceptAll(data.select("e")),
        data.select("box").exceptAll(data.where("b").select("box")),
    ],
    ".unionByName": lambda data: _unions(data),
    ".orderBy": lambda data: [
        *(data.select("id", name).orderBy(name, "id") for name in ("d", "s", "box", "a", "b", "at", "items", "m", "f")),
        *(
            data.select("id", "n").orderBy(F.desc("n"), "id"),
            data.select("id", "d").orderBy(F.desc_nulls_last("d"), "id"),
        ),
        *(
            data.select("id", "d").orderBy(col("d").asc_nulls_first(), F.desc("id")),
            data.select("id").orderBy(F.desc("id")).limit(3),
        ),
    ],
    ".sortWithinPartitions": lambda data: [data.select("id", "s").coalesce(1).sortWithinPartitions("s", "id")],
    ".limit": lambda data: [
        data.orderBy("id").limit(3).select("id"),
        data.limit(0).select("id"),
        data.limit(5).select(lit(1).alias("x")),
    ],
    ".isEmpty": lambda data: [
        data.limit(1).select(lit(data.where("id < 0").isEmpty()).alias("none"), lit(data.isEmpty()).alias("some"))
    ],
    ".localCheckpoint": lambda data: [
        *(each.localCheckpoint() for each in _unions(data)[2:5]),
        data.select(
            F.struct(lit("x").alias("a"), col("n")).alias("k"), F.array(lit(1), lit(2)).alias("l"), lit(1).alias("one")
        ).localCheckpoint(),
        data.select(
            F.create_map(lit("x"), col("l")).alias("m"), F.lit(None).cast("string").alias("none"), "local", "day", "bin"
        ).localCheckpoint(),
        data.groupBy("g")
        .agg(F.max("n").alias("n"), F.sort_array(F.collect_list(F.struct("n", "id"))).alias("k"))
        .localCheckpoint(),
        data.join(data.where("b").select("id", F.struct("n", "s").alias("k")), on="id", how="left")
        .select("id", "k", "k.s")
        .localCheckpoint(),
        data.select(*FEW).localCheckpoint(),
        data.select("id", "items", "map", "at").where("b").localCheckpoint(),
    ],
    ".mapInArrow": lambda data: _mapped(data),
    ".applyInArrow": lambda data: [
        data.select("g", "n").groupBy("g").applyInArrow(_sums, "g string, rows bigint, n bigint")
    ],
    "F.explode": lambda data: _exploded(data),
    "F.posexplode": lambda data: [
        data.select("id", F.posexplode("ai")),
        data.select("id", F.posexplode(F.arrays_zip("ai", "az"))),
        data.select("id", F.posexplode("aa")),
    ],
    "F.posexplode_outer": lambda data: [
        data.select("id", F.posexplode_outer("map")),
        data.select("id", F.posexplode_outer("ai")),
    ],
    "F.inline": lambda data: [
        data.select("id", F.inline("items")),
        data.select("id", F.inline(F.array(F.struct("n", "s"), F.struct(col("j").alias("n"), col("u").alias("s"))))),
    ],
    "F.spark_partition_id": lambda data: [
        data.repartition(1).select(F.spark_partition_id().alias("k")).distinct(),
    ],
    "F.monotonically_increasing_id": lambda data: [
        data.select(F.monotonically_increasing_id().alias("k")).agg(F.countDistinct("k").alias("n"))
    ],
}
