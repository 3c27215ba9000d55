"""Samples of an export, one per image: name, place of the bytes, labels, split, capture time and metadata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.formats.yolo import HELD
from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE

TARGETS_TYPE = f"array<struct<class_name: string, box: {BOX_TYPE}, is_crowd: boolean, attributes: string>>"
# Names that mean something to the readers of exports: paths, bytes, ids, labels, splits, times.
MEANT = frozenset(
    (
        *("path", "file", "file_name", "filename", "image_path", "file_path", "filepath", "image", "uri", "content"),
        *("bytes", "image_bytes", "data", "image_id", "id", "target_index", "run_id", "class_name", "class", "label"),
        *("objects", "annotations", "split", "captured_at"),
    )
)
NOT_FACTORS = ("image_id", "target_index", "run_id")
MAX_CLASSES, MAX_SPLITS = 100_000, 1_000


def samples_of(
    members: DataFrame,
    images: DataFrame,
    targets: DataFrame,
    *,
    factors: DataFrame | None = None,
    parts: DataFrame | None = None,
    lost: DataFrame | None = None,
    unreadable: DataFrame | None = None,
    prefix: str = "",
) -> DataFrame:
    """Rows to export, one per image and copy.

    Parameters
    ----------
    members : DataFrame
        ``image_id``, ``copy`` and ``order_key``.
    images : DataFrame
        Live rows of table ``images``; their bytes are not read.
    targets : DataFrame
        Labels that are left; those without a class are counted, not exported.
    factors : DataFrame, optional
        Table ``factors``; those of images are taken, not those of single targets.
    parts : DataFrame, optional
        ``image_id`` and ``split``: parts of a split, in place of what the source gave. Images of no part are left out.
    lost, unreadable : DataFrame, optional
        ``image_id``, unique, and a reason: labels that ingestion could not read; pixels that could not be read.
    prefix : str
        Common beginning of all ids that no name needs, such as the dataset.

    Returns
    -------
    DataFrame
        ``image_id``, ``copy``, ``order_key``, ``name``, ``split``, ``captured_us`` (microseconds since 1970), ``uri``,
        ``targets`` in the order of their index, ``n_targets``, ``unlabelled``, ``lost``, ``unreadable`` and ``factors``
        (JSON of those that are not null).

    Examples
    --------
    >>> samples_of(selection.members, images, targets, prefix="photos/")
    """
    rows = images.select("image_id", "uri", "split", F.unix_micros("captured_at").alias("captured_us"))
    # image_id is unique in each frame that is joined to the members.
    samples = members.select("image_id", "copy", "order_key").join(rows, on="image_id", how="inner")
    if parts is not None:
        samples = samples.drop("split").join(parts.select("image_id", "split"), on="image_id", how="inner")
    samples = samples.join(_labels(targets), on="image_id", how="left")
    if factors is None:
        samples = samples.withColumn("factors", F.lit(None).cast("string"))
    else:
        samples = samples.join(_values(factors), on="image_id", how="left")
    for column, reasons in (("lost", lost), ("unreadable", unreadable)):
        samples = _with_reason(samples, column, reasons)
    name = F.substring("image_id", F.lit(len(prefix) + 1), F.length("image_id"))
    return samples.select(
        *("image_id", "copy", "order_key", name.alias("name"), "split", "captured_us", "uri"),
        F.coalesce("targets", F.array().cast(TARGETS_TYPE)).alias("targets"),
        F.coalesce(F.size("targets"), F.lit(0)).alias("n_targets"),
        F.coalesce("unlabelled", F.lit(0)).alias("unlabelled"),
        *("lost", "unreadable", "factors"),
    )


def _with_reason(rows: DataFrame, column: str, reasons: DataFrame | None) -> DataFrame:
    if reasons is None:
        return rows.select("*", F.lit(None).cast("string").alias(column))
    return rows.join(reasons.select("image_id", F.col("reason").alias(column)), on="image_id", how="left")


def with_shared_stems(samples: DataFrame, *, by_split: bool, folders: Sequence[str] = ()) -> DataFrame:
    """Add ``shares_stem``: whether another name is the same but for its extension.

    Parameters
    ----------
    samples : DataFrame
        Columns of `samples_of`.
    by_split : bool
        Names of different splits lie in different folders.
    folders : sequence of str
        Folders that a name is written without where it begins with one of them, or with one and the split's.
    """
    name = F.col("name")
    if folders:
        name = F.regexp_replace(name, f"^(?:{'|'.join(folders)})/", "")
        of_split = F.concat("split", F.lit("/"))
        begins = F.coalesce(F.startswith(name, of_split), F.lit(False)) if by_split else F.lit(False)
        name = F.when(begins, F.substring(name, F.length(of_split) + 1, F.length(name))).otherwise(name)
    endings = "|".join(sorted(ending.removeprefix(".") for ending in IMAGE_EXTENSIONS))
    stem = F.regexp_replace(name, rf"\.(?i:{endings})$", "")
    copied = F.concat(stem, F.when(F.col("copy") > 0, F.concat(F.lit("-copy"), "copy")).otherwise(F.lit("")))
    split = F.coalesce("split", F.lit("")) if by_split else F.lit("")
    rows = samples.withColumn("_stem", F.concat_ws("\n", split, copied))
    counts = rows.groupBy("_stem").agg(F.count("*").alias("names"))
    shared = counts.where("names > 1").select("_stem", F.lit(True).alias("shares"))
    joined = rows.join(shared, on="_stem", how="left")
    return joined.select(*samples.columns, F.coalesce("shares", F.lit(False)).alias("shares_stem"))


def _labels(targets: DataFrame) -> DataFrame:
    label = F.struct("target_index", "class_name", "box", "is_crowd", "attributes")
    by_image = targets.groupBy("image_id").agg(
        F.sort_array(F.collect_list(F.when(F.col("class_name").isNotNull(), label))).alias("labels"),
        F.count_if(F.col("class_name").isNull()).cast("int").alias("unlabelled"),
    )
    without_index = F.transform("labels", lambda x: x.dropFields("target_index"))
    return by_image.select("image_id", without_index.cast(TARGETS_TYPE).alias("targets"), "unlabelled")


def factor_names(factors: DataFrame) -> dict[str, str]:
    """Columns of table ``factors`` that are metadata, and their names in an export.

    A name that means something else to a reader becomes ``source_NAME``.
    """
    in_use = set(MEANT)
    names = {}
    for name in factors.columns:
        if name in NOT_FACTORS:
            continue
        column = name
        while column.lower() in in_use:
            column = f"source_{column}"
        in_use.add(column.lower())
        names[name] = column
    return names


def factor_columns(factors: DataFrame) -> list[Column]:
    """The metadata under their names in an export."""
    return [F.col(identifier(name)).alias(column) for name, column in factor_names(factors).items()]


def _values(factors: DataFrame) -> DataFrame:
    types = dict(factors.dtypes)
    columns = []
    for name, column in factor_names(factors).items():
        value = F.col(identifier(name))
        # In JSON, each engine writes times in its own way, and a time without zone as if it were in UTC.
        columns.append((_time_text(value, types[name]) if types[name].startswith("timestamp") else value).alias(column))
    values = F.to_json(F.struct(*columns)) if columns else F.lit(None).cast("string")
    return factors.where("target_index IS NULL").select("image_id", values.alias("factors"))


def _time_text(time: Column, type: str) -> Column:
    """An instant in UTC, as ``2024-05-01T12:00:00.25Z``, or a time without zone, which has no ``Z``, of that type."""
    if type == "timestamp_ntz":
        return F.replace(time.cast("string"), F.lit(" "), F.lit("T"))
    # Microseconds added to a time without zone: a cast would use the session's time zone.
    start = F.lit("1970-01-01 00:00:00").cast("timestamp_ntz")
    in_utc = start + F.unix_micros(time) * F.expr("INTERVAL '0.000001' SECOND")
    return F.concat(_time_text(in_utc, "timestamp_ntz"), F.lit("Z"))


@dataclass(frozen=True)
class Facts:
    """Facts about all samples, needed before the first is written."""

    images: int
    most_targets: int
    labels: int
    boxes: int
    attributes: int
    unlabelled: int
    unheld: int
    splits: tuple[str | None, ...]
    classes: tuple[str, ...]


def facts_of(samples: DataFrame) -> Facts:
    """Count images, labels and boxes; list splits and classes, of which too many raise OptionError."""
    labels = samples.select(F.inline("targets"))
    names = F.filter(F.json_object_keys("attributes"), lambda name: ~name.isin(*HELD))
    inner = one_row(
        labels,
        F.count("*").alias("labels"),
        F.count_if(F.col("box").isNotNull()).alias("boxes"),
        F.count_if(F.col("attributes").isNotNull()).alias("attributes"),
        F.count_if(F.size(names) > 0).alias("unheld"),
    )
    outer = one_row(
        samples,
        F.count("*").alias("images"),
        F.coalesce(F.max("n_targets"), F.lit(0)).alias("most_targets"),
        F.coalesce(F.sum("unlabelled"), F.lit(0)).alias("unlabelled"),
    )
    splits = bounded(samples.select("split").distinct().limit(MAX_SPLITS + 1), "names of splits")
    classes = bounded(labels.select("class_name").distinct().limit(MAX_CLASSES + 1), "names of classes")
    for what, items, limit in (("splits", splits, MAX_SPLITS), ("classes", classes, MAX_CLASSES)):
        if len(items) > limit:
            raise OptionError(
                f"export: there are more than {limit:,} {what}.\nHint: select fewer images, or relabel classes"
            )
    return Facts(
        **outer.asDict(),
        **inner.asDict(),
        splits=tuple(sorted((row[0] for row in splits), key=lambda name: name or "")),
        classes=tuple(sorted(row[0] for row in classes)),
    )
