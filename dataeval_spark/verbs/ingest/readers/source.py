"""Input and result of every reader: a source with the options to read it, and the frames that ingestion writes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.readers.text_rows import BY_NAME, TableOptions
from dataeval_spark.workspace.workspace import Checkpoint

LISTING_DDL = IMAGES.ddl_of("image_id", "uri", "content", "content_length", "modified_at", "captured_at", "split")
TARGETS_DDL = TARGETS.nullable_ddl
FINDINGS_DDL = INGEST_FINDINGS.ddl_without("dataset", "severity", "n")
# Findings that stand for several entries, or have their own severity.
COUNTED_FINDINGS_DDL = f"{FINDINGS_DDL}, {INGEST_FINDINGS.ddl_of('severity', 'n')}"
# Roles of the entries of a source, in the order in which the summary names them.
ROLES = ("images", "annotations", "description", "skipped")
# Kinds of findings about a source as a whole, not about one of its entries.
OF_THE_WHOLE = (
    *("one_folder", "class_named_as_split", "one_class", "no_labels", "no_images", "class_ids_for_names"),
    "outside_source",
)
# Kinds of findings that lose nothing: a value was read in one of several possible ways.
DOUBTFUL = (
    *OF_THE_WHOLE,
    *("outside_box", "duplicate_metadata", "bad_time", "too_many_factors", "matched_names", "matched_ids"),
    *("decoded_text", "box_from_segmentation", "size_differs", "missing_split"),
)

# Files besides the images whose rows need not be made again while their fingerprint is the same.
FILES_DDL = SOURCE_FILES.ddl_without("dataset")


def _as_it_is(frame: DataFrame, name: str) -> DataFrame:
    return frame


@dataclass(frozen=True)
class KnownRows:
    """Rows of the workspace: `source_files`, live images and findings of a dataset; targets and factors of all."""

    files: DataFrame
    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame

    @property
    def reader_findings(self) -> DataFrame:
        """Findings of the reader: the account of the entries and findings about sizes are made anew."""
        return self.findings.where(~F.col("kind").isin("size_differs", *ROLES))

    def of_files(self, files: DataFrame, ids: DataFrame) -> KnownRows:
        """The rows of some files (``source_file``, and ``image_id`` where a file is of one) and of their images."""
        of_images = {
            name: getattr(self, name).join(ids, on="image_id", how="left_semi")
            for name in ("images", "targets", "factors")
        }
        return KnownRows(
            files=files, **of_images, findings=self.findings.join(files, on=files.columns, how="left_semi")
        )


@dataclass(frozen=True)
class Reading:
    """A source, and the options to read it.

    Parameters
    ----------
    spark : SparkSession
        Session to read with.
    root : str
        SOURCE: a folder, a table or a file.
    dataset : str
        First part of the image ids.
    checkpoint : callable
        Stores a frame in temporary files and reads it back; by default nothing is stored.
    known_rows : KnownRows, optional
        Rows of the dataset in the workspace: annotation files and shards that have not changed are not read again.
    metadata : str, optional
        CSV, JSON lines or parquet file with a path column.
    columns : TableOptions
        Columns and encoding, of the metadata file or the table, that the user names.
    split : str, optional
        Split of the images that have none; a metadata file's ``split`` wins over that of the source.
    glob : str, optional
        Pattern of the relative paths of files to take, image or not; by default those that are images.
    limit : int, optional
        Number of images to take, the first by path; by default all.
    timezone : str
        Zone of capture times that name none.
    """

    spark: SparkSession
    root: str
    dataset: str
    checkpoint: Checkpoint = _as_it_is
    known_rows: KnownRows | None = None
    metadata: str | None = None
    columns: TableOptions = BY_NAME
    split: str | None = None
    glob: str | None = None
    limit: int | None = None
    timezone: str = "UTC"


@dataclass(frozen=True)
class Source:
    """A dataset as a reader returns it; nothing of it is written yet.

    ``images`` has the columns of `LISTING_DDL`, ``targets`` of `TARGETS_DDL`, ``findings`` of `FINDINGS_DDL`
    (``severity`` and ``n`` besides, where they have them), ``factors`` the keys and one column per factor.
    ``present`` holds every image id that the source still has, taken or not: all others are deleted.
    ``accounting`` (`accounting.ENTRIES_DDL`) has the role of every entry of the source, and ``labels_from`` the
    origin of the classes, in words. ``declared`` has ``image_id``, ``declared_width`` and ``declared_height``: the
    size that the annotations give. ``files`` (`FILES_DDL`) are annotation files and shards, to be left alone while
    they stay the same.
    """

    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame
    present: DataFrame
    accounting: DataFrame
    labels_from: str
    files: DataFrame | None = None
    declared: DataFrame | None = None


def severity_of_kind() -> Column:
    """Severity of a finding without one: its kind loses something, or was read in one of several possible ways.

    Findings in a workspace of an older version have none.
    """
    return F.when(F.col("kind").isin(*DOUBTFUL), "warning").otherwise("error")


def finding_rows(findings: DataFrame, dataset: str) -> DataFrame:
    """Rows of table `ingest_findings` without ``run_id``: without ``n``, a finding stands for one entry.

    Parameters
    ----------
    findings : DataFrame
        Columns of `FINDINGS_DDL`, and ``severity`` and ``n`` where the findings have them.
    dataset : str
        Name of the dataset.
    """
    columns = set(findings.columns)
    severity = F.coalesce("severity", severity_of_kind()) if "severity" in columns else severity_of_kind()
    count = F.coalesce("n", F.lit(1)) if "n" in columns else F.lit(1)
    values: dict[str, Column] = {
        "dataset": F.lit(dataset),
        "severity": severity,
        "n": count.cast("bigint"),
        **{name: F.col(name).cast("string") for name in ("message", "found", "expected")},
    }
    return findings.select(*(values.get(name, F.col(name)).alias(name) for name in INGEST_FINDINGS.result_names))


def as_findings(rows: DataFrame, **values: Column | str) -> DataFrame:
    """A finding for each row, in columns of `FINDINGS_DDL`, with ``severity`` and ``n`` where they are given.

    Parameters
    ----------
    rows : DataFrame
        Rows that the findings are about.
    values : Column or str
        Value of each column, a text being the same in all rows; ``image_id`` and ``target_index`` are null by default.
    """
    given = {"image_id": F.lit(None), "target_index": F.lit(None), **values}
    types = {column.name: column.type for column in INGEST_FINDINGS.result_columns if column.name in given}
    return rows.select(*(F.lit(given[name]).cast(type).alias(name) for name, type in types.items()))


def all_findings(*findings: DataFrame | None) -> DataFrame:
    """Findings of several origins in one frame, without those that are None; a missing column is null."""
    frames = [frame for frame in findings if frame is not None]
    return reduce(union_of_all_columns, frames)


def as_targets(elements: DataFrame, source: Column) -> DataFrame:
    """Rows of `targets` of the elements of annotation files; ``source`` is the place of each."""
    return elements.select(
        *("image_id", "target_index", "class_name", "box", "is_crowd"), source.alias("source"), "attributes"
    )


def class_targets(labelled: DataFrame, source: str | None = None) -> DataFrame:
    """Rows of `targets` for images with classes and no boxes.

    Parameters
    ----------
    labelled : DataFrame
        ``image_id`` and ``class_name``, and ``target_index`` where an image may have several classes.
    source : str, optional
        Origin of the classes.
    """
    index = F.col("target_index") if "target_index" in labelled.columns else F.lit(0)
    return labelled.select(
        "image_id",
        index.alias("target_index"),
        "class_name",
        F.lit(None).cast(BOX_TYPE).alias("box"),
        F.lit(None).cast("boolean").alias("is_crowd"),
        F.lit(source).cast("string").alias("source"),
        F.lit(None).cast("string").alias("attributes"),
    )


def declared_sizes(images: DataFrame) -> DataFrame:
    """``image_id``, ``declared_width`` and ``declared_height`` of rows with the size that an annotation file gives."""
    return images.select("image_id", F.col("width").alias("declared_width"), F.col("height").alias("declared_height"))
