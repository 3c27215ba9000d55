"""Parquet files in the form of Hugging Face datasets: images as structs, classes by number, objects as lists."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.objects import BOX_NAMES, CLASS_NAMES, parse_objects
from dataeval_spark.options import BoxFormat
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE

# A struct of these, in any order.
IMAGE_FIELDS = {"bytes:binary", "path:string"}
OBJECT_COLUMNS = ("objects", "annotations")
ELEMENT_DDL = (
    f"image_id string, element string, target_index int, class_name string, box {BOX_TYPE}, is_crowd boolean, "
    "attributes string, location string, kind string, message string, found string, expected string"
)


@dataclass(frozen=True)
class Features:
    """Class names by number, of columns and of the fields of objects, as the file's metadata give them.

    ``images`` are the columns that the metadata say hold images.
    """

    columns: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    fields: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    images: tuple[str, ...] = ()


def read_features(source: str) -> Features:
    """The ``huggingface`` entry of the first parquet file's metadata; empty without one, or without a local file."""
    path = _first_file(source)
    if path is None:
        return Features()
    try:
        metadata = pq.read_schema(path).metadata or {}
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
    except (OSError, ValueError, KeyError, TypeError):
        return Features()
    if not isinstance(features, dict):
        return Features()
    columns = {name: names for name, feature in features.items() if (names := _names(feature))}
    inner = next((features[name] for name in OBJECT_COLUMNS if name in features), None)
    images = tuple(name for name, f in features.items() if isinstance(f, Mapping) and f.get("_type") == "Image")
    return Features(columns, {name: names for name, part in _parts(inner).items() if (names := _names(part))}, images)


def object_rows(
    rows: DataFrame, column: str, features: Features, *, box_format: BoxFormat, has_size: bool
) -> DataFrame:
    """Targets and findings of the column with objects, in columns of `ELEMENT_DDL`.

    Parameters
    ----------
    rows : DataFrame
        ``image_id``, the column, and where ``has_size`` the columns ``width`` and ``height``.
    column : str
        Objects as lists or as a list.
    features : Features
        Names of the classes.
    box_format : {"xywh", "xyxy"}
        See :func:`dataeval_spark.kernels.formats.objects.parse_objects`.
    """
    names = next((features.fields[name] for name in CLASS_NAMES if name in features.fields), None)

    def parse(records: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in records:
            size = (row["width"], row["height"]) if row["width"] and row["height"] else None
            for element in parse_objects(
                row["objects"], names=names, box_format=box_format, size=size, location=column
            ):
                yield {**element, "image_id": row["image_id"]}

    size = [(F.col(name) if has_size else F.lit(None)).cast("double").alias(name) for name in ("width", "height")]
    return map_rows(rows.select("image_id", F.col(identifier(column)).alias("objects"), *size), parse, ELEMENT_DDL)


def is_image_struct(type: str) -> bool:
    """Whether a column's type is that of images with bytes and path.

    Examples
    --------
    >>> is_image_struct("struct<path:string,bytes:binary>")
    True
    """
    return type.startswith("struct<") and set(type[7:-1].split(",")) == IMAGE_FIELDS


def has_boxes(type: str) -> bool:
    """Whether a column's type is that of objects with boxes."""
    return any(f"{name}:array<" in type for name in BOX_NAMES)


def _first_file(source: str) -> str | None:
    if os.path.isfile(source):
        return source
    if not os.path.isdir(source):
        return None
    for folder, folders, files in os.walk(source):
        folders.sort()
        names = sorted(name for name in files if name.endswith(".parquet") and not name.startswith(("_", ".")))
        if names:
            return os.path.join(folder, names[0])
    return None


def _parts(feature: Any) -> Mapping[str, Any]:
    """Fields of objects: a dictionary of lists, a list of dictionaries, or a sequence with a ``feature``."""
    if isinstance(feature, list):
        feature = feature[0] if feature else None
    if isinstance(feature, Mapping) and isinstance(feature.get("feature"), Mapping | list):
        return _parts(feature["feature"])
    return feature if isinstance(feature, Mapping) else {}


def _names(feature: Any) -> dict[int, str]:
    while isinstance(feature, Mapping) and isinstance(feature.get("feature"), Mapping):
        feature = feature["feature"]
    names = feature.get("names") if isinstance(feature, Mapping) else None
    return dict(enumerate(map(str, names))) if isinstance(names, list) else {}
