"""YOLO: a text file per image, in ``labels`` beside ``images``, beside the images, or in a folder given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.kernels.formats.yolo import parse_yolo
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.image_size import upright_size
from dataeval_spark.kernels.storage.files import open_file, read_file
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.ingest.readers.folder import choose, factor_rows, image_id, with_metadata_entries
from dataeval_spark.verbs.ingest.readers.label_files import (
    Layout,
    changed,
    file_findings,
    files_read,
    findings_of,
    fingerprint,
    label_entries,
    marked,
    pair_findings,
    parse_labels,
    targets_of,
)
from dataeval_spark.verbs.ingest.readers.labeled_images import image_rows
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.metadata import read_metadata
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, Known, Source
from dataeval_spark.verbs.ingest.readers.text_rows import BY_NAME, TableOptions
from dataeval_spark.verbs.ingest.readers.yolo_data import DATA_ENDINGS, DataFile, find_data, split_of
from dataeval_spark.workspace.workspace import Checkpoint

LAYOUT = Layout(".txt", ("images", "JPEGImages"), ("labels",))
LISTS_OF_NAMES = ("classes.txt", "obj.names", "train.txt", "val.txt", "test.txt")


def read_yolo(
    spark: SparkSession,
    root: str,
    annotations: str | None = None,
    *,
    dataset: str,
    checkpoint: Checkpoint,
    known: Known | None = None,
    metadata: str | None = None,
    columns: TableOptions = BY_NAME,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read images and their YOLO label files.

    Images are those below a folder ``images`` where there is one, else all. The labels of ``images/a/1.jpg`` are in
    ``labels/a/1.txt``, or beside it, or in the folder given; an image without a file, or with an empty one, has no
    targets. Fractions become pixels of the upright image, whose size is read from its header by the task that parses
    its labels. Class names, splits and the shape of keypoints come from ``data.yaml`` (or ``dataset.yaml``, or the
    only YAML file in SOURCE), class names else from ``classes.txt``; without either the id is the class name. Files
    are read again when they, their image, or the classes have changed.

    Parameters
    ----------
    root : str
        SOURCE.
    annotations : str, optional
        The data set file (YAML or class list), or the folder with the label files where they are not below SOURCE.
    known : Known, optional
        What the workspace has of the dataset.
    dataset, checkpoint, metadata, columns, split, glob, limit, timezone
        As in :func:`dataeval_spark.verbs.ingest.readers.folder.read_folder`.

    Raises
    ------
    IngestError
        There are no label files, none can be read, or the data set file given is none.
    """
    is_file = annotations is not None and annotations.lower().endswith(DATA_ENDINGS)
    folder = None if is_file else annotations
    listing = checkpoint(list_files(spark, root), "listing")
    others = checkpoint(list_files(spark, folder), "labels") if folder else listing
    data = find_data(listing, others, root, annotations if is_file else None)
    images = LAYOUT.images(listing).withColumn("image_id", image_id(dataset))
    is_label = ~F.substring_index("file", "/", -1).isin(*LISTS_OF_NAMES)
    labels = LAYOUT.labels(others).where(is_label)
    taken = choose(images, glob=glob, limit=limit)
    names, keypoints = data.names, data.keypoints
    options = {"format": "yolo", "names": names and sorted(names.items()), "keypoints": keypoints}
    depends_on = ("label_length", "label_modified_us", "content_length", "modified_us")
    paired = LAYOUT.pair(images, labels, checkpoint)
    pairs = paired.withColumn("fingerprint", fingerprint(options, *depends_on))
    pairs = checkpoint(marked(pairs, known), "pairs")
    wanted = pairs.join(taken.select("image_id"), on="image_id", how="left_semi") if limit or glob else pairs
    to_read, kept = changed(wanted, known)

    def parse(row: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        try:
            with open_file(row["uri"]) as file:
                width, height = upright_size(file)
        except OSError as error:
            raise UnreadableImage.of("read", error) from error
        yield {"element": "image"}
        yield from parse_yolo(read_file(row["label"]), width=width, height=height, names=names, keypoints=keypoints)

    files = to_read.select("image_id", "uri", "label", "file", "label_length")
    elements = checkpoint(parse_labels(files, parse), "elements")
    _require_readable(elements, kept, labels, folder or root)
    found = (
        read_metadata(spark, metadata, listing, image_id(dataset), timezone, checkpoint, root, columns)
        if metadata
        else None
    )
    listed = split_of(listing, data, root, images, checkpoint)
    rows = image_rows(taken, found, listed.splits, split)
    targets = targets_of(elements, kept, known)
    findings = findings_of(elements, kept, known).unionByName(pair_findings(pairs, root), allowMissingColumns=True)
    of_data = spark.createDataFrame([*data.findings, *_without_names(data, root)], FINDINGS_DDL)
    findings = findings.unionByName(of_data, allowMissingColumns=True)
    if glob is None:  # what is not asked for is not missed
        alone = _without_image(labels, pairs, is_only_labels=folder is not None)
        findings = findings.unionByName(alone, allowMissingColumns=True)
    for more in (listed.findings, found.findings if found else None):
        findings = findings if more is None else findings.unionByName(more, allowMissingColumns=True)
    lists = [place for places in data.lists.values() for place in places]
    entries = label_entries(
        listing,
        others,
        root,
        taken=taken,
        images=images,
        pairs=pairs,
        labels=labels if folder is not None else labels.where("is_in_folder"),
        targets=targets,
        findings=findings,
        description=[*lists, *filter(None, (data.uri, found.uri if found else None))],
        unit="lines",
    )
    if listed.accounting is not None:
        entries = entries.unionByName(listed.accounting)
    return Source(
        images=rows,
        targets=targets,
        factors=factor_rows(found, rows),
        findings=findings,
        present=images.select("image_id"),
        files=files_read(wanted, elements),
        accounting=with_metadata_entries(entries, found),
        labels_from="label files",
    )


def _without_names(data: DataFile, root: str) -> list[tuple[str | int | None, ...]]:
    """A finding where nothing names the classes."""
    if data.names is not None:
        return []
    message = "Nothing names the classes; their numbers stand for the names"
    return [(root, "classes", None, None, "class_ids_for_names", message, None, "names in data.yaml, or classes.txt")]


def _require_readable(elements: DataFrame, kept: DataFrame | None, labels: DataFrame, place: str) -> None:
    if not elements.where("element = 'image'").isEmpty() or (kept is not None and not kept.isEmpty()):
        return
    for broken in bounded(elements.where("element = 'finding'").limit(1), "one row"):
        reason = broken["found"].strip('"')
        raise IngestError(
            f"No label file below {place} can be read; {broken['file']}: {reason}.\n"
            "Hint: YOLO labels are text files with lines of a class and fractions of the image's size."
        )
    for label in bounded(labels.limit(1), "one row"):
        raise IngestError(
            f"No image below SOURCE has the name of any label file below {place}, such as {label['file']}.\n"
            "Hint: images/a/1.jpg and labels/a/1.txt go together, and so do files beside one another."
        )
    raise IngestError(f"There is no label file (.txt) below {place}.\nHint: --annotations FOLDER names where they are.")


def _without_image(labels: DataFrame, paired: DataFrame, *, is_only_labels: bool) -> DataFrame:
    """Labels of no image; a text file elsewhere than in a folder for labels is none."""
    alone = labels.where(F.col("is_in_folder") | F.lit(is_only_labels))
    alone = alone.join(paired.select("label"), on="label", how="left_anti")
    return file_findings(
        alone,
        "missing_image",
        "Image file was not found",
        F.regexp_replace(F.substring_index("file", "/", -1), r"\.[^.]*$", ""),
        "an image of this name below SOURCE, in the folder that goes with the label's",
    )
