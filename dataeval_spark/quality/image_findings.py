"""Image findings: dark, bright, blurry, low-information, oddly sized or shaped, gray among colour, invalid boxes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.tables import IMAGE_FINDINGS

BLUR_FACTOR = 0.01
BLUR_COLOR_THRESHOLD = 0.18
ENTROPY_FACTOR = 0.1


def image_findings(
    image_stats: DataFrame,
    *,
    dark: float = 0.32,
    bright: float = 0.05,
    blurry: float = 0.29,
    low_information: float = 0.3,
    odd_aspect_ratio: float = 0.35,
    odd_size_iqr: float = 3.0,
    grayscale_share: float = 0.5,
) -> DataFrame:
    r"""List images that deserve a look, with cleanvision's scores (0 worst, 1 best) and thresholds.

    * ``dark``: 99th percentile of perceived brightness; ``bright``: 1 - its 5th percentile
    * ``blurry``: :math:`\min(1, 1 - e^{-0.01 b} + c)` with b the standard deviation of edges at 64 px
      and :math:`c = 1 - e^{-0.01 h}`, h that of the gray histogram, where c exceeds 0.18
    * ``low_information``: a tenth of the entropy in bits, at most 1
    * ``odd_aspect_ratio``: shorter over longer side
    * ``odd_size``: 1 - distance of :math:`\sqrt{wh}` from the middle of [Q1 - 3 IQR, Q3 + 3 IQR], in
      lengths of that interval; below 0.5 is outside it. Where IQR is 0, any other size is odd.
    * ``grayscale``: gray images where at least ``1 - grayscale_share`` of the images have colour
      (cleanvision lists every gray image, also in a dataset of gray images)
    * ``non_finite_pixels``: share of values that are neither NaN nor infinite, below 1
    * ``invalid_box``: boxes that are empty, inverted or wholly outside

    Parameters
    ----------
    image_stats : DataFrame
        Table ``image_stats``.
    dark, bright, blurry, low_information, odd_aspect_ratio : float in [0, 1]
        Score below which an image is listed.
    odd_size_iqr : float
        Interquartile ranges beyond the quartiles from which a size is odd.
    grayscale_share : float in [0, 1]
        Gray images are listed only when they are less than this share.

    Returns
    -------
    DataFrame
        Table ``image_findings`` without ``run_id``.

    Raises
    ------
    OptionError
        A threshold is out of range.

    References
    ----------
    cleanvision 0.3.7, issue_managers/image_property.py.

    Examples
    --------
    >>> image_findings(image_stats, dark=0.2).groupBy("rule").count().show()
    """
    thresholds = {
        "dark": dark,
        "bright": bright,
        "blurry": blurry,
        "low_information": low_information,
        "odd_aspect_ratio": odd_aspect_ratio,
    }
    for name, value in {**thresholds, "grayscale_share": grayscale_share}.items():
        OptionError.unless_between(f"image_findings.{name}", value, 0.0, 1.0)
    OptionError.unless_between("image_findings.odd_size_iqr", odd_size_iqr, 0.0, 1e6)

    images = image_stats.where("target_index IS NULL")
    rules = F.array(*_rules(thresholds, grayscale_share))
    scored = images.crossJoin(F.broadcast(_whole_dataset(images, odd_size_iqr)))
    listed = scored.select("image_id", F.lit(None).cast("int").alias("target_index"), F.inline(rules))
    bad_boxes = image_stats.where("target_index IS NOT NULL AND invalid_box")
    boxes = bad_boxes.select("image_id", "target_index", F.inline(F.array(_box())))
    found = listed.where("score < threshold").unionByName(boxes)
    return found.select(*(name for name in IMAGE_FINDINGS.column_names if name != "run_id"))


def _whole_dataset(images: DataFrame, factor: float) -> DataFrame:
    """One row: the interval of usual sizes and the share of gray images."""
    # `percentile` is exact and interpolates as numpy does; it holds the distinct sizes with their counts.
    quartiles = images.where("size > 0").agg(F.percentile(_side(), F.array(F.lit(0.25), F.lit(0.75))).alias("q"))
    quartiles = quartiles.select(F.col("q")[0].alias("q1"), F.col("q")[1].alias("q3"))
    gray = images.agg(F.avg(F.col("is_grayscale").cast("double")).alias("gray_share"))
    width = F.col("q3") - F.col("q1")
    return quartiles.crossJoin(gray).select(
        ((F.col("q1") + F.col("q3")) / 2).alias("middle"),
        (width * (1 + 2 * F.lit(factor))).alias("gap"),
        "gray_share",
    )


def _rules(thresholds: dict[str, float], grayscale_share: float) -> list[Column]:
    contrast = 1 - F.exp(-F.col("blurriness_grayscale_std") * BLUR_FACTOR)
    blur = (
        1 - F.exp(-F.col("blurriness") * BLUR_FACTOR) + F.when(contrast > BLUR_COLOR_THRESHOLD, contrast).otherwise(0.0)
    )
    scores = {
        "dark": (F.col("perceived_brightness_p99"), "warning", "Dark: the 99th percentile of brightness is %.2f"),
        "bright": (
            1 - F.col("perceived_brightness_p5"),
            "warning",
            "Bright: 1 - the 5th percentile of brightness is %.2f",
        ),
        "blurry": (F.least(blur, F.lit(1.0)), "warning", "Blurry: sharpness score is %.2f"),
        "low_information": (
            F.least(F.col("entropy_bits") * ENTROPY_FACTOR, F.lit(1.0)),
            "warning",
            "Little information: entropy score is %.2f",
        ),
        "odd_aspect_ratio": (
            F.least(F.try_divide("width", "height"), F.try_divide("height", "width")),
            "info",
            "Odd aspect ratio: shorter over longer side is %.2f",
        ),
    }
    rules = [_rule(name, score, F.lit(thresholds[name]), level, text) for name, (score, level, text) in scores.items()]
    has_gap = F.col("gap") > 0
    distance = F.abs(_side() - F.col("middle")) / F.when(has_gap, F.col("gap")).otherwise(F.col("middle"))
    size_score = 1 - F.least(distance, F.lit(1.0))
    rules.append(_rule("odd_size", size_score, F.when(has_gap, 0.5).otherwise(1.0), "info", "Odd size: score is %.2f"))
    is_odd = F.col("is_grayscale") & (F.col("gray_share") < grayscale_share)
    rules.append(
        _rule(
            "grayscale", F.when(is_odd, 0.0).otherwise(1.0), F.lit(1.0), "info", "Gray among colour images (score %.0f)"
        )
    )
    rules.append(
        F.struct(
            F.lit("non_finite_pixels").alias("rule"),
            F.when(F.col("non_finite") > 0, 1 - F.col("missing")).otherwise(1.0).alias("score"),
            F.lit(1.0).alias("threshold"),
            F.lit("warning").alias("severity"),
            F.format_string("NaN or infinite: %d values; the others are measured", "non_finite").alias("message"),
        )
    )
    return rules


def _rule(name: str, score: Column, threshold: Column, severity: str, text: str) -> Column:
    return F.struct(
        F.lit(name).alias("rule"),
        score.cast("double").alias("score"),
        threshold.cast("double").alias("threshold"),
        F.lit(severity).alias("severity"),
        F.format_string(text, score.cast("double")).alias("message"),
    )


def _box() -> Column:
    return _rule(
        "invalid_box", F.lit(0.0), F.lit(1.0), "error", "Box is empty, inverted or outside the image (score %.0f)"
    )


def _side() -> Column:
    # The product is exact, so images of one area have one side; cleanvision multiplies the rounded roots.
    return F.sqrt(F.col("width") * F.col("height"))
