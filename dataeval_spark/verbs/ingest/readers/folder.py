"""Image folders: classes and splits by the names of folders, with an optional metadata file joined by path."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.kernels.formats.folder_names import SPLIT_FOLDERS, parse_layout, understood_layout
from dataeval_spark.kernels.storage.files import glob_pattern
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.accounting import file_entries
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.metadata import Metadata, read_metadata
from dataeval_spark.verbs.ingest.readers.source import COUNTED_FINDINGS_DDL, FINDINGS_DDL, Source
from dataeval_spark.verbs.ingest.readers.text_rows import BY_NAME, TableOptions
from dataeval_spark.workspace.workspace import Checkpoint

# Names of folders directly below SOURCE that are looked at one by one: splits are few.
MOST_SPLIT_FOLDERS = 50


@dataclass(frozen=True)
class FolderNames:
    """Meaning of each level of folders from the top, the reason for it, and the resulting number of classes."""

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


def read_folder(
    spark: SparkSession,
    root: str,
    *,
    dataset: str,
    checkpoint: Checkpoint,
    metadata: str | None = None,
    columns: TableOptions = BY_NAME,
    layout: str | None = None,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read an image folder.

    The class of an image is its first sub-folder; where all first sub-folders are named for splits (train, val,
    valid, test ...), they are the split, and the class is the folder below. One folder is no class. A metadata file's
    class and split win over the folders'.

    Parameters
    ----------
    root : str
        Folder to read.
    dataset : str
        First part of the image ids.
    checkpoint : callable
        Stores a frame in temporary files and reads it back: the folder is listed once.
    metadata : str, optional
        CSV, JSON lines or parquet file with a path column.
    columns : TableOptions
        Columns and encoding of the metadata file that the user names.
    layout : str, optional
        The meaning of the folders, level by level, such as ``split/class``; by default what their names show.
    split : str, optional
        Split of the images that have none; a metadata file's ``split`` wins over a folder's.
    glob : str, optional
        Take the files whose relative path matches, image or not; by default those that are images.
    limit : int, optional
        Number of images to take, the first by path.
    timezone : str
        Zone of capture times that name none.
    """
    listing = checkpoint(list_files(spark, root), "listing")
    ids = image_id(dataset)
    chosen = choose(listing, glob=glob, limit=limit)
    names = _folder_names(listing, layout)
    details = read_metadata(spark, metadata, listing, ids, timezone, checkpoint, root, columns) if metadata else None
    images = chosen.select(
        ids.alias("image_id"),
        *file_columns(),
        names.column("class").alias("folder_class"),
        names.split.alias("folder_split"),
    )
    images = _with_metadata(images, details, split)
    findings = details.findings if details else spark.createDataFrame([], FINDINGS_DDL)
    if names.doubt:
        findings = findings.unionByName(_doubt(spark, names, root), allowMissingColumns=True)
    return Source(
        images=images.drop("class_name"),
        targets=class_targets(images.where("class_name IS NOT NULL")),
        factors=factor_rows(details, images),
        findings=findings,
        present=listing.select(ids.alias("image_id")),
        accounting=with_metadata_entries(
            file_entries(listing, root, images=images, description=[details.uri] if details else []), details
        ),
        labels_from="the metadata" if details and details.has_class else "folder names",
    )


def with_metadata_entries(entries: DataFrame, metadata: Metadata | None) -> DataFrame:
    """Entries of a source with those of its metadata file."""
    return entries if metadata is None else entries.unionByName(metadata.accounting)


def class_targets(labelled: DataFrame) -> DataFrame:
    """Rows of `targets` for images with one ``class_name`` each."""
    return labelled.select(
        "image_id",
        F.lit(0).alias("target_index"),
        "class_name",
        F.lit(None).cast(BOX_TYPE).alias("box"),
        F.lit(None).cast("boolean").alias("is_crowd"),
        F.lit(None).cast("string").alias("source"),
        F.lit(None).cast("string").alias("attributes"),
    )


def choose(listing: DataFrame, *, glob: str | None, limit: int | None) -> DataFrame:
    """The files to take from a listing: images by default, what matches ``glob`` where one is given."""
    if glob is None:
        images = listing.where("is_image")
    else:
        # A hidden file that is asked for is taken.
        images = listing.where("reason IS NULL OR reason = 'hidden'").where(
            F.col("path").rlike(f"^{glob_pattern(glob)}$")
        )
    return images if limit is None else images.orderBy("path").limit(limit)


def image_id(dataset: str) -> Column:
    return F.concat(F.lit(f"{dataset}/"), F.col("path"))


def file_columns() -> list[Column]:
    return [
        F.col("uri"),
        F.lit(None).cast("binary").alias("content"),
        F.col("content_length"),
        F.timestamp_micros("modified_us").alias("modified_at"),
    ]


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


def _with_metadata(images: DataFrame, metadata: Metadata | None, split: str | None) -> DataFrame:
    columns = ("image_id", "uri", "content", "content_length", "modified_at")
    if metadata is None:
        return images.select(
            *columns,
            F.lit(None).cast("timestamp").alias("captured_at"),
            F.coalesce("folder_split", F.lit(split)).alias("split"),
            F.col("folder_class").alias("class_name"),
        )
    # image_id is unique on both sides: metadata keep the first row of a path.
    rows = metadata.rows.select("image_id", F.col("split").alias("given"), "captured_at", "class_name")
    class_name = F.coalesce("class_name", "folder_class") if metadata.has_class else F.col("folder_class")
    return images.join(rows, on="image_id", how="left").select(
        *columns,
        "captured_at",
        F.coalesce("given", "folder_split", F.lit(split)).alias("split"),
        class_name.alias("class_name"),
    )
