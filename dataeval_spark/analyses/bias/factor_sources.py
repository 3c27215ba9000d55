"""Factors from all sources, side by side: metadata, image statistics, boxes, counts and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import with_capture_time
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.session.bounded import one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.profile import APPEARANCE_COLUMNS, DATAEVAL_STATISTICS

# Measured for the rules of `image_findings` and `outliers`; as factors `blurriness` and `noise` are enough.
_OF_RULES = ("noise_floor", "blur")
STATISTICS = (
    *DATAEVAL_STATISTICS,
    *(column.name for column in APPEARANCE_COLUMNS if column.type == "double" and column.name not in _OF_RULES),
    *("bit_depth", "orientation", "jpeg_quality"),
)
STATISTIC_TEXTS = (
    *("is_grayscale", "format", "color_mode", "pixel_type", "chroma_subsampling"),
    *("has_alpha", "has_gps", "camera_make", "camera_model"),
)
SOURCES = ("metadata", "statistics", "boxes", "objects", "time", "origin")
RESERVED = ("image_id", "target_index", "run_id", "class_name")
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
_TEXTS = ("string", "boolean", "char", "varchar")
_MONTH_SEASON = {12: "winter", 3: "spring", 6: "summer", 9: "autumn"}
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True)
class Factor:
    """Expression of a factor, a number or a text; whether it is a time, and whether it describes a target."""

    value: Column
    is_text: bool = False
    is_moment: bool = False
    of_target: bool = False


@dataclass(frozen=True)
class Units:
    """Labelled things, and images without labels, with their factors.

    ``frame`` has ``image_id``, ``target_index`` and ``class_name`` (both null for an image without labels),
    ``is_first`` (one row per image has it) and the structs ``numbers`` and ``texts``. ``of_targets`` names the factors
    that describe a target, not its image; ``derived`` those that are no metadata; ``moments`` those that are times;
    ``no_factors`` the columns that cannot be factors, with their types.
    """

    frame: DataFrame
    numbers: tuple[str, ...]
    texts: tuple[str, ...]
    of_targets: frozenset[str]
    derived: frozenset[str]
    moments: frozenset[str]
    no_factors: tuple[tuple[str, str], ...]


def labelled_units(
    targets: DataFrame,
    images: DataFrame,
    image_stats: DataFrame | None = None,
    factors: DataFrame | None = None,
    *,
    sources: Sequence[str] = SOURCES,
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    timezone: str = "UTC",
) -> Units:
    """Join the factors of each labelled thing, and of each image without labels.

    A metadata column describes targets where any row of a target has it (then a target without its own value takes
    the image's), else images. Boxes give ``box_width``, ``box_height``, ``box_area``, ``box_aspect_ratio`` (width /
    height), ``box_area_share`` and the centre as shares of the image's sides; where images have no size, the last
    three are missing. Of two factors of one name the metadata's stays. One job counts the values of metadata columns
    of targets; no other runs here. Parameters and errors are those of `factor_bins`.
    """
    _require_known(include, exclude, factors)

    def is_wanted(name: str) -> bool:
        return (not include or name in include) and name not in exclude

    joined = _with_measures(_labelled(targets, images, image_stats), image_stats)
    metadata: dict[str, Factor] = {}
    of_targets: set[str] = set()
    no_factors: list[tuple[str, str]] = []
    if factors is not None and "metadata" in sources:
        types = {name: type for name, type in factors.dtypes if name not in RESERVED and is_wanted(name)}
        of_targets = _of_targets(factors, list(types))
        joined = _with_metadata(joined, factors, list(types), of_targets)
        metadata = _metadata(types)
        no_factors = [(name, type) for name, type in types.items() if name not in metadata]
    derived = _derived([source for source in sources if source != "statistics" or image_stats is not None], timezone)
    derived = {name: factor for name, factor in derived.items() if is_wanted(name) and name not in metadata}
    chosen = metadata | derived
    numbers = {name: factor.value for name, factor in chosen.items() if not factor.is_text}
    texts = {name: factor.value for name, factor in chosen.items() if factor.is_text}
    frame = joined.select(
        "image_id", "target_index", "class_name", "is_first", _struct(numbers, "numbers"), _struct(texts, "texts")
    )
    return Units(
        frame,
        tuple(numbers),
        tuple(texts),
        of_targets=frozenset(of_targets | {name for name, factor in derived.items() if factor.of_target}),
        derived=frozenset(derived),
        moments=frozenset(name for name, factor in metadata.items() if factor.is_moment),
        no_factors=tuple(no_factors),
    )


def _require_known(include: Sequence[str], exclude: Sequence[str], factors: DataFrame | None) -> None:
    every = {*_derived(SOURCES, "UTC"), *(factors.columns if factors is not None else ())} - set(RESERVED)
    for option, names in (("include", include), ("exclude", exclude)):
        for name in names:
            OptionError.unless_one_of(f"factor_bins.{option}", name, sorted(every))


def _labelled(targets: DataFrame, images: DataFrame, image_stats: DataFrame | None) -> DataFrame:
    """A row per labelled target, and one per image without any, with the place and time of its image."""
    in_image = Window.partitionBy("image_id")
    labelled = targets.where("class_name IS NOT NULL").select(
        "image_id",
        "target_index",
        "class_name",
        "box",
        (F.col("target_index") == F.min("target_index").over(in_image)).alias("is_first"),
        F.count("*").over(in_image).cast("double").alias("objects_per_image"),
    )
    timed = with_capture_time(images.select("image_id", "captured_at", "split", "dataset"), image_stats)
    return timed.join(labelled, on="image_id", how="left").withColumn("is_first", F.coalesce("is_first", F.lit(True)))


def _with_measures(joined: DataFrame, image_stats: DataFrame | None) -> DataFrame:
    if image_stats is None:
        return joined.withColumn("measured", F.lit(None).cast("struct<width: double, height: double>"))
    # One row per image on the right.
    whole = image_stats.where("target_index IS NULL")
    measures = whole.select("image_id", F.struct(*STATISTICS, *STATISTIC_TEXTS).alias("measured"))
    return joined.join(measures, on="image_id", how="left")


def _struct(columns: dict[str, Column], name: str) -> Column:
    # A struct needs a field; this one is never read.
    fields = columns or {"": F.lit(None).cast("double")}
    return F.struct(*(column.alias(field) for field, column in fields.items())).alias(name)


def _of_targets(factors: DataFrame, columns: list[str]) -> set[str]:
    if not columns:
        return set()
    counts = one_row(factors.where("target_index IS NOT NULL"), *(F.count(identifier(name)) for name in columns))
    return {name for name, count in zip(columns, counts, strict=True) if count}


def _with_metadata(joined: DataFrame, factors: DataFrame, columns: list[str], of_targets: set[str]) -> DataFrame:
    if not columns:
        return joined
    # (image_id, target_index) is unique in factors.
    values = F.struct(*(identifier(name) for name in columns))
    of_image = factors.where("target_index IS NULL").select("image_id", values.alias("of_image"))
    joined = joined.join(of_image, on="image_id", how="left")
    if not of_targets:
        return joined.withColumnRenamed("of_image", "metadata")
    own = factors.where("target_index IS NOT NULL").select("image_id", "target_index", values.alias("own"))
    joined = joined.join(own, on=["image_id", "target_index"], how="left")
    merged = F.struct(
        *(F.coalesce(f"own.{identifier(name)}", f"of_image.{identifier(name)}").alias(name) for name in columns)
    )
    return joined.withColumn("metadata", merged)


def _metadata(types: Mapping[str, str]) -> dict[str, Factor]:
    """The metadata columns whose type a factor can have; times are seconds since 1970, dates days."""
    factors: dict[str, Factor] = {}
    for name, type in types.items():
        value = F.col(f"metadata.{identifier(name)}")
        if type.startswith(_NUMBERS):
            factors[name] = Factor(value.cast("double"))
        elif type.startswith(_TEXTS):
            factors[name] = Factor(value.cast("string"), is_text=True)
        elif type == "timestamp":
            factors[name] = Factor(F.unix_micros(value) / 1e6, is_moment=True)
        elif type == "date":
            factors[name] = Factor(F.unix_date(value).cast("double"))
    return factors


def _derived(sources: Sequence[str], timezone: str) -> dict[str, Factor]:
    """The factors of all sources but metadata, by name."""
    by_source = {
        "origin": {name: Factor(F.col(name), is_text=True) for name in ("split", "dataset")},
        "objects": {"objects_per_image": Factor(F.col("objects_per_image"))},
        "boxes": _boxes(),
        "time": _times(timezone),
        "statistics": _statistics(),
    }
    return {
        name: factor for source, factors in by_source.items() if source in sources for name, factor in factors.items()
    }


def _boxes() -> dict[str, Factor]:
    width, height = F.expr("box.x1 - box.x0"), F.expr("box.y1 - box.y0")
    image_width, image_height = F.col("measured.width"), F.col("measured.height")
    values = {
        "box_width": width,
        "box_height": height,
        "box_area": width * height,
        "box_aspect_ratio": ratio(width, height),
        "box_area_share": ratio(width * height, image_width * image_height),
        "box_center_x": ratio(F.expr("(box.x0 + box.x1) / 2"), image_width),
        "box_center_y": ratio(F.expr("(box.y0 + box.y1) / 2"), image_height),
    }
    return {name: Factor(value, of_target=True) for name, value in values.items()}


def _times(timezone: str) -> dict[str, Factor]:
    # Seconds since 1970 added to a time without zone: a cast would use the session's time zone.
    seconds = F.floor(F.unix_micros("captured_at") / 1_000_000)
    utc = F.lit("1970-01-01 00:00:00").cast("timestamp_ntz") + seconds * F.expr("INTERVAL '1' SECOND")
    local = F.convert_timezone(F.lit("UTC"), F.lit(timezone), utc)
    # Not F.weekday: the embedded engine gives -1 for a Sunday.
    weekday = F.get(F.array(*map(F.lit, _WEEKDAYS)), F.dayofweek(local) - 1)
    season_start = (F.floor(F.month(local) / 3) * 3) % 12
    seasons = F.create_map(*(part for m, s in _MONTH_SEASON.items() for part in (F.lit(m % 12), F.lit(s))))
    return {
        "hour": Factor(F.hour(local).cast("double")),
        "weekday": Factor(weekday, is_text=True),
        "month": Factor(F.month(local).cast("double")),
        "season": Factor(seasons[season_start.cast("int")], is_text=True),
    }


def _statistics() -> dict[str, Factor]:
    numbers = {name: Factor(F.col(f"measured.{name}").cast("double")) for name in STATISTICS}
    texts = {name: Factor(F.col(f"measured.{name}").cast("string"), is_text=True) for name in STATISTIC_TEXTS}
    return numbers | texts
