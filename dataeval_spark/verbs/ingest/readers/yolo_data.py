"""The data set file of a YOLO source: which it is, and which split its images are in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.literal_map import literal_map
from dataeval_spark.kernels.formats.file_names import plain_path
from dataeval_spark.kernels.formats.folder_names import SPLIT_FOLDERS
from dataeval_spark.kernels.formats.yolo import YoloData, parse_class_list, parse_data_file
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.places import exists, is_folder, joined
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.ingest.readers.file_matching import resolve_names
from dataeval_spark.verbs.ingest.readers.labeled_images import Listed, list_lines, listed_splits
from dataeval_spark.workspace.workspace import Checkpoint

DATA_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
YAML = (".yaml", ".yml")
CLASS_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")
# What the annotations that are given may be, if no folder.
DATA_ENDINGS = (*YAML, ".txt", ".names")


@dataclass(frozen=True)
class DataFile:
    """What is known of a source as a whole; ``folders`` and ``lists`` map a split to absolute paths.

    ``uri`` is the file that says it, where there is one.
    """

    names: Mapping[int, str] | None = None
    keypoints: tuple[int, int] | None = None
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Sequence[tuple[str | int | None, ...]] = ()
    uri: str | None = None


def find_data(listing: DataFrame, labels: DataFrame, root: str, given: str | None) -> DataFile:
    """Read the data set file given, else the one that lies in SOURCE, else a class list.

    A file given that cannot be read is an error; one that was only found is a finding.

    Raises
    ------
    IngestError
        The file given does not exist, or is neither a YAML data set file nor a class list.
    """
    uri = given or _found(listing, labels)
    if uri is None:
        return DataFile()
    try:
        data = read_file(uri)
        if not uri.lower().endswith(YAML):
            return DataFile(names=parse_class_list(data), uri=uri)
        return _resolved(parse_data_file(data), uri, root)
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or str(error)
        if given:
            raise IngestError(
                f"Data set file {given} cannot be read: {message}.\n"
                "Hint: --annotations FILE names a data.yaml with names: [...], or a list of classes."
            ) from None
        text = "Data set file cannot be read; class ids stand for names"
        row = (uri, "file", None, None, "broken_file", text, message[:300], "YAML with names: [...]")
        return DataFile(findings=[row], uri=uri)


def _found(listing: DataFrame, labels: DataFrame) -> str | None:
    is_known = F.col("path").isin(*CLASS_LISTS) | F.col("path").rlike(r"^[^/]+\.(?i:ya?ml)$")
    both = listing.where(is_known).unionByName(labels.where(F.col("path").isin(*CLASS_LISTS)))
    rows = bounded(
        both.select("path", "uri").distinct().orderBy("path").limit(100), "data set files at the top of a folder"
    )
    found = {row["path"]: row["uri"] for row in reversed(rows)}
    data_files = [name for name in found if name.lower().endswith(YAML)]
    known = [name for name in DATA_FILES if name in found] or (data_files if len(data_files) == 1 else [])
    name = next((name for name in (*known, *CLASS_LISTS) if name in found), None)
    return found[name] if name else None


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
    """Where a path of a data set file leads; one of another machine by its longest ending that is here."""
    plain = plain_path(path)
    parts = [part for part in plain.split("/") if part not in ("", "..")]
    # Exports exist whose paths begin with ../ although they lie beside the file.
    names = dict.fromkeys((path, plain, *("/".join(parts[start:]) for start in range(len(parts)))))
    places = [joined(place, name) for name in names for place in dict.fromkeys((base, beside, root))]
    return next((place for place in places if exists(place)), None)


def split_of(listing: DataFrame, data: DataFile, root: str, images: DataFrame, checkpoint: Checkpoint) -> Listed:
    """The split that the data set file puts an image in, by lists or by folders; else that of a folder's name."""
    if data.lists:
        lists = {path: split for split, paths in data.lists.items() for path in paths}
        lines = checkpoint(list_lines(listing, lists), "list_lines")
        names = lines.select("name").distinct()
        beside = os.path.dirname(next(iter(lists)))
        resolved = resolve_names(names, images, beside, root, checkpoint, "list_names")
        matched = resolved.join(images.select("path", "image_id"), on="path", how="left")
        return listed_splits(lines, checkpoint(matched, "listed_images"), root)
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
    folders = F.transform(
        F.slice(F.split("path", "/"), 1, F.size(F.split("path", "/")) - 1), lambda each: F.lower(each)
    )
    named = F.filter(
        F.transform(folders, lambda each: F.regexp_replace(each, "[-_]?[0-9]{4}$", "")),
        lambda each: each.isin(*SPLIT_FOLDERS),
    )
    names = literal_map(SPLIT_FOLDERS)
    return F.try_element_at(names, F.get(named, F.lit(0)))
