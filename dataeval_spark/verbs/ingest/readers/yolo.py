"""YOLO: a text file per image, in ``labels`` beside ``images``, beside the images, or in a folder given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.kernels.formats.file_names import plain_path
from dataeval_spark.kernels.formats.folder_names import SPLIT_FOLDERS
from dataeval_spark.kernels.formats.yolo import YoloData, parse_class_list, parse_data_file, parse_yolo
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.image_size import upright_size
from dataeval_spark.kernels.storage.files import open_file, read_file
from dataeval_spark.kernels.storage.places import exists, is_folder, joined
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.ingest.readers.file_matching import resolve_names
from dataeval_spark.verbs.ingest.readers.label_files import (
    Files,
    Layout,
    Pairs,
    file_findings,
    fingerprint,
    is_any_file_read,
    label_pairs,
    list_files_of,
    parse_labels,
)
from dataeval_spark.verbs.ingest.readers.labelled_images import Listed, labelled_source, list_lines, listed_splits
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, Reading, Source

DATA_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
YAML = (".yaml", ".yml")
CLASS_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")
# Endings of annotations that are no folder.
DATA_ENDINGS = (*YAML, ".txt", ".names")

LAYOUT = Layout(".txt", ("images", "JPEGImages"), ("labels",))
LISTS_OF_NAMES = ("classes.txt", "obj.names", "train.txt", "val.txt", "test.txt")


def read_yolo(reading: Reading, annotations: str | None = None) -> Source:
    """Read images and their YOLO label files.

    Images are those below a folder ``images`` where there is one, else all. The labels of ``images/a/1.jpg`` are in
    ``labels/a/1.txt``, or beside it, or in the folder given; an image without a file, or with an empty one, has no
    targets. Fractions become pixels of the upright image, whose size is read from its header by the task that parses
    its labels. Class names, splits and the shape of keypoints come from ``data.yaml`` (or ``dataset.yaml``, or the
    only YAML file in SOURCE), class names else from ``classes.txt``; without either the id is the class name. Files
    are read again when they, their image, or the classes have changed.

    Parameters
    ----------
    reading : Reading
        SOURCE is the folder with the images.
    annotations : str, optional
        The data set file (YAML or class list), or the folder with the label files where they are not below SOURCE.

    Raises
    ------
    IngestError
        There are no label files, none can be read, or the data set file that was named is none.
    """
    root, checkpoint = reading.root, reading.checkpoint
    is_file = annotations is not None and annotations.lower().endswith(DATA_ENDINGS)
    folder = None if is_file else annotations
    files = list_files_of(reading, LAYOUT, folder)
    files = replace(files, labels=files.labels.where(~F.substring_index("file", "/", -1).isin(*LISTS_OF_NAMES)))
    data = find_data(files.listing, files.others, root, annotations if is_file else None)
    options = {"format": "yolo", "names": data.names and sorted(data.names.items()), "keypoints": data.keypoints}
    inputs = fingerprint(options, "label_length", "label_modified_us", "content_length", "modified_us")
    pairs = label_pairs(reading, LAYOUT, files, inputs)
    to_read = pairs.to_read.select("image_id", "uri", "label", "file", "label_length")
    parse = partial(_parse, names=data.names, keypoints=data.keypoints)
    elements = checkpoint(parse_labels(to_read, parse), "elements")
    _require_readable(elements, pairs, files.labels, folder or root)
    # A text file elsewhere than in a folder for labels is no label.
    labels = files.labels if folder is not None else files.labels.where("is_in_folder")
    lists = [place for places in data.lists.values() for place in places]
    return labelled_source(
        reading,
        files,
        pairs,
        elements,
        used=pairs.every,
        labels=labels,
        listed=split_of(files, data, reading),
        findings=[
            reading.spark.createDataFrame([*data.findings, *_without_names(data, root)], FINDINGS_DDL),
            # What is not asked for is not missed.
            _without_image(labels, pairs.every) if reading.glob is None else None,
        ],
        description=[*lists, *([data.uri] if data.uri else [])],
        unit="lines",
        labels_from="label files",
    )


def _parse(
    row: Mapping[str, Any], *, names: Mapping[int, str] | None, keypoints: tuple[int, int] | None
) -> Iterator[Mapping[str, Any]]:
    """The elements of a label file; the size of its image is read from the image's header."""
    try:
        with open_file(row["uri"]) as file:
            width, height = upright_size(file)
    except OSError as error:
        raise UnreadableImage.from_error("read", error) from error
    yield {"element": "image"}
    yield from parse_yolo(read_file(row["label"]), width=width, height=height, names=names, keypoints=keypoints)


