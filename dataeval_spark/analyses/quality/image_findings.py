"""Image findings: dark, bright, blurry, low-information, oddly sized or shaped, gray among colour, invalid boxes."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.finite import is_finite
from dataeval_spark.frames.number_texts import fixed
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.frames.struct_arrays import struct_array
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.quality import IMAGE_FINDINGS

BLUR_FACTOR = 0.01
BLUR_COLOR_THRESHOLD = 0.18
ENTROPY_FACTOR = 0.1
FEW = 0.01
"""Where no more than this share of the images have an unusual size, or one image has, each of them is odd."""
BRIGHT, BLURRY, ODD_SIZE_FACTOR = 0.25, 0.42, 3.0
SOFTEST, SOFTER_BY = 0.32, 4 / 3
"""Where a quarter of the images is soft, only images softer by this factor, or below the lower score, are blurry."""
RULES = (
    *("dark", "bright", "blurry", "low_information", "odd_aspect_ratio", "odd_size", "grayscale"),
    *("non_finite_pixels", "invalid_box"),
)
BRIGHT_OF_CLEANVISION, BLURRY_OF_CLEANVISION, NO_FACTOR = 0.05, 0.29, 1.0


def image_findings(
    image_stats: DataFrame,
    *,
    dark: float = 0.32,
    bright: float | None = None,
    blurry: float | None = None,
    low_information: float = 0.3,
    odd_aspect_ratio: float = 0.35,
    odd_size_iqr: float = 3.0,
    odd_size_factor: float | None = None,
    grayscale_share: float = 0.5,
    compat: str | None = None,
) -> DataFrame:
    r"""List images that deserve a look, with scores from 0 (worst) to 1 (best).

    All but that of ``blurry`` are cleanvision's scores. The default rules list at most 2 % of clean photographs
    (docs/performance.md); cleanvision's own, which list every fifth where most have one size, are those of ``compat``.

    * ``dark``: 99th percentile of perceived brightness; ``bright``: 1 - its 5th percentile
    * ``blurry``: 1 / (1 + ``blur``), with the blur in pixels (:func:`~dataeval_spark.kernels.images.blur.blur`): 0.42
      is a blur of 1.4 pixels. By default, where a quarter of the images has nearly that blur (microscopes, enlarged
      pictures), it takes 4/3 of that quarter's, at most 2.1 pixels. With ``compat``:
      :math:`\min(1, 1 - e^{-0.01 b} + c)` with b the standard deviation of edges at 64 px and
      :math:`c = 1 - e^{-0.01 h}`, h that of the gray histogram, where c exceeds 0.18
    * ``low_information``: a tenth of the entropy in bits, at most 1; pictures of one channel count as three equal ones
      (cleanvision's do not)
    * ``odd_aspect_ratio``: shorter over longer side
    * ``odd_size``: 1 - distance of :math:`\sqrt{wh}` from the middle of [Q1 - 3 IQR, Q3 + 3 IQR], in
      lengths of that interval; below 0.5 is outside it. Where IQR is 0, any other size is outside. Where more than one
      image and more than 1 % of them are outside, only those are listed whose :math:`\sqrt{wh}` is
      ``odd_size_factor`` times the median or more, or as many times smaller.
    * ``grayscale``: gray images where at least ``1 - grayscale_share`` of the images have colour
      (cleanvision lists every gray image, also in a dataset of gray images)
    * ``non_finite_pixels``: share of values that are neither NaN nor infinite, below 1
    * ``invalid_box``: boxes that are empty, inverted or wholly outside

    Parameters
    ----------
    image_stats : DataFrame
        Table ``image_stats``.
    dark, bright, blurry, low_information, odd_aspect_ratio : float in [0, 1]
        Score below which an image is listed; of ``bright`` and ``blurry`` by default 0.25 and 0.42, with ``compat``
        0.05 and 0.29.
    odd_size_iqr : float
        Number of interquartile ranges beyond the quartiles from which a size is odd.
    odd_size_factor : float, optional
        How many times larger or smaller than the median size an image is, to be listed where unusual sizes are
        common; default 3, with ``compat`` 1.
    grayscale_share : float in [0, 1]
        Gray images are listed only when they are less than this share.
    compat : {"cleanvision"}, optional
        Score of ``blurry`` and default thresholds as cleanvision has them.

    Returns
    -------
    DataFrame
        Table ``image_findings`` without ``run_id``.

    Raises
    ------
    OptionError
        An option is unknown or out of range.

    References
    ----------
    cleanvision 0.3.7, issue_managers/image_property.py.

    Examples
    --------
    >>> image_findings(image_stats).where("rule != 'grayscale'").select("image_id", "message").show(truncate=False)
    +----------------------+----------------------------------------------------------------+
    |image_id              |message                                                         |
    +----------------------+----------------------------------------------------------------+
    |photos/dog/54.jpg     |Dark: the 99th percentile of brightness is 0.32                 |
    |photos/cat/black.png  |Dark: the 99th percentile of brightness is 0.03                 |
    |photos/cat/black.png  |Little information: entropy score is 0.16                       |
    |photos/cat/blurred.jpg|Blurry: edges are as soft as after a Gaussian blur of 3.6 pixels|
    +----------------------+----------------------------------------------------------------+
    """
    if compat is not None:
        OptionError.unless_one_of("image_findings.compat", compat, ("cleanvision",))
    usual = (BRIGHT, BLURRY, ODD_SIZE_FACTOR)
    if compat:
        usual = (BRIGHT_OF_CLEANVISION, BLURRY_OF_CLEANVISION, NO_FACTOR)
    thresholds = {
        "dark": dark,
        "bright": usual[0] if bright is None else bright,
        "blurry": usual[1] if blurry is None else blurry,
        "low_information": low_information,
        "odd_aspect_ratio": odd_aspect_ratio,
    }
    factor = usual[2] if odd_size_factor is None else odd_size_factor
    for name, value in {**thresholds, "grayscale_share": grayscale_share}.items():
        within(f"image_findings.{name}", value)
    within("image_findings.odd_size_iqr", odd_size_iqr)
    within("image_findings.odd_size_factor", factor)

    images = image_stats.where("target_index IS NULL")
    looks = _looks(three_channels=compat is None) | {"blurry": _blur_of_cleanvision() if compat else _blur()}
    limits = {name: F.lit(value) for name, value in thresholds.items()}
    if blurry is None and not compat:
        limits["blurry"] = F.coalesce(F.least(F.lit(BLURRY), F.greatest(F.lit(SOFTEST), "soft_score")), F.lit(BLURRY))
    rules = [
        _rule(name, score, severity, F.format_string(text, fixed(number, places)), limits[name])
        for name, (score, severity, text, number, places) in looks.items()
    ]
    scored = images.crossJoin(F.broadcast(_whole_dataset(images, odd_size_iqr)))
    listed = scored.select(
        "image_id",
        F.lit(None).cast("int").alias("target_index"),
        F.inline(struct_array(*rules, _size(factor), _gray(grayscale_share), _non_finite())),
    )
    bad_boxes = image_stats.where("target_index IS NOT NULL AND invalid_box")
    boxes = bad_boxes.select("image_id", "target_index", F.inline(struct_array(_box())))
    findings = listed.where("score < threshold").unionByName(boxes)
    return findings.select(*IMAGE_FINDINGS.result_names)


def _whole_dataset(images: DataFrame, factor: float) -> DataFrame:
    """One row: the interval of usual sizes, whether few images are outside it, softness, and the share of gray ones."""
    sized = images.where("size > 0").select(_side().alias("side"))
    # `percentile` is exact and interpolates as numpy does; it holds the distinct sizes with their counts.
    quartiles = sized.agg(F.percentile("side", F.array(F.lit(0.25), F.lit(0.5), F.lit(0.75))).alias("q"))
    width = F.col("q")[2] - F.col("q")[0]
    interval = quartiles.select(
        F.col("q")[0].alias("q1"),
        F.col("q")[1].alias("median"),
        F.col("q")[2].alias("q3"),
        ((F.col("q")[0] + F.col("q")[2]) / 2).alias("middle"),
        (width * (1 + 2 * F.lit(factor))).alias("gap"),
    )
    is_outside = F.abs(F.col("side") - F.col("middle")) > F.col("gap") / 2
    outside = sized.crossJoin(F.broadcast(interval)).agg(
        (F.count_if(is_outside) <= F.greatest(F.lit(1), F.count("*") * F.lit(FEW))).alias("are_few_outside")
    )
    soft = F.percentile(F.when(is_finite("blur"), F.col("blur")), F.lit(0.25))
    gray = images.agg(
        F.avg(F.col("is_grayscale").cast("double")).alias("gray_share"),
        (1 / (1 + SOFTER_BY * soft)).alias("soft_score"),
    )
    return interval.crossJoin(outside).crossJoin(gray)


Scored = tuple[Column, str, str, Column, int]
"""Score, severity, the format of a message, and the number in it with its decimal places."""
Rule = dict[str, Column]
"""What `image_findings` says of an image by one rule."""


def _looks(*, three_channels: bool) -> dict[str, Scored]:
    low, high = F.col("perceived_brightness_p5"), F.col("perceived_brightness_p99")
    # The entropy is of the channels' histograms side by side: three equal ones have log2(3) more than one.
    more = F.when(F.col("channels") == 1, F.log2(F.lit(3.0))).otherwise(0.0) if three_channels else F.lit(0.0)
    entropy = F.least((F.col("entropy_bits") + more) * ENTROPY_FACTOR, F.lit(1.0))
    aspect = F.least(ratio("width", "height"), ratio("height", "width"))
    return {
        "dark": (high, "warning", "Dark: the 99th percentile of brightness is %s", high, 2),
        "bright": (1 - low, "warning", "Bright: 1 - the 5th percentile of brightness is %s", 1 - low, 2),
        "low_information": (entropy, "warning", "Little information: entropy score is %s", entropy, 2),
        "odd_aspect_ratio": (aspect, "info", "Odd aspect ratio: shorter over longer side is %s", aspect, 2),
    }


def _blur() -> Scored:
    text = "Blurry: edges are as soft as after a Gaussian blur of %s pixels"
    return 1 / (1 + F.col("blur")), "warning", text, F.col("blur"), 1


def _blur_of_cleanvision() -> Scored:
    contrast = 1 - F.exp(-F.col("blurriness_grayscale_std") * BLUR_FACTOR)
    soft = 1 - F.exp(-F.col("blurriness") * BLUR_FACTOR)
    score = F.least(soft + F.when(contrast > BLUR_COLOR_THRESHOLD, contrast).otherwise(0.0), F.lit(1.0))
    return score, "warning", "Blurry: sharpness score is %s", score, 2


def _size(factor: float) -> Rule:
    has_gap = F.col("gap") > 0
    distance = F.abs(_side() - F.col("middle")) / F.when(has_gap, F.col("gap")).otherwise(F.col("middle"))
    times = F.greatest(ratio(_side(), F.col("median")), ratio(F.col("median"), _side()))
    is_rare = F.col("are_few_outside") | (times >= factor)
    text = F.format_string(
        "Odd size: %s x %s pixels; half of the images are as large as squares of %s to %s pixels",
        *(fixed(F.col(name), 0) for name in ("width", "height", "q1", "q3")),
    )
    score = F.when(is_rare, 1 - F.least(distance, F.lit(1.0)))
    return _rule("odd_size", score, "info", text, F.when(has_gap, 0.5).otherwise(1.0))


def _gray(share: float) -> Rule:
    score = F.when(F.col("is_grayscale") & (F.col("gray_share") < share), 0.0).otherwise(1.0)
    return _rule("grayscale", score, "info", F.lit("Gray among colour images"), F.lit(1.0))


def _non_finite() -> Rule:
    score = F.when(F.col("non_finite") > 0, 1 - F.col("missing")).otherwise(1.0)
    text = F.format_string("NaN or infinite: %d values; the others are measured", "non_finite")
    return _rule("non_finite_pixels", score, "warning", text, F.lit(1.0))


def _box() -> Rule:
    text = F.lit("The box is empty, inverted or outside the image")
    return _rule("invalid_box", F.lit(0.0), "error", text, F.lit(1.0))


def _rule(name: str, score: Column, severity: str, message: Column, threshold: Column) -> Rule:
    return {
        "rule": F.lit(name),
        "score": score.cast("double"),
        "threshold": threshold.cast("double"),
        "severity": F.lit(severity),
        "message": message,
    }


def _side() -> Column:
    # The product is exact, so images of one area have one side; cleanvision multiplies the rounded roots.
    return F.sqrt(F.col("width") * F.col("height"))
