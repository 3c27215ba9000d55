"""Class balance by taking images several times, or not at all: DataEval's two methods."""

from __future__ import annotations

from typing import Literal, get_args

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.exact_sums import exact_sums, ordered_sum
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.verbs.select.state import Selection, hashed, uniform

Method = Literal["global", "interclass"]
MAX_CLASSES = 100_000


def balance(
    selection: Selection,
    *,
    method: Method = "global",
    n: int | None = None,
    background: str | None = None,
    num_empty: int = 0,
    aggregation: Literal["mean", "max"] = "mean",
    oversample_factor: float = 1.0,
    seed: int = 0,
) -> Selection:
    r"""Balance the classes.

    ``global``: an image is taken in proportion to the mean (or maximum) over its classes of
    :math:`\max(1, \sqrt{t / f_c})`, f the share of images with the class and t ``oversample_factor``. Where DataEval
    draws n times with replacement, each image is taken as often as it is expected to be, rounded down, and the rest of
    n goes to the images with the smallest u / remainder (sequential Poisson sampling, Ohlsson 1998): the same
    expectation with less noise.

    ``interclass``: n / C images for each of the C classes, those with other classes less often by
    :math:`1 / (1 + 2 \cdot others)`, without replacement (Efraimidis and Spirakis 2006); a class with fewer images has
    each of them equally often, and the rest drawn so.

    Parameters
    ----------
    n : int, optional
        Images to take, with repetitions; default as many as there are.
    background : str, optional
        Class that has share 1 (global) or is not sampled for (interclass).
    num_empty : int
        Images without labels among the n, without repetitions; by default there are none.
    aggregation, oversample_factor
        For ``global``; see above.
    seed : int
        Seed of the draws.

    References
    ----------
    DataEval 1.1.4, ``ClassBalance``. Its extra samples of interclass go to the classes whose position, not whose
    number, was drawn; here to those with the smallest hash.
    """
    OptionError.unless_one_of("select.balance.method", method, get_args(Method))
    OptionError.unless_one_of("select.balance.aggregation", aggregation, ["mean", "max"])
    OptionError.unless_between("select.balance.oversample_factor", oversample_factor, 1e-9, 1e9)
    members, classes = selection.members, selection.classes()
    counts = members.join(classes, on="image_id", how="inner").groupBy("class_name").agg(F.count("*").alias("n"))
    of_class = {row["class_name"]: row["n"] for row in bounded(counts.limit(MAX_CLASSES), "one row per class")}
    if not of_class:
        raise OptionError(
            "select.balance: no image of the selection has a class.\nHint: ingest labels, or leave out balance"
        )
    total = members.count()
    empty = members.join(classes, on="image_id", how="left_anti")
    empty = empty.orderBy(hashed(seed, "image_id", "copy"), "image_id", "copy").limit(num_empty)
    size = (total if n is None else n) - (empty.count() if num_empty else 0)
    if method == "global":
        shares = {name: 1.0 if name == background else count / total for name, count in of_class.items()}
        draws = _global(members, classes, shares, size, aggregation, oversample_factor, seed)
    else:
        draws = _interclass(members, classes, {c: k for c, k in of_class.items() if c != background}, size, seed)
    largest = one_row(draws, F.max("times").alias("most"))["most"] or 1
    copies = draws.select(
        "image_id",
        F.col("copy").alias("from_copy"),
        "order_key",
        F.explode(F.sequence(F.lit(0), F.col("times") - 1)).alias("j"),
    )
    repeats = copies.select("image_id", (F.col("from_copy") * F.lit(largest) + F.col("j")).alias("copy"), "order_key")
    return selection.with_members(repeats.unionByName(empty) if num_empty else repeats)


def _global(
    members: DataFrame,
    classes: DataFrame,
    shares: dict[str, float],
    size: int,
    aggregation: str,
    factor: float,
    seed: int,
) -> DataFrame:
    spark = members.sparkSession
    repeat = [(name, max(1.0, (factor / share) ** 0.5)) for name, share in shares.items()]
    factors = F.broadcast(spark.createDataFrame(repeat, "class_name string, repeat double"))
    mean = ordered_sum("repeat") / F.count("repeat")
    combine = mean if aggregation == "mean" else F.max("repeat")
    weights = classes.join(factors, on="class_name", how="inner").groupBy("image_id").agg(combine.alias("weight"))
    weighted = members.join(weights, on="image_id", how="inner")
    total = one_row(exact_sums(weighted, [], {"total": F.col("weight")}))["total"]
    expected = F.col("weight") * F.lit(size / total)
    counted = weighted.select(
        "image_id",
        "copy",
        "order_key",
        F.floor(expected).cast("int").alias("times"),
        ratio(uniform(seed, "image_id", "copy"), expected - F.floor(expected)).alias("priority"),
    )
    missing = size - one_row(counted, F.sum("times").alias("sum"))["sum"]
    extra = counted.where("priority IS NOT NULL").orderBy("priority", "image_id", "copy").limit(max(0, missing))
    extra = extra.select("image_id", "copy", F.lit(1).alias("one"))
    # (image_id, copy) is unique on both sides.
    both = counted.join(extra, on=["image_id", "copy"], how="left")
    times = F.col("times") + F.coalesce("one", F.lit(0))
    return both.select("image_id", "copy", "order_key", times.alias("times")).where("times > 0")


def _interclass(members: DataFrame, classes: DataFrame, of_class: dict[str, int], size: int, seed: int) -> DataFrame:
    spark = members.sparkSession
    if not of_class:
        raise OptionError(
            "select.balance: no image of the selection has a class besides the background.\n"
            "Hint: background = the class that is to be left as it is, or method = 'global'"
        )
    each, leftover = divmod(size, len(of_class))
    names = spark.createDataFrame([(name,) for name in of_class], "class_name string")
    ordered = [
        row["class_name"]
        for row in bounded(names.orderBy(hashed(seed, "class_name"), "class_name"), "one row per class")
    ]
    quotas = []
    for place, name in enumerate(ordered):
        quota = each + (place < leftover)
        quotas.append((name, *divmod(quota, of_class[name])))
    listed = F.broadcast(spark.createDataFrame(quotas, "class_name string, whole int, rest int"))
    others = classes.groupBy("image_id").agg((F.count("*") - 1).alias("others"))
    pairs = members.join(classes, on="image_id", how="inner").join(others, on="image_id", how="inner")
    pairs = pairs.join(listed, on="class_name", how="inner")
    # The largest u^(1/w) are a weighted sample without replacement.
    key = F.ln(uniform(seed, "image_id", "copy", "class_name")) * (1 + 2 * F.col("others"))
    rank = F.row_number().over(Window.partitionBy("class_name").orderBy(F.desc("key"), "image_id", "copy"))
    placed = pairs.withColumn("key", key).select("*", rank.alias("place"))
    times = F.col("whole") + F.when(F.col("place") <= F.col("rest"), 1).otherwise(0)
    summed = placed.select("image_id", "copy", "order_key", times.alias("times"))
    total = summed.groupBy("image_id", "copy", "order_key").agg(F.sum("times").cast("int").alias("times"))
    return total.where("times > 0")