def _without_names(data: DataFile, root: str) -> list[tuple[str | int | None, ...]]:
    """A finding where nothing names the classes."""
    if data.names is not None:
        return []
    message = "Nothing names the classes; their numbers stand for the names"
    return [(root, "classes", None, None, "class_ids_for_names", message, None, "names in data.yaml, or classes.txt")]


def _require_readable(elements: DataFrame, pairs: Pairs, labels: DataFrame, place: str) -> None:
    hint = "YOLO labels are text files with lines of a class and fractions of the image's size."
    if is_any_file_read(elements, pairs.known, f"No label file below {place} can be read", hint):
        return
    for label in bounded(labels.limit(1), "one row"):
        raise IngestError(
            f"None of the label files below {place} is named like an image below SOURCE, for example {label['file']}.\n"
            "Hint: images/a/1.jpg and labels/a/1.txt go together, and so do files beside one another."
        )
    raise IngestError(f"There is no label file (.txt) below {place}.\nHint: --annotations FOLDER names where they are.")


def _without_image(labels: DataFrame, paired: DataFrame) -> DataFrame:
    """Findings about labels of no image."""
    return file_findings(
        labels.join(paired.select("label"), on="label", how="left_anti"),
        "missing_image",
        "Image file was not found",
        F.regexp_replace(F.substring_index("file", "/", -1), r"\.[^.]*$", ""),
        "an image of this name below SOURCE, in the folder that goes with the label's",
    )


@dataclass(frozen=True)
class DataFile:
    """Facts about a source as a whole; ``folders`` and ``lists`` map a split to absolute paths.

    ``uri`` is the data set file, if there is one.
    """

    names: Mapping[int, str] | None = None
    keypoints: tuple[int, int] | None = None
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Sequence[tuple[str | int | None, ...]] = ()
    uri: str | None = None


def find_data(listing: DataFrame, labels: DataFrame, root: str, data_uri: str | None) -> DataFile:
    """Read the data set file given, else the one that lies in SOURCE, else a class list.

    A file given that cannot be read is an error; one that was only found is a finding.

    Raises
    ------
    IngestError
        The file given does not exist, or is neither a YAML data set file nor a class list.
    """
    uri = data_uri or _data_uri(listing, labels)
    if uri is None:
        return DataFile()
    try:
        data = read_file(uri)
        if not uri.lower().endswith(YAML):
            return DataFile(names=parse_class_list(data), uri=uri)
        return _resolved(parse_data_file(data), uri, root)
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or str(error)
        if data_uri:
            raise IngestError(
                f"Data set file {data_uri} cannot be read: {message}.\n"
                "Hint: --annotations FILE names a data.yaml with names: [...], or a list of classes."
            ) from None
        text = "Data set file cannot be read; class ids stand for names"
        row = (uri, "file", None, None, "broken_file", text, message[:300], "YAML with names: [...]")
        return DataFile(findings=[row], uri=uri)


