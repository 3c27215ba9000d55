"""Normalization for training pipelines: mean and standard deviation of each channel, and the common image sizes."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import same_keys
from dataeval_spark.frames.exact_sums import Aggregate, exact_sums
from dataeval_spark.frames.ratios import ratio

COMMON_SIZES = 10
GROUP = ("split", "colors")
KEYS = (*GROUP, "channel")
MERGED = ("image_count", "unknown_range_count", "pixel_count", "mean")
PLACES = "array<struct<colors: string, channel: int>>"


def normalization(
    channel_stats: DataFrame,
    image_stats: DataFrame,
    images: DataFrame,
    *,
    value_range: Sequence[float] | None = None,
) -> DataFrame:
    """Merge the moments of all images' channels, per split and for the whole dataset.

    With ``n_i`` measured pixels of image i, and its mean and variance on a scale on which its value range is [0, 1]:
    ``mean = sum n_i m_i / sum n_i`` and ``var = sum n_i (v_i + (m_i - mean)^2) / sum n_i``: the moments of all pixels
    put together, exactly (Chan, Golub and LeVeque 1979). Images whose value range is unknown (negative values, or one
    that was declared to the profile and not here) have no such scale and are left out and counted, and so are those
    whose mean lies outside the declared range: they hold values that stand for no data.

    Parameters
    ----------
    channel_stats, image_stats : DataFrame
        Tables of these names; rows of whole images are used.
    images : DataFrame
        Live rows of table ``images``.
    value_range : (float, float), optional
        Smallest and largest value of the images without a bit depth, as in ``profile.value_range``.

    Returns
    -------
    DataFrame
        Rows of table ``normalization``: for gray and for color images, and for all of them as color, as a pipeline
        sees them that turns gray images into three equal channels.

    Raises
    ------
    OptionError
        ``value_range`` is not two numbers, the smaller first.

    Examples
    --------
    >>> found = normalization(channel_stats, image_stats, images).where("split IS NULL AND colors = 'color'")
    >>> found = found.selectExpr("channel", "pixel_count", "round(mean, 3) AS mean", "round(std, 3) AS std")
    >>> found.orderBy("channel").show()
    +-------+-----------+-----+-----+
    |channel|pixel_count| mean|  std|
    +-------+-----------+-----+-----+
    |      0|   17845002|0.464|0.276|
    |      1|   17845002|0.453|0.267|
    |      2|   17845002|0.393|0.285|
    +-------+-----------+-----+-----+
    """
    if value_range is not None and not (len(value_range) == 2 and value_range[0] < value_range[1]):
        raise OptionError(
            f"normalization.value_range is {list(value_range)}; expected two numbers, the smaller first.\n"
            "Hint: --set normalization.value_range=[0,4095], the same as profile.value_range"
        )
    rows = _rows(channel_stats, image_stats, images, value_range)
    weight = F.when(F.col("m").isNotNull(), F.col("n").cast("double"))
    counts: dict[str, Aggregate] = {
        "image_count": (F.count("m"), F.sum),
        "unknown_range_count": (F.count(F.when(F.col("m").isNull(), 1)), F.sum),
        "pixel_count": (F.coalesce(F.sum(F.when(F.col("m").isNotNull(), F.col("n"))), F.lit(0)), F.sum),
    }
    summed = exact_sums(rows, KEYS, {"mean": weight * F.col("m")}, counts)
    means = summed.withColumn("mean", ratio(F.col("mean"), F.col("pixel_count")))
    # There are few of them (splits x channels): the means are broadcast, and the rows read a second time.
    centers = F.broadcast(means.select(*KEYS, F.col("mean").alias("center"))).alias("centers")
    deviation = F.col("m") - F.col("center")
    spread = rows.alias("rows").join(centers, on=same_keys(KEYS, "rows", "centers"), how="inner")
    spread = spread.select("rows.*", "center")
    squares = weight * (F.col("v") + deviation * deviation)
    pixels: dict[str, Aggregate] = {"pixels": (F.sum(F.when(F.col("m").isNotNull(), F.col("n"))), F.sum)}
    sums = exact_sums(spread.select(*KEYS, "n", "m", squares.alias("squares")), KEYS, {"std": F.col("squares")}, pixels)
    variances = sums.withColumn("std", F.sqrt(ratio(F.col("std"), F.col("pixels"))))
    same = same_keys(KEYS, "means", "variances")
    merged = means.alias("means").join(variances.alias("variances"), on=same, how="left").select("means.*", "std")
    same = same_keys(GROUP, "merged", "sizes")
    sized = merged.alias("merged").join(_sizes(rows).alias("sizes"), on=same, how="left")
    return sized.select(*(f"merged.{name}" for name in (*KEYS, *MERGED, "std")), "common_sizes")


def _rows(
    channel_stats: DataFrame, image_stats: DataFrame, images: DataFrame, declared: Sequence[float] | None
) -> DataFrame:
    whole = image_stats.where("target_index IS NULL").select("image_id", "width", "height", "channels", "bit_depth")
    low, high = (None, None) if declared is None else (float(declared[0]), float(declared[1]))
    is_known = F.col("bit_depth").isNotNull()
    minimum = F.when(is_known, F.lit(0.0)).otherwise(F.lit(low).cast("double"))
    maximum = F.when(is_known, F.pow(F.lit(2.0), F.col("bit_depth")) - 1).otherwise(F.lit(high).cast("double"))
    span = maximum - minimum
    scaled = channel_stats.where("target_index IS NULL").select("image_id", "channel", "mean", "var", "missing")
    joined = scaled.join(whole, on="image_id", how="inner").join(
        images.select("image_id", "split"), on="image_id", how="inner"
    )
    color = F.col("channels") == 3
    gray = F.col("channels") == 1
    own = F.when(gray, F.lit("gray")).when(color, F.lit("color")).otherwise(F.concat("channels", F.lit(" bands")))
    as_color = (
        F.when(gray, F.array(*(_place(F.lit("all as color"), F.lit(c)) for c in range(3))))
        .when(color, F.array(_place(F.lit("all as color"), F.col("channel"))))
        .otherwise(F.array().cast(PLACES))
    )
    # The row counts for its split and for the whole dataset, once where it has no split.
    splits = F.when(F.col("split").isNull(), F.array(F.lit(None).cast("string"))).otherwise(
        F.array(F.lit(None).cast("string"), F.col("split"))
    )
    return (
        joined.select(
            "width",
            "height",
            F.explode(splits).alias("split"),
            # Beside a generator, Spark 4.0 loses the names of a struct's fields; the cast gives them back.
            F.concat(F.array(_place(own, F.col("channel"))).cast(PLACES), as_color.cast(PLACES)).alias("places"),
            F.floor(F.col("width") * F.col("height") * (1 - F.col("missing")) + 0.5).alias("n"),
            ((F.col("mean") - minimum) / span).alias("m"),
            (F.col("var") / (span * span)).alias("v"),
        )
        .where("n > 0")
        # Values far beyond the declared range, such as 1e308 for no data, are not on its scale.
        .withColumn("m", F.when(F.col("m").between(0, 1) & F.col("v").isNotNull(), F.col("m")))
        .select("width", "height", "split", "n", "m", "v", F.inline("places"))
    )


def _place(colors: Column, channel: Column) -> Column:
    return F.struct(colors.alias("colors"), channel.cast("int").alias("channel"))


def _sizes(rows: DataFrame) -> DataFrame:
    # Sizes are counted before they are sorted: an array holds distinct sizes, not images.
    counts = rows.where("channel = 0").groupBy(*GROUP, "width", "height").agg(F.count("*").alias("image_count"))
    entry = F.struct(
        (-F.col("image_count")).alias("order"),
        F.col("width").cast("int").alias("width"),
        F.col("height").cast("int").alias("height"),
        "image_count",
    )
    first = F.slice(F.sort_array(F.collect_list(entry)), 1, COMMON_SIZES)
    return counts.groupBy(*GROUP).agg(
        F.transform(first, lambda e: F.struct(e["width"], e["height"], e["image_count"])).alias("common_sizes")
    )
