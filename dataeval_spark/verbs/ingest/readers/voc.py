"""Pascal VOC: an XML file per image, in ``Annotations`` beside ``JPEGImages``, beside it, or in a folder given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.kernels.formats.voc import parse_voc
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.ingest.readers.file_matching import match_names
from dataeval_spark.verbs.ingest.readers.label_files import (
    Files,
    Layout,
    Pairs,
    declared_of,
    file_findings,
    fingerprint,
    is_any_file_read,
    label_pairs,
    list_files_of,
    parse_labels,
)
from dataeval_spark.verbs.ingest.readers.labelled_images import (
    SPLITS,
    Listed,
    labelled_source,
    list_lines,
    listed_splits,
)
from dataeval_spark.verbs.ingest.readers.source import Reading, Source
from dataeval_spark.workspace.workspace import Checkpoint

LAYOUT = Layout(".xml", ("JPEGImages", "images"), ("Annotations", "annotations"))


def read_voc(reading: Reading, annotations: str | None = None, *, one_based: bool = False) -> Source:
    """Read images and their Pascal VOC files.

    Images are those below a folder ``JPEGImages`` or ``images`` where there is one, else all. The annotations of an
    image lie in the file of its name below ``Annotations``, or beside it, or in the folder given; a file that no image
    has the name of belongs to the image that its ``filename`` names, as
    :func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names` says. An image without a file has no
    targets. Lists ``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt`` give the split. The files are parsed
    by tasks, many by each; those whose size and time are as they were are not read again.

    Parameters
    ----------
    reading : Reading
        SOURCE is the folder with the images.
    annotations : str, optional
        Folder with the XML files, where they are not below SOURCE.
    one_based : bool
        Coordinates are counted from 1, as in the data of the challenges: subtract 1 from xmin and ymin.

    Raises
    ------
    IngestError
        There are no XML files, or none can be read.
    """
    checkpoint = reading.checkpoint
    files = list_files_of(reading, LAYOUT, annotations)
    inputs = fingerprint({"format": "voc", "one_based": one_based}, "label_length", "label_modified_us")
    pairs = label_pairs(reading, LAYOUT, files, inputs)
    to_read = checkpoint(_files_to_read(pairs, files.labels), "to_read")

    def parse(row: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return parse_voc(read_file(row["label"]), one_based=one_based)

    elements = checkpoint(parse_labels(to_read, parse), "elements")
    _require_readable(elements, pairs, annotations or reading.root)
    free = files.images.join(pairs.every.select("image_id"), on="image_id", how="left_anti")
    by_name = _by_file_name(elements, free, checkpoint)
    elements = _with_image_by_name(elements, by_name, files.chosen)
    lists = _lists(files.listing)
    return labelled_source(
        reading,
        files,
        pairs,
        elements,
        used=pairs.every.select("image_id", "label", "file").unionByName(_used(by_name, to_read)),
        labels=files.labels,
        listed=_splits(files, lists, reading),
        findings=[_name_findings(by_name) if reading.glob is None else None],  # what is not asked for is not missed
        description=list(lists),
        unit="objects",
        labels_from="XML files",
        declared=declared_of(elements, pairs.known),
    )


def _files_to_read(pairs: Pairs, labels: DataFrame) -> DataFrame:
    """Files that have changed, and files whose name is that of no image, with ``image_id`` null."""
    names = ("image_id", "label", "file", "label_length")
    alone = labels.join(pairs.every.select("label"), on="label", how="left_anti")
    return pairs.to_read.select(*names).unionByName(
        alone.select(F.lit(None).cast("string").alias("image_id"), *names[1:])
    )


def _require_readable(elements: DataFrame, pairs: Pairs, place: str) -> None:
    hint = "Pascal VOC files are XML with the root element <annotation>."
    if not is_any_file_read(elements, pairs.known, f"No annotation file below {place} can be read", hint):
        raise IngestError(f"There is no .xml file below {place}.\nHint: --annotations FOLDER names where they are.")


def _by_file_name(elements: DataFrame, free: DataFrame, checkpoint: Checkpoint) -> DataFrame:
    """The image that the ``filename`` of a file means, for files whose own name is that of no image, stored.

    Columns are ``file``, ``name``, ``image_id`` (null where no image, or not one alone, is meant), ``candidates``,
    ``examples`` and ``is_again`` (another file is about the same image).
    """
    alone = elements.where("image_id IS NULL AND element = 'image'")
    alone = checkpoint(alone.select("file", F.coalesce("name", F.lit("?")).alias("name")), "unpaired")
    if alone.isEmpty():
        none = {"image_id": "string", "candidates": "bigint", "examples": "string", "is_again": "boolean"}
        return alone.select("*", *(F.lit(None).cast(type).alias(name) for name, type in none.items()))
    names = alone.select("name").distinct()
    ids = free.select("path", "image_id")
    exact = names.join(ids, on=F.col("name") == F.col("path"), how="inner").select(
        "name", "path", F.lit(1).cast("bigint").alias("candidates"), F.lit(None).cast("string").alias("examples")
    )
    left = names.join(exact.select("name"), on="name", how="left_anti")
    loose = match_names(left, ids.join(exact.select("path"), on="path", how="left_anti").select("path"))
    matches = alone.join(exact.unionByName(loose.select(*exact.columns)), on="name", how="left").join(
        ids, on="path", how="left"
    )
    first = matches.where("image_id IS NOT NULL").groupBy("image_id").agg(F.min("file").alias("first_file"))
    with_first = matches.join(first, on="image_id", how="left")
    is_again = F.col("file") != F.col("first_file")
    columns = ("file", "name", "image_id", "candidates", "examples")
    return checkpoint(with_first.select(*columns, F.coalesce(is_again, F.lit(False)).alias("is_again")), "named")


def _with_image_by_name(elements: DataFrame, by_name: DataFrame, chosen: DataFrame) -> DataFrame:
    """Elements with the image that their file's ``filename`` means, where its own name is that of none."""
    of_file = by_name.where("image_id IS NOT NULL AND NOT is_again").select(F.col("image_id").alias("named"), "file")
    of_file = of_file.join(chosen.select(F.col("image_id").alias("named")), on="named", how="left_semi")
    joined = elements.join(of_file, on="file", how="left")
    return joined.withColumn("image_id", F.coalesce("image_id", "named")).drop("named")


def _used(by_name: DataFrame, files: DataFrame) -> DataFrame:
    """Files that belong to the image that their ``filename`` means."""
    good = by_name.where("image_id IS NOT NULL AND NOT is_again").select("image_id", "file")
    return good.join(files.select("label", "file"), on="file", how="inner").select("image_id", "label", "file")


def _name_findings(by_name: DataFrame) -> DataFrame:
    """Findings about files whose image was not found, is not one alone, or has another file."""
    missing = file_findings(
        by_name.where("image_id IS NULL AND coalesce(candidates, 0) < 2"),
        "missing_image",
        "Image file was not found",
        F.col("name"),
        "an image of the file's name or <filename>, below SOURCE",
    )
    ambiguous = file_findings(
        by_name.where("image_id IS NULL AND candidates > 1"),
        "ambiguous_image",
        "Several images fit the <filename>",
        F.concat_ws(": ", "name", "examples"),
        "one image of the name",
    )
    repeated = file_findings(
        by_name.where("is_again"),
        "duplicate_image",
        "Another file is about this image; the annotations of this one are left out",
        F.col("name"),
        "one file per image",
    )
    return missing.unionByName(ambiguous).unionByName(repeated)


def _lists(listing: DataFrame) -> dict[str, str]:
    """Places of the lists of splits, and the split of each."""
    names = {f"{folder}/{split}.txt": split for folder in ("imagesets", "imagesets/main") for split in SPLITS}
    lists = bounded(listing.where(F.lower("path").isin(*names)).select("path", "uri").limit(12), "lists of splits")
    return {row["uri"]: names[row["path"].lower()] for row in lists}


def _splits(files: Files, lists: dict[str, str], reading: Reading) -> Listed:
    """The split of each image that a list names; a line is a file name without ending."""
    if not lists:
        return Listed()
    lines = reading.checkpoint(list_lines(files.listing, lists), "list_lines")
    stem = F.regexp_replace("path", r"\.[^./]*$", "")
    stems = files.images.select(stem.alias("stem"), "image_id")
    names = lines.select("name").distinct()
    base = F.substring_index("stem", "/", -1)
    alone = stems.groupBy(base.alias("name")).agg(F.count("*").alias("candidates"), F.min("stem").alias("path"))
    none = (F.lit(None).cast("int").alias("parts"), F.lit(None).cast("string").alias("examples"))
    columns = ("name", "path", "candidates", *none)
    exact = names.join(alone.where("candidates = 1"), on="name", how="inner").select(*columns)
    # A name of several images, in different folders, says which it means by its folder.
    left = names.join(exact.select("name"), on="name", how="left_anti")
    loose = match_names(left, stems.select(F.col("stem").alias("path")).distinct())
    matches = exact.unionByName(loose.select(*exact.columns))
    # One stem may be that of several files: a.jpg and a.png.
    ids = stems.groupBy("stem").agg(F.min("image_id").alias("image_id")).withColumnRenamed("stem", "path")
    with_image = matches.join(ids, on="path", how="left").withColumn("how", F.lit(None).cast("string"))
    return listed_splits(lines, reading.checkpoint(with_image, "list_names"), reading.root)
