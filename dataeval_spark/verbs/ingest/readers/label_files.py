"""Label files: one annotation file per image, paired with it by path, and read again only when it has changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.annotations import MAX_ANNOTATION_BYTES, finding
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.accounting import entries_of, file_entries
from dataeval_spark.verbs.ingest.readers.file_bytes import without_credentials
from dataeval_spark.verbs.ingest.readers.file_matching import match_names, matched_findings
from dataeval_spark.verbs.ingest.readers.source import KnownRows
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
class Pairs:
    """Images with their label files: all, those of the chosen images, of these to read, and unchanged.

    ``same_files`` are unchanged files, whose rows the workspace has; None where it has nothing.
    """

    every: DataFrame
    of_chosen: DataFrame
    to_read: DataFrame
    same_files: DataFrame | None


def label_pairs(
    paired: DataFrame,
    fingerprint: Column,
    known_rows: KnownRows | None,
    chosen: DataFrame | None,
    checkpoint: Checkpoint,
) -> Pairs:
    """Divide images with label files, of `Layout.pair`, into files to read and unchanged ones.

    Parameters
    ----------
    paired : DataFrame
        Images with their label files.
    fingerprint : Column
        Hash of all inputs of the rows of a file.
    known_rows : KnownRows, optional
        What the workspace has; None when it has nothing.
    chosen : DataFrame, optional
        ``image_id`` of the images to read; default all.
    checkpoint : callable
        Stores the pairs.
    """
    pairs = checkpoint(with_is_kept(paired.withColumn("fingerprint", fingerprint), known_rows), "pairs")
    of_chosen = pairs if chosen is None else pairs.join(chosen.select("image_id"), on="image_id", how="left_semi")
    return Pairs(pairs, of_chosen, *to_read_and_same(of_chosen, known_rows))


def is_any_file_read(elements: DataFrame, same_files: DataFrame | None, complaint: str, hint: str) -> bool:
    """Whether a label file has been read, now or before, of those that belong to images.

    Raises
    ------
    IngestError
        None of them can be read: the complaint with one of them and its fault, and the hint.
    """
    if not elements.where("element = 'image'").isEmpty() or (same_files is not None and not same_files.isEmpty()):
        return True
    for broken in bounded(elements.where("element = 'finding'").limit(1), "one row"):
        reason = broken["found"].strip('"')
        raise IngestError(f"{complaint}; {broken['file']}: {reason}.\nHint: {hint}")
    return False


def all_findings(*findings: DataFrame | None) -> DataFrame:
    """Findings of several origins in one frame, without those that are None; a missing column is null."""
    frames = [frame for frame in findings if frame is not None]
    return reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), frames)


def fingerprint(options: Mapping[str, Any], *columns: str) -> Column:
    """Hash of all inputs of the rows of a label file: options, and sizes and times of files."""
    text = ", ".join(f"{name}={value!r}" for name, value in sorted(options.items()))
    return F.md5(F.concat_ws("|", F.lit(f"{READER_VERSION} {text}"), *columns))


def to_read_and_same(pairs: DataFrame, known_rows: KnownRows | None) -> tuple[DataFrame, DataFrame | None]:
    """Split files, which have a fingerprint, into those to read and those whose rows the workspace has.

    Parameters
    ----------
    pairs : DataFrame
        ``file``, ``image_id``, ``fingerprint`` and other columns, of `with_is_kept`.
    known_rows : KnownRows, optional
        What the workspace has; None when it has nothing.
    """
    if known_rows is None:
        return pairs, None
    return pairs.where("NOT is_kept"), pairs.where("is_kept").select("file", "image_id")


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


def targets_of(elements: DataFrame, same_files: DataFrame | None, known_rows: KnownRows | None) -> DataFrame:
    """Rows of `targets`: of the files that were parsed, and as they are in the workspace for the others."""
    columns = ("image_id", "target_index", "class_name", "box", "is_crowd")
    source = F.concat(F.substring_index("file", "/", -1), F.lit(":"), "location").alias("source")
    rows = elements.where("element = 'target' AND image_id IS NOT NULL").select(*columns, source, "attributes")
    if same_files is None or known_rows is None:
        return rows
    old = known_rows.targets.join(same_files.select("image_id"), on="image_id", how="left_semi")
    return rows.unionByName(old.select(*columns, "source", "attributes"))


def findings_of(elements: DataFrame, same_files: DataFrame | None, known_rows: KnownRows | None) -> DataFrame:
    """Rows of `ingest_findings`: of the files that were parsed, and of the others."""
    columns = ("source_file", "location", "image_id", "target_index", *OF_FINDING)
    rows = elements.where("element = 'finding'").withColumnRenamed("file", "source_file").select(*columns)
    if same_files is None or known_rows is None:
        return rows
    keys = same_files.withColumnRenamed("file", "source_file")
    old = known_rows.findings.join(keys, on=["source_file", "image_id"], how="left_semi").where(
        "kind != 'size_differs'"
    )
    return rows.unionByName(old.select(*columns))


def declared_sizes(elements: DataFrame, same_files: DataFrame | None, known_rows: KnownRows | None) -> DataFrame:
    """``image_id``, ``declared_width`` and ``declared_height``: of the files that were parsed, and of the others."""
    rows = elements.where("element = 'image' AND image_id IS NOT NULL").select(
        "image_id", F.col("width").alias("declared_width"), F.col("height").alias("declared_height")
    )
    if same_files is None or known_rows is None:
        return rows
    old = known_rows.images.join(same_files.select("image_id"), on="image_id", how="left_semi")
    return rows.unionByName(old.select(*rows.columns))


def files_read(pairs: DataFrame, elements: DataFrame) -> DataFrame:
    """Rows of `source_files`: files that need not be read again; unreadable ones are tried again."""
    failed = elements.where("kind IN ('broken_file', 'unreadable_image')").select("file", "image_id")
    files = pairs.join(failed, on=["file", "image_id"], how="left_anti")
    return files.select(F.col("file").alias("path"), "image_id", "fingerprint")


def file_findings(files: DataFrame, kind: str, message: str, value: Column, expected: str) -> DataFrame:
    """A finding about each label file as a whole; ``files`` has ``file``."""
    return files.select(
        F.col("file").alias("source_file"),
        F.lit("file").alias("location"),
        F.lit(None).cast("string").alias("image_id"),
        F.lit(None).cast("int").alias("target_index"),
        F.lit(kind).alias("kind"),
        F.lit(message).alias("message"),
        value.cast("string").alias("found"),
        F.lit(expected).alias("expected"),
    )


def pair_findings(pairs: DataFrame, root: str) -> DataFrame:
    """Findings about labels whose paths are written otherwise than those of their images."""
    names = pairs.select(F.col("file").alias("name"), "path", "how")
    return matched_findings(names, root, "Label files")


def label_entries(
    listing: DataFrame,
    others: DataFrame,
    root: str,
    *,
    chosen: DataFrame,
    images: DataFrame,
    pairs: DataFrame,
    labels: DataFrame,
    targets: DataFrame,
    findings: DataFrame,
    description: Sequence[str],
    unit: str,
) -> DataFrame:
    """Entries of a source with a label file for each image: its files, and the contents of the label files.

    Parameters
    ----------
    listing : DataFrame
        Every file below SOURCE.
    others : DataFrame
        Every file of the folder of labels, the same frame where they are below SOURCE.
    root : str
        SOURCE.
    chosen : DataFrame
        ``image_id`` and ``uri`` of the images that were taken.
    images : DataFrame
        ``uri`` of the images that the layout knows.
    pairs : DataFrame
        ``image_id``, ``label`` and ``file`` of the images that have a label file.
    labels : DataFrame
        ``label`` and ``file`` of all label files.
    targets, findings : DataFrame
        Rows made from the label files of the chosen images.
    description : sequence of str
        Places of files about the whole.
    unit : str
        Unit of a label file's contents: lines, or objects.
    """
    if others is not listing:
        listing = listing.unionByName(others).dropDuplicates(["uri"])
    used = pairs.join(chosen.select("image_id"), on="image_id", how="left_semi")
    failed = findings.where("kind IN ('broken_file', 'unreadable_image')").select(F.col("source_file").alias("file"))
    read = used.join(failed, on="file", how="left_anti")
    of_others = pairs.join(used.select("label"), on="label", how="left_anti")
    # Two label files of one image: the other stands in another place.
    alone = labels.join(pairs.select("label"), on="label", how="left_anti")
    doubled = alone.join(
        labels.join(pairs.select("label"), on="label", how="left_semi").select("key"), "key", "left_semi"
    )
    single = alone.join(doubled.select("label"), on="label", how="left_anti")

    def places(files: DataFrame) -> DataFrame:
        return files.select(F.col("label").alias("uri"))

    outside = listing.where("is_image").join(images.select("uri"), on="uri", how="left_anti").select("uri")
    files = file_entries(
        listing,
        root,
        images=chosen,
        annotations=places(read),
        description=description,
        other={
            "not_read": places(used.join(failed, on="file", how="left_semi")),
            "not_asked_for": places(of_others),
            "other_label_file": places(doubled),
            "label_without_image": places(single),
            "outside_image_folder": outside,
        },
    )
    keys = targets.select("image_id", "target_index").distinct()
    lost = findings.where("target_index IS NOT NULL").select("image_id", "target_index").distinct()
    lost = lost.join(keys, on=["image_id", "target_index"], how="left_anti")
    name = F.concat("image_id", F.lit(f" {unit.removesuffix('s')} "), F.col("target_index").cast("string")).alias(
        "name"
    )
    was_taken = keys.select(F.lit("annotations").alias("role"), F.lit(None).cast("string").alias("reason"), name)
    was_lost = lost.select(F.lit("skipped").alias("role"), F.lit("broken").alias("reason"), name)
    entries = was_taken.unionByName(was_lost).withColumn("unit", F.lit(unit))
    return files.unionByName(entries_of(entries, root))


def _key(folders: Sequence[str]) -> Column:
    """A path without ending, and without the last of the folders that stand for one another."""
    rooted = F.concat(F.lit("/"), F.regexp_replace("path", r"\.[^./]*$", ""))
    return F.regexp_replace(rooted, f"(?i)^(.*)/(?:{'|'.join(folders)})/", "$1/")


def _below(folders: Sequence[str]) -> Column:
    return F.col("path").rlike(f"(?i)(^|/)({'|'.join(folders)})/")


def _tasks(files: DataFrame) -> int:
    size = files.agg(F.count("*").alias("n"), F.coalesce(F.sum("label_length"), F.lit(0)).alias("bytes"))
    row = one_row(size)
    return min(10_000, max(1, -(-row["n"] // FILES_PER_TASK), -(-row["bytes"] // BYTES_PER_TASK)))
