"""Image folders: classes and splits by the names of folders, with an optional metadata file joined by path."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.formats.folder_names import SPLIT_FOLDERS, parse_layout, understood_layout
from dataeval_spark.kernels.storage.files import glob_pattern
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.verbs.ingest.accounting import file_entries
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.metadata import Metadata, image_id, read_metadata
from dataeval_spark.verbs.ingest.readers.source import (
    COUNTED_FINDINGS_DDL,
    FINDINGS_DDL,
    Reading,
    Source,
    class_targets,
)

# Names of folders directly below SOURCE that are looked at one by one: splits are few.
MOST_SPLIT_FOLDERS = 50


@dataclass(frozen=True)
class FolderNames:
    """Meaning of each level of folders from the top, and the doubt about it."""

    levels: tuple[str, ...]
    doubt: str = ""

    def column(self, level: str) -> Column:
        """The folder of a level in the column ``path``; null where an image lies above it."""
        if level not in self.levels:
            return F.lit(None).cast("string")
        number = self.levels.index(level) + 1
        parts = F.split("path", "/")
        return F.when(F.size(parts) > number, F.get(parts, F.lit(number - 1)))

    @property
    def split(self) -> Column:
        names = literal_map(SPLIT_FOLDERS)
        folder = self.column("split")
        return F.coalesce(F.try_element_at(names, F.lower(folder)), folder)


def read_folder(reading: Reading, *, layout: str | None = None) -> Source:
    """Read an image folder.

    The class of an image is its first sub-folder; where all first sub-folders are named for splits (train, val,
    valid, test ...), they are the split, and the class is the folder below. One folder is no class. A metadata file's
    class and split win over the folders'.

    Parameters
    ----------
    reading : Reading
        SOURCE is the folder; it is listed once.
    layout : str, optional
        The meaning of the folders, level by level, such as ``split/class``; by default what their names show.

    Raises
    ------
    OptionError
        The layout has a level that is none of class, split and ``-``, or has one twice.
    """
    listing, root = listed_files(reading), reading.root
    names = _folder_names(listing, layout)
    details = read_metadata(reading, listing)
    rows = image_rows(choose(listing, reading), details, reading.split, names.split, class_name=names.column("class"))
    images = rows.drop("class_name")
    findings = details.findings if details else reading.spark.createDataFrame([], FINDINGS_DDL)
    if names.doubt:
        findings = union_of_all_columns(findings, _doubt(reading.spark, names, root))
    entries = file_entries(listing, root, images=images, description=[details.uri] if details else [])
    return Source(
        images=images,
        targets=class_targets(rows.where("class_name IS NOT NULL")),
        factors=factor_rows(details, images),
        findings=findings,
        present=listing.select("image_id"),
        accounting=with_metadata_entries(entries, details),
        labels_from="the metadata" if details and details.has_class else "folder names",
    )


def listed_files(reading: Reading) -> DataFrame:
    """Every file below SOURCE with its ``image_id``, stored."""
    return reading.checkpoint(list_files(reading.spark, reading.root), "listing").withColumn(
        "image_id", image_id(reading.dataset)
    )


def with_metadata_entries(entries: DataFrame, metadata: Metadata | None) -> DataFrame:
    """Entries of a source with those of its metadata file."""
    return entries if metadata is None else entries.unionByName(metadata.accounting)


def choose(listing: DataFrame, reading: Reading) -> DataFrame:
    """The files to take from a listing: images by default, files that match the glob where one is given."""
    if reading.glob is None:
        images = listing.where("is_image")
    else:
        # A hidden file that is asked for is taken.
        images = listing.where("reason IS NULL OR reason = 'hidden'").where(
            F.col("path").rlike(f"^{glob_pattern(reading.glob)}$")
        )
    return images if reading.limit is None else images.orderBy("path").limit(reading.limit)


def image_rows(
    chosen: DataFrame,
    metadata: Metadata | None,
    split: str | None,
    split_of_source: Column,
    *,
    captured_at: Column | None = None,
    class_name: Column | None = None,
) -> DataFrame:
    """Rows of `images`, with the ``class_name`` of each; values of the metadata file come first.

    Parameters
    ----------
    chosen : DataFrame
        Images of the listing, with ``image_id``.
    metadata : Metadata or None
        Rows of a metadata file.
    split : str or None
        Split of the images that have none by then.
    split_of_source, captured_at, class_name : Column
        Values that the source gives besides; null by default.
    """
    names = {"split": "string", "captured_at": "timestamp", "class_name": "string"}
    if metadata is None:
        images = chosen.select("*", *(F.lit(None).cast(type).alias(f"given_{name}") for name, type in names.items()))
    else:
        # image_id is unique on both sides: metadata keep the first row of a path.
        rows = metadata.rows.select("image_id", *(F.col(name).alias(f"given_{name}") for name in names))
        images = chosen.join(rows, on="image_id", how="left")
    return images.select(
        "image_id",
        F.col("uri"),
        F.lit(None).cast("binary").alias("content"),
        F.col("content_length"),
        F.timestamp_micros("modified_us").alias("modified_at"),
        F.coalesce("given_captured_at", F.lit(captured_at)).alias("captured_at"),
        F.coalesce("given_split", split_of_source, F.lit(split)).alias("split"),
        F.coalesce("given_class_name", F.lit(class_name)).alias("class_name"),
    )


def factor_rows(metadata: Metadata | None, images: DataFrame) -> DataFrame:
    """Factors of the chosen images, one row per image with metadata."""
    keys = ("image_id", F.lit(None).cast("int").alias("target_index"))
    if metadata is None or not metadata.factors:
        return images.limit(0).select(*keys)
    rows = metadata.rows.join(images.select("image_id"), on="image_id", how="left_semi")
    return rows.select(*keys, *(F.col(identifier(factor)) for factor in metadata.factors))


def _folder_names(listing: DataFrame, layout: str | None) -> FolderNames:
    if layout is not None:
        try:
            return FolderNames(parse_layout(layout))
        except ValueError as error:
            raise OptionError(f"ingest.layout is {layout!r}; {error}.\nHint: --layout split/class") from None
    parts = F.split("path", "/")
    depth = F.size(parts)
    inside = F.when(depth > 1, F.get(parts, F.lit(0)))
    images = listing.where("is_image")
    row = one_row(
        images,
        F.countDistinct(inside).alias("tops"),
        F.countDistinct(F.when(depth > 2, F.get(parts, F.lit(1)))).alias("seconds"),
        F.count_if(depth == 1).alias("above"),
    )
    if row["tops"] == 0:
        return FolderNames(("class",))
    # More folders than that are not all splits; a split among them is found all the same.
    is_split = F.lower(inside).isin(*SPLIT_FOLDERS)
    some = images.select(inside.alias("folder"), is_split.alias("is_split")).where("folder IS NOT NULL").distinct()
    first = bounded(some.orderBy(F.desc("is_split"), "folder").limit(MOST_SPLIT_FOLDERS), "names of folders")
    tops = [top["folder"] for top in first] + [""] * (row["tops"] - len(first))
    return FolderNames(*understood_layout(tops, row["seconds"], has_images_above=row["above"] > 0))


def _doubt(spark: SparkSession, names: FolderNames, root: str) -> DataFrame:
    messages = {
        "one_folder": (
            "All images lie in one folder, whose name was not taken for a class",
            "info",
            "--layout class where it is the class of all, --layout -/class where the folders below it are",
        ),
        "class_named_as_split": (
            "Some folders are named for splits and were taken for classes like the others",
            "warning",
            "--layout split/class, or folders named for splits only",
        ),
    }
    message, severity, expected = messages[names.doubt]
    row = (root, "folders", None, None, names.doubt, message, "/".join(names.levels), expected, severity, 1)
    return spark.createDataFrame([row], COUNTED_FINDINGS_DDL)
