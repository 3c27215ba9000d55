"""MAITE data sets: items of an object with ``len`` and indices, written in bounded chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import reduce
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.errors import IngestError
from dataeval_spark.kernels.formats.annotations import finding
from dataeval_spark.kernels.formats.factor_values import factor_values
from dataeval_spark.kernels.formats.maite import png_of, target_rows
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.verbs.ingest.readers.samples import SAMPLES_DDL, source_of
from dataeval_spark.verbs.ingest.readers.source import Source
from dataeval_spark.workspace.workspace import Checkpoint

BYTES_PER_CHUNK = 16 * 2**20
ROWS_PER_CHUNK = 2_000
# Arrays that are encoded side by side; they are the memory that this takes besides a chunk.
IMAGES_AT_ONCE = 32
# Staged chunks that are put together: the plan that reads them stays small.
CHUNKS_TOGETHER = 64


class MapStyle(Protocol):
    """MAITE's Dataset: its ``metadata`` may have ``index2label``."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> tuple[Any, Any, Mapping[str, Any]]: ...


def read_maite(
    spark: SparkSession,
    data: MapStyle,
    *,
    dataset: str,
    checkpoint: Checkpoint,
    split: str | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read a MAITE data set for image classification or object detection.

    It is an object of the driver, so the driver asks for one item after another, encodes their images as PNG and
    stores chunks of 16 MB; its memory holds one chunk, a few arrays and the ids. The id of an image is
    ``<dataset>/<id>`` with the id of its metadata; ``split`` and ``captured_at`` in them are what they say, other
    single values factors. An item that fails or has no id is a finding.

    Parameters
    ----------
    data : MapStyle
        Has ``len`` and indices; an item is (image, target, metadata), see :mod:`dataeval_spark.kernels.formats.maite`.
    dataset, checkpoint, split, timezone
        As in :class:`dataeval_spark.verbs.ingest.readers.source.Reading`.

    Raises
    ------
    IngestError
        No item can be read.
    """
    schema = arrow_schema(SAMPLES_DDL)
    whole: list[DataFrame] = []
    stored: list[DataFrame] = []
    reason = "it has no items"
    has_some = False
    for number, chunk in enumerate(_chunks(_samples(data, dataset))):
        has_some = has_some or any(row["image_id"] for row in chunk)
        reason = next((row["findings"][0]["found"] for row in chunk if row["findings"]), reason)
        frame = spark.createDataFrame(pa.Table.from_pylist(chunk, schema=schema), SAMPLES_DDL)
        stored.append(checkpoint(frame, f"maite_{number}"))
        if len(stored) == CHUNKS_TOGETHER:
            whole.append(checkpoint(reduce(DataFrame.unionByName, stored), f"maite_to_{number}"))
            stored = []
    if not has_some:
        raise IngestError(
            f"No item of the MAITE data set {dataset} can be read: {reason}.\n"
            "Hint: an item is a tuple of an image (C, H, W), a target and a dictionary with an id."
        )
    rows = reduce(DataFrame.unionByName, whole + stored)
    return source_of(rows, split=split, timezone=timezone, unit="items", labels_from="the data set")


def index2label(data: Any) -> dict[int, str] | None:
    """Class names by number, as the data set's metadata have them."""
    names = getattr(data, "metadata", None)
    names = names.get("index2label") if isinstance(names, Mapping) else None
    return {int(number): str(name) for number, name in names.items()} if names else None


def _samples(data: MapStyle, dataset: str) -> Iterator[dict[str, Any]]:
    names = index2label(data)
    ids: set[str] = set()
    with ThreadPoolExecutor(4) as pool:
        for start in range(0, len(data), IMAGES_AT_ONCE):
            positions = range(start, min(start + IMAGES_AT_ONCE, len(data)))
            items = [_item(data, position) for position in positions]
            for position, item, png in zip(positions, items, pool.map(_encoded, items), strict=True):
                yield _sample(position, item, png, dataset, names, ids)


def _item(data: MapStyle, position: int) -> Any:
    try:
        return data[position]
    except Exception as error:  # the data set is the user's own code
        return error


def _encoded(item: Any) -> bytes | Exception:
    if isinstance(item, Exception):
        return item
    try:
        image, _, metadata = item
        if not isinstance(metadata, Mapping) or not isinstance(metadata.get("id"), int | str):
            return ValueError("metadata without an id that is text or a whole number")
        return png_of(image)
    except Exception as error:  # its items are the user's own too
        return error


def _sample(
    position: int, item: Any, png: bytes | Exception, dataset: str, names: Mapping[int, str] | None, ids: set[str]
) -> dict[str, Any]:
    place = f"[{position}]"
    row: dict[str, Any] = {"image_id": None, "content": None, "source_file": dataset, "targets": [], "findings": []}
    counted: dict[str, Any] = {"role": "images", "reason": None, "n": 1, "found": place}
    row["account"] = [counted]
    if isinstance(png, Exception):
        counted |= {"role": "skipped", "reason": "broken"}
        message = f"{type(png).__name__}: {png}"
        row["findings"] = [
            finding(place, "broken_element", "Item cannot be taken", message, "image, target and metadata")
        ]
        return row
    image, target, metadata = item
    name = str(metadata["id"])
    counted["found"] = name
    if name in ids:
        counted |= {"role": "skipped", "reason": "repeated"}
        row["findings"] = [finding(place, "duplicate_image", "Another item has this id", name, "one item per id")]
        return row
    ids.add(name)
    height, width = np.shape(image)[-2:]
    for element in _labels(target, names, (int(width), int(height))):
        row["findings" if element["element"] == "finding" else "targets"].append(
            {**element, "location": f"{place}.{element['location']}"}
        )
    return row | {
        "image_id": f"{dataset}/{name}",
        "content": png,
        "content_length": len(png),
        "split": _text(metadata.get("split")),
        "captured_at": _text(metadata.get("captured_at")),
        "factors": factor_values(metadata, without=("id", "split", "captured_at")),
    }


def _labels(target: Any, names: Mapping[int, str] | None, size: tuple[int, int]) -> list[dict[str, Any]]:
    try:
        return list(target_rows(target, names, size))
    except (TypeError, ValueError) as error:
        return [finding("target", "broken_element", "Target cannot be read", str(error), "scores, or boxes and labels")]


def _chunks(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    chunk: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row["content"] or b"")
        if size >= BYTES_PER_CHUNK or len(chunk) >= ROWS_PER_CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _text(value: Any) -> str | None:
    return value.isoformat() if isinstance(value, datetime) else value if isinstance(value, str) else None
