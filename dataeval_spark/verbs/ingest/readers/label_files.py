"""Label files: one annotation file per image, paired with it by path, and read again only when it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.annotations import MAX_ANNOTATION_BYTES, finding
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.readers.file_bytes import without_credentials
from dataeval_spark.verbs.ingest.readers.file_matching import match_names, matched_findings
from dataeval_spark.verbs.ingest.readers.folder import choose, listed_files
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.source import KnownRows, Reading, as_findings, as_targets, declared_sizes
from dataeval_spark.workspace.workspace import Checkpoint

# Raised when a parser gives other rows for the same file: then all are read again.
READER_VERSION = 3
FILES_PER_TASK = 500
BYTES_PER_TASK = 32 * 2**20
ELEMENTS_DDL = (
    f"image_id string, file string, element string, name string, target_index int, class_name string, box {BOX_TYPE}, "
    "is_crowd boolean, attributes string, location string, kind string, message string, found string, expected string, "
    "severity string, n bigint, width int, height int"
)

OF_FINDING = ("kind", "message", "found", "expected", "severity", "n")

Parse = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]


@dataclass(frozen=True)
class Layout:
    """Layout of a format's files: the ending of labels, and folders that stand for one another.

    The label of ``a/JPEGImages/b/1.jpg`` is ``a/Annotations/b/1.xml``; a label beside its image is found too. Names of
    these folders are known in any case.
    """

    extension: str
    image_folders: tuple[str, ...]
    label_folders: tuple[str, ...]

    def images(self, listing: DataFrame) -> DataFrame:
        """Images of a listing: those below a folder for images if there is one, else all."""
        images = listing.where("is_image")
        inside = images.where(_below(self.image_folders))
        return images if inside.isEmpty() else inside

    def labels(self, listing: DataFrame) -> DataFrame:
        """Label files: ``key``, ``label`` (to open it), ``file`` (to show it), their size and time, and their place."""
        is_in_folder = _below(self.label_folders)
        return listing.where(F.lower("path").endswith(self.extension) & F.col("reason").isNull()).select(
            _key((*self.label_folders, *self.image_folders)).alias("key"),
            F.col("uri").alias("label"),
            without_credentials(F.col("uri")).alias("file"),
            F.col("content_length").alias("label_length"),
            F.col("modified_us").alias("label_modified_us"),
            is_in_folder.alias("is_in_folder"),
        )

    def pair(self, images: DataFrame, labels: DataFrame, checkpoint: Checkpoint) -> DataFrame:
        """The images that have a label, with it; with labels in several places, the one in a folder for labels.

        A label whose path is that of no image is that of the image whose path is written otherwise, in case or Unicode
        form, where there is one alone; ``how`` says in what they differ.
        """
        first = F.min_by(
            F.struct("label", "file", "label_length", "label_modified_us"), F.struct(~F.col("is_in_folder"), "label")
        )
        one = labels.groupBy("key").agg(first.alias("first")).select("key", "first.*")
        with_key = images.withColumn("key", _key(self.image_folders))
        exact = checkpoint(
            with_key.join(one, on="key", how="inner").withColumn("how", F.lit(None).cast("string")), "exact_pairs"
        )
        left = one.join(with_key, on="key", how="left_anti")
        if left.isEmpty():
            return exact.drop("key")
        free = with_key.join(exact.select("image_id"), on="image_id", how="left_anti")
        names = left.select(F.col("key").alias("name")).distinct()
        matches = match_names(names, free.select(F.col("key").alias("path")).distinct(), whole=True).where(
            "path IS NOT NULL"
        )
        # Two labels may mean one image: the first is its label.
        matches = (
            matches.groupBy("path").agg(F.min_by(F.struct("name", "how"), "name").alias("m")).select("path", "m.*")
        )
        loose = free.join(matches.withColumnRenamed("path", "key"), on="key", how="inner").join(
            left.withColumnRenamed("key", "name"), on="name", how="inner"
        )
        return exact.unionByName(loose.select(*exact.columns)).drop("key")


@dataclass(frozen=True)
class Files:
    """Files of a source whose labels lie in files, as `Layout` knows them.

    ``listing`` has every file below SOURCE, ``others`` every file of the folder of labels (the same frame where they
    are below SOURCE), ``images`` and ``labels`` those of the format, and ``chosen`` the images to take.
    """

    listing: DataFrame
    others: DataFrame
    images: DataFrame
    chosen: DataFrame
    labels: DataFrame


@dataclass(frozen=True)
class Pairs:
    """Images with their label files: all, those of the chosen images, and of these the files to read.

    ``known`` has the rows of the workspace that come from the others, unchanged files; None where it has nothing.
    """

    every: DataFrame
    of_chosen: DataFrame
    to_read: DataFrame
    known: KnownRows | None


def list_files_of(reading: Reading, layout: Layout, folder: str | None) -> Files:
    """The files of a source; labels are looked for in ``folder``, or below SOURCE where it is None."""
    listing = listed_files(reading)
    others = reading.checkpoint(list_files(reading.spark, folder), "labels") if folder else listing
    images = layout.images(listing)
    return Files(listing, others, images, choose(images, reading), layout.labels(others))


def label_pairs(reading: Reading, layout: Layout, files: Files, fingerprint: Column) -> Pairs:
    """Pair images with label files, and divide these into files to read and unchanged ones.

    ``fingerprint`` is a hash of all inputs of the rows of a label file.
    """
    paired = layout.pair(files.images, files.labels, reading.checkpoint).withColumn("fingerprint", fingerprint)
    pairs = of_chosen = reading.checkpoint(with_is_kept(paired, reading.known_rows), "pairs")
    if reading.limit is not None or reading.glob is not None:
        of_chosen = pairs.join(files.chosen.select("image_id"), on="image_id", how="left_semi")
    if reading.known_rows is None:
        return Pairs(pairs, of_chosen, of_chosen, None)
    same = of_chosen.where("is_kept").select(F.col("file").alias("source_file"), "image_id")
    known = reading.known_rows.of_files(same, same.select("image_id"))
    return Pairs(pairs, of_chosen, of_chosen.where("NOT is_kept"), known)


def is_any_file_read(elements: DataFrame, known: KnownRows | None, complaint: str, hint: str) -> bool:
    """Whether a label file has been read, now or before, of those that belong to images.

    Raises
    ------
    IngestError
        None of them can be read: the complaint with one of them and its fault, and the hint.
    """
    if not elements.where("element = 'image'").isEmpty() or (known is not None and not known.files.isEmpty()):
        return True
    for broken in bounded(elements.where("element = 'finding'").limit(1), "one row"):
        reason = broken["found"].strip('"')
        raise IngestError(f"{complaint}; {broken['file']}: {reason}.\nHint: {hint}")
    return False


def fingerprint(options: Mapping[str, Any], *columns: str) -> Column:
    """Hash of all inputs of the rows of a label file: options, and sizes and times of files."""
    text = ", ".join(f"{name}={value!r}" for name, value in sorted(options.items()))
    return F.md5(F.concat_ws("|", F.lit(f"{READER_VERSION} {text}"), *columns))


def with_is_kept(pairs: DataFrame, known_rows: KnownRows | None) -> DataFrame:
    """Files with ``is_kept``: whether the workspace has the rows of a file as it is."""
    if known_rows is None:
        return pairs.withColumn("is_kept", F.lit(False))
    on = ["file", "image_id", "fingerprint"]
    # A remembered file is unique by these.
    same = known_rows.files.select(F.col("path").alias("file"), *on[1:], F.lit(True).alias("is_same"))
    joined = pairs.join(same, on=on, how="left")
    return joined.withColumn("is_kept", F.coalesce("is_same", F.lit(False))).drop("is_same")


def parse_labels(files: DataFrame, parse: Parse) -> DataFrame:
    """Parse label files, many per task.

    Parameters
    ----------
    files : DataFrame
        ``label``, ``file``, ``label_length``, ``image_id`` (null where none is known yet), and what ``parse`` needs.
    parse : callable
        Takes a row, reads its file and yields rows as in :mod:`dataeval_spark.kernels.formats.annotations`, first
        one with the ``element`` ``image``. Its OSError, ValueError and UnreadableImage become findings.

    Returns
    -------
    DataFrame
        Columns of `ELEMENTS_DDL`.
    """

    def run(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            for element in _parsed(row, parse):
                yield {**element, "image_id": row["image_id"], "file": row["file"]}

    return map_rows(files.repartition(_tasks(files)), run, ELEMENTS_DDL)


def _parsed(row: Mapping[str, Any], parse: Parse) -> Sequence[Mapping[str, Any]]:
    try:
        if row["label_length"] > MAX_ANNOTATION_BYTES:
            message = "File is too large for the annotations of one image"
            return [finding("file", "broken_file", message, row["label_length"], f"{MAX_ANNOTATION_BYTES} bytes")]
        return list(parse(row))
    except UnreadableImage as error:
        message = "Boxes are fractions of the image's size, and its header cannot be read"
        return [finding("file", "unreadable_image", message, str(error), "a readable image")]
    except (OSError, ValueError, RecursionError) as error:
        return [finding("file", "broken_file", "Annotation file cannot be read", str(error)[:290], "a readable file")]


def targets_of(elements: DataFrame, known: KnownRows | None) -> DataFrame:
    """Rows of `targets`: of the files that were parsed, and as they are in the workspace for the others."""
    place = F.concat(F.regexp_extract("file", "[^/]*$", 0), F.lit(":"), "location")
    rows = as_targets(elements.where("element = 'target' AND image_id IS NOT NULL"), place)
    return rows if known is None else rows.unionByName(known.targets.select(*rows.columns))


def findings_of(elements: DataFrame, known: KnownRows | None) -> DataFrame:
    """Rows of `ingest_findings`: of the files that were parsed, and of the others."""
    columns = ("source_file", "location", "image_id", "target_index", *OF_FINDING)
    rows = elements.where("element = 'finding'").withColumnRenamed("file", "source_file").select(*columns)
    return rows if known is None else rows.unionByName(known.reader_findings.select(*columns))


def declared_of(elements: DataFrame, known: KnownRows | None) -> DataFrame:
    """Sizes that label files give: of the files that were parsed, and of the others."""
    rows = declared_sizes(elements.where("element = 'image' AND image_id IS NOT NULL"))
    return rows if known is None else rows.unionByName(known.images.select(*rows.columns))


def files_read(pairs: DataFrame, elements: DataFrame) -> DataFrame:
    """Rows of `source_files`: files that need not be read again; unreadable ones are tried again."""
    failed = elements.where("kind IN ('broken_file', 'unreadable_image')").select("file", "image_id")
    files = pairs.join(failed, on=["file", "image_id"], how="left_anti")
    return files.select(F.col("file").alias("path"), "image_id", "fingerprint")


def file_findings(files: DataFrame, kind: str, message: str, value: Column, expected: str) -> DataFrame:
    """A finding about each label file as a whole; ``files`` has ``file``."""
    file = F.col("file")
    return as_findings(
        files, source_file=file, location="file", kind=kind, message=message, found=value, expected=expected
    )


def pair_findings(pairs: DataFrame, root: str) -> DataFrame:
    """Findings about labels whose paths are written otherwise than those of their images."""
    names = pairs.select(F.col("file").alias("name"), "path", "how")
    return matched_findings(names, root, "Label files")


def _key(folders: Sequence[str]) -> Column:
    """A path without ending, and without the last of the folders that stand for one another."""
    rooted = F.concat(F.lit("/"), F.regexp_replace("path", r"\.[^./]*$", ""))
    # Relative again: a name that begins with a slash may be of a place above SOURCE, and means no path as a whole.
    return F.substring(F.regexp_replace(rooted, f"(?i)^(.*)/(?:{'|'.join(folders)})/", "$1/"), 2, 2**31 - 1)


def _below(folders: Sequence[str]) -> Column:
    return F.col("path").rlike(f"(?i)(^|/)({'|'.join(folders)})/")


def _tasks(files: DataFrame) -> int:
    row = one_row(files, F.count("*").alias("n"), F.coalesce(F.sum("label_length"), F.lit(0)).alias("bytes"))
    return min(10_000, max(1, -(-row["n"] // FILES_PER_TASK), -(-row["bytes"] // BYTES_PER_TASK)))