def _data_uri(listing: DataFrame, labels: DataFrame) -> str | None:
    is_known = F.col("path").isin(*CLASS_LISTS) | F.col("path").rlike(r"^[^/]+\.(?i:ya?ml)$")
    places = listing.where(is_known).select("path", "uri")
    both = places.unionByName(labels.where(F.col("path").isin(*CLASS_LISTS)).select("path", "uri"))
    rows = bounded(both.distinct().orderBy("path").limit(100), "data set files at the top of a folder")
    uris = {row["path"]: row["uri"] for row in reversed(rows)}
    data_files = [name for name in uris if name.lower().endswith(YAML)]
    data_names = [name for name in DATA_FILES if name in uris] or (data_files if len(data_files) == 1 else [])
    name = next((name for name in (*data_names, *CLASS_LISTS) if name in uris), None)
    return uris[name] if name else None


def _resolved(data: YoloData, uri: str, root: str) -> DataFile:
    beside = os.path.dirname(uri)
    base = joined(beside, data.path) if data.path else beside
    folders: dict[str, list[str]] = {}
    lists: dict[str, list[str]] = {}
    findings: list[tuple[str | int | None, ...]] = []
    for split, paths in data.splits.items():
        for path in paths:
            place = _existing(path, base, beside, root)
            if place is None:
                message = "What the data set file names for a split was not found; its images have no split by it"
                expected = "a folder or a list of files, relative to the data set file"
                findings.append((uri, split, None, None, "missing_split", message, path[:300], expected))
            else:
                (folders if is_folder(place) else lists).setdefault(split, []).append(place)
    return DataFile(data.names, data.keypoints, folders, lists, findings, uri)


def _existing(path: str, base: str, beside: str, root: str) -> str | None:
    """Existing file for a path of a data set file; one of another machine by its longest ending that exists here."""
    plain = plain_path(path)
    parts = [part for part in plain.split("/") if part not in ("", "..")]
    # Exports exist whose paths begin with ../ although they lie beside the file.
    names = dict.fromkeys((path, plain, *("/".join(parts[start:]) for start in range(len(parts)))))
    places = [joined(place, name) for name in names for place in dict.fromkeys((base, beside, root))]
    return next((place for place in places if exists(place)), None)


def split_of(files: Files, data: DataFile, reading: Reading) -> Listed:
    """The split that the data set file puts an image in, by lists or by folders; else that of a folder's name."""
    images, root, checkpoint = files.images, reading.root, reading.checkpoint
    if data.lists:
        lists = {path: split for split, paths in data.lists.items() for path in paths}
        lines = checkpoint(list_lines(files.listing, lists), "list_lines")
        names = lines.select("name").distinct()
        beside = os.path.dirname(next(iter(lists)))
        resolved = resolve_names(names, images, beside, root, checkpoint, "list_names")
        matches = resolved.join(images.select("path", "image_id"), on="path", how="left")
        return listed_splits(lines, checkpoint(matches, "listed_images"), root)
    prefixes = [(os.path.relpath(folder, root), split) for split, folders in data.folders.items() for folder in folders]
    # A folder named for two splits is of the first: files exist whose validation images are those for training.
    inside = [(prefix, split) for prefix, split in dict(reversed(prefixes)).items() if not prefix.startswith("..")]
    if not inside:
        return Listed(images.select("image_id", _split_of_folders().alias("listed")).where("listed IS NOT NULL"))
    listed: Column = F.lit(None).cast("string")
    # The longest last, so that it is asked first.
    for prefix, split in sorted(inside, key=lambda each: len(each[0])):
        is_below = F.lit(True) if prefix == "." else F.startswith("path", F.lit(f"{prefix}/"))
        listed = F.when(is_below, F.lit(split)).otherwise(listed)
    return Listed(images.select("image_id", listed.alias("listed")))


def _split_of_folders() -> Column:
    """The split that the first folder of such a name says; years may follow it, as in train2017."""
    folder = F.regexp_extract(F.lower("path"), rf"(?:^|/)({'|'.join(SPLIT_FOLDERS)})(?:[-_]?[0-9]{{4}})?/", 1)
    return F.try_element_at(literal_map(SPLIT_FOLDERS), folder)
