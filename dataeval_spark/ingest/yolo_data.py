"""The data set file of a YOLO source: which it is, and which split its images are in."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.ingest.labeled import first_split, list_lines
from dataeval_spark.kernels.files import read_file
from dataeval_spark.kernels.places import exists, is_folder, joined
from dataeval_spark.kernels.yolo import YoloData, parse_class_list, parse_data_file

DATA_FILES = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
YAML = (".yaml", ".yml")
CLASS_LISTS = ("classes.txt", "obj.names", "labels/classes.txt")
# What the annotations that are given may be, if no folder.
DATA_ENDINGS = (*YAML, ".txt", ".names")


@dataclass(frozen=True)
class DataFile:
    """What is known of a source as a whole; ``folders`` and ``lists`` map a split to absolute paths."""

    names: Mapping[int, str] | None = None
    keypoints: tuple[int, int] | None = None
    folders: Mapping[str, Sequence[str]] = field(default_factory=dict)
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
    findings: Sequence[tuple[str | int | None, ...]] = ()


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
            return DataFile(names=parse_class_list(data))
        return _resolved(parse_data_file(data), os.path.dirname(uri), root)
    except (OSError, ValueError) as error:
        message = getattr(error, "strerror", None) or str(error)
        if given:
            raise IngestError(
                f"Data set file {given} cannot be read: {message}.\n"
                "Hint: --annotations FILE names a data.yaml with names: [...], or a list of classes."
            ) from None
        text = "Data set file cannot be read; class ids stand for names"
        row = (uri, "file", None, None, "broken_file", text, message[:300], "YAML with names: [...]")
        return DataFile(findings=[row])


def _found(listing: DataFrame, labels: DataFrame) -> str | None:
    is_known = F.col("path").isin(*CLASS_LISTS) | F.col("path").rlike(r"^[^/]+\.(?i:ya?ml)$")
    both = listing.where(is_known).unionByName(labels.where(F.col("path").isin(*CLASS_LISTS)))
    rows = both.select("path", "uri").distinct().orderBy("path").limit(100).collect()
    found = {row["path"]: row["uri"] for row in reversed(rows)}
    data_files = [name for name in found if name.lower().endswith(YAML)]
    known = [name for name in DATA_FILES if name in found] or (data_files if len(data_files) == 1 else [])
    name = next((name for name in (*known, *CLASS_LISTS) if name in found), None)
    return found[name] if name else None


def _resolved(data: YoloData, beside: str, root: str) -> DataFile:
    base = joined(beside, data.path) if data.path else beside
    folders: dict[str, list[str]] = {}
    lists: dict[str, list[str]] = {}
    for split, paths in data.splits.items():
        for path in paths:
            # Exports exist whose paths begin with ../ although they lie beside the file.
            places = [joined(place, name) for name in (path, path.removeprefix("../")) for place in (base, beside)]
            place = next((place for place in places if exists(place)), None)
            if place is not None:
                (folders if is_folder(place) else lists).setdefault(split, []).append(place)
    return DataFile(data.names, data.keypoints, folders, lists)


def split_of(listing: DataFrame, data: DataFile, root: str, images: DataFrame) -> DataFrame | None:
    """``image_id`` and ``listed``, the split that the data set file puts an image in; None where it says nothing."""
    if data.lists:
        return first_split(_lines(listing, data.lists, root), images, F.col("path"))
    prefixes = [(os.path.relpath(folder, root), split) for split, folders in data.folders.items() for folder in folders]
    # A folder named for two splits is of the first: files exist whose validation images are those for training.
    inside = [(prefix, split) for prefix, split in dict(reversed(prefixes)).items() if not prefix.startswith("..")]
    if not inside:
        return None
    listed: Column = F.lit(None).cast("string")
    # The longest last, so that it is asked first.
    for prefix, split in sorted(inside, key=lambda each: len(each[0])):
        is_below = F.lit(True) if prefix == "." else F.startswith("path", F.lit(f"{prefix}/"))
        listed = F.when(is_below, F.lit(split)).otherwise(listed)
    return images.select("image_id", listed.alias("listed"))


def _lines(listing: DataFrame, lists: Mapping[str, Sequence[str]], root: str) -> DataFrame:
    """Lines of list files as paths below SOURCE; in a file they are absolute, or relative to SOURCE."""
    lines = list_lines(listing, {path: split for split, paths in lists.items() for path in paths})
    name = F.regexp_replace("name", r"^(\./)+", "")
    inside = F.substring(name, F.lit(len(root) + 2), F.length(name))
    return lines.select(F.when(F.startswith(name, F.lit(f"{root}/")), inside).otherwise(name).alias("name"), "listed")
