"""Pascal VOC: an XML file per image, in ``Annotations`` beside ``JPEGImages``, beside it, or in a folder given."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.folder import choose, factor_rows, image_id
from dataeval_spark.ingest.labeled import SPLITS, first_split, image_rows, list_lines
from dataeval_spark.ingest.labels import (
    Layout,
    changed,
    file_findings,
    files_read,
    findings_of,
    fingerprint,
    marked,
    parse_labels,
    targets_of,
)
from dataeval_spark.ingest.listing import list_files
from dataeval_spark.ingest.metadata import read_metadata
from dataeval_spark.ingest.source import Known, Source, Stage
from dataeval_spark.kernels.files import read_file
from dataeval_spark.kernels.voc import parse_voc

LAYOUT = Layout(".xml", ("JPEGImages", "images"), ("Annotations", "annotations"))


def read_voc(
    spark: SparkSession,
    root: str,
    annotations: str | None = None,
    *,
    dataset: str,
    stage: Stage,
    known: Known | None = None,
    one_based: bool = False,
    metadata: str | None = None,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read images and their Pascal VOC files.

    Images are those below a folder ``JPEGImages`` or ``images`` where there is one, else all. The annotations of an
    image lie in the file of its name below ``Annotations``, or beside it, or in the folder given; a file that no image
    has the name of belongs to the image that its ``filename`` names. An image without a file has no targets. Lists
    ``ImageSets/Main/train.txt``, ``val.txt`` and ``test.txt`` give the split. The files are parsed by tasks, many by
    each; those whose size and time are as they were are not read again.

    Parameters
    ----------
    root : str
        SOURCE.
    annotations : str, optional
        Folder with the XML files, where they are not below SOURCE.
    known : Known, optional
        What the workspace has of the dataset.
    one_based : bool
        Coordinates are counted from 1, as in the data of the challenges: subtract 1 from xmin and ymin.
    dataset, stage, metadata, split, glob, limit, timezone
        As in :func:`dataeval_spark.ingest.folder.read_folder`.

    Raises
    ------
    IngestError
        There are no XML files, or none can be read.
    """
    listing = stage(list_files(spark, root), "listing")
    others = stage(list_files(spark, annotations), "labels") if annotations else listing
    images = LAYOUT.images(listing).withColumn("image_id", image_id(dataset))
    labels = LAYOUT.labels(others)
    taken = choose(images, glob=glob, limit=limit)
    options = {"format": "voc", "one_based": one_based}
    paired = LAYOUT.pair(images, labels)
    pairs = paired.withColumn("fingerprint", fingerprint(options, "label_length", "label_modified_us"))
    pairs = stage(marked(pairs, known), "pairs")
    wanted = pairs.join(taken.select("image_id"), on="image_id", how="left_semi") if limit or glob else pairs
    to_read, kept = changed(wanted, known)
    columns = ("image_id", "label", "file", "label_length")
    alone = labels.join(pairs.select("label"), on="label", how="left_anti")
    alone = alone.select(F.lit(None).cast("string").alias("image_id"), *columns[1:])
    files = stage(to_read.select(*columns).unionByName(alone), "to_read")

    def parse(row: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        return parse_voc(read_file(row["label"]), one_based=one_based)

    elements = stage(parse_labels(files, parse), "elements")
    _require_readable(elements, kept, annotations or root)
    elements, unmatched = _by_file_name(elements, images, pairs, taken)
    found = read_metadata(spark, metadata, listing, image_id(dataset), timezone, stage, root) if metadata else None
    rows = image_rows(taken, found, _splits(listing, images), split)
    findings = findings_of(elements, kept, known)
    if unmatched is not None and glob is None:  # what is not asked for is not missed
        findings = findings.unionByName(unmatched)
    return Source(
        images=rows,
        targets=targets_of(elements, kept, known),
        factors=factor_rows(found, rows),
        findings=findings.unionByName(found.findings) if found else findings,
        present=images.select("image_id"),
        files=files_read(wanted, elements),
    )


def _require_readable(elements: DataFrame, kept: DataFrame | None, place: str) -> None:
    if not elements.where("element = 'image'").isEmpty() or (kept is not None and not kept.isEmpty()):
        return
    for broken in elements.where("element = 'finding'").limit(1).collect():
        reason = broken["found"].strip('"')
        raise IngestError(
            f"No annotation file below {place} can be read; {broken['file']}: {reason}.\n"
            "Hint: Pascal VOC files are XML with the root element <annotation>."
        )
    raise IngestError(f"There is no .xml file below {place}.\nHint: --annotations FOLDER names where they are.")


def _by_file_name(
    elements: DataFrame, images: DataFrame, paired: DataFrame, taken: DataFrame
) -> tuple[DataFrame, DataFrame | None]:
    """Give the files that no image has the name of to the image they name, where it has no other file."""
    if elements.where("image_id IS NULL").isEmpty():
        return elements, None
    base = F.substring_index("path", "/", -1)
    free = images.join(paired.select("image_id"), on="image_id", how="left_anti")
    by_base = free.groupBy(base.alias("base")).agg(F.count("*").alias("n"), F.min("image_id").alias("named"))
    alone = elements.where("image_id IS NULL AND element = 'image'")
    alone = alone.select("file", F.coalesce(F.col("name"), F.lit("?")).alias("name"))
    located = alone.withColumn("base", F.element_at(F.split("name", r"[/\\]"), -1))
    located = located.join(by_base, on="base", how="left")
    matched = located.where("n = 1").groupBy("named").agg(F.min("file").alias("file"))
    doubled = located.where("n = 1").join(matched, on="file", how="left_anti")
    missing = file_findings(
        located.where("n IS NULL"),
        "missing_image",
        "Image file was not found",
        F.col("name"),
        "an image of the file's name or <filename>, below SOURCE",
    )
    ambiguous = file_findings(
        located.where("n > 1"),
        "ambiguous_image",
        "Several images have this base name",
        F.col("name"),
        "one image of the name",
    )
    repeated = file_findings(
        doubled,
        "duplicate_image",
        "Another file is about this image; the annotations of this one are left out",
        F.col("name"),
        "one file per image",
    )
    # Of images that were not taken nothing is written.
    matched = matched.join(taken.select(F.col("image_id").alias("named")), on="named", how="left_semi")
    elements = elements.join(matched, on="file", how="left")
    elements = elements.withColumn("image_id", F.coalesce("image_id", "named")).drop("named")
    return elements, missing.unionByName(ambiguous).unionByName(repeated)


def _splits(listing: DataFrame, images: DataFrame) -> DataFrame | None:
    """The split of each image that a list names; a line is a file name without ending."""
    names = {f"{folder}/{split}.txt": split for folder in ("ImageSets", "ImageSets/Main") for split in SPLITS}
    found = listing.where(F.col("path").isin(*names)).select("path", "uri").collect()  # at most six
    if not found:
        return None
    stem = F.regexp_replace(F.substring_index("path", "/", -1), r"\.[^.]*$", "")
    return first_split(list_lines(listing, {row["uri"]: names[row["path"]] for row in found}), images, stem)
