"""Measuring images: from a row with the place of a file to the staged rows of the profile. Without Spark.

Tasks do this in their own process, or in the children of it, which import this module.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from dataeval_spark.kernels.encoders.batching import PREPARED_BYTES
from dataeval_spark.kernels.images.decoding.children import IMAGES_PER_LIST
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.limits import BYTES_PER_PIXEL, Limits, limited, taken
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.kernels.images.profile import Measures, TargetProfile, profile_image
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.uris import is_remote
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.profile import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    HASHES,
    IMAGE_STATS,
    UNREADABLE_IMAGES,
)

Row = Mapping[str, Any]
Packed = tuple[bytes, list[tuple[int, NDArray[Any]]]]
"""A `Measured` on its way from a child: the batch as Arrow's bytes, and the inputs."""
KEYS = ("image_id", "target_index", "fingerprint", "run_id")
Item = tuple[Row, bytes | Exception | None]
"""A row, and its file where that was read already, or why it could not be."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SMALL_IMAGE = b"P6 16 16 255 " + bytes(range(256)) * 3


def _struct(table: Table) -> str:
    # Times are staged as microseconds since 1970: what Arrow makes of a timestamp depends on the session.
    types = {c.name: "bigint" if c.type == "timestamp" else c.type for c in table.columns if c.name not in KEYS}
    return f"struct<{', '.join(f'{name}: {type_}' for name, type_ in types.items())}>"


STAGED_DDL = (
    f"image_id string, target_index int, fingerprint string, stats {_struct(IMAGE_STATS)}, "
    f"channels array<{_struct(CHANNEL_STATS)}>, groups array<{_struct(CHANNEL_GROUP_STATS)}>, "
    f"background {_struct(BACKGROUND_STATS)}, custom map<string, double>, custom_errors map<string, string>, "
    f"hashes {_struct(HASHES)}, embedding array<float>, error {_struct(UNREADABLE_IMAGES)}"
)
STAGED_SCHEMA = arrow_schema(STAGED_DDL)


@dataclass
class Measured:
    """Rows of some images, and for some of the rows the inputs of the encoder.

    Attributes
    ----------
    batch : RecordBatch
        Columns of `STAGED_DDL`; ``embedding`` is null.
    prepared : list of (int, ndarray)
        Index of a row, and the input.
    """

    batch: pa.RecordBatch
    prepared: list[tuple[int, NDArray[Any]]]

    def arrays(self) -> list[NDArray[Any]]:
        return [array for _, array in self.prepared]

    def packed(self) -> Packed:
        """The same for another process, which calls `measured_in_child`."""
        return self.batch.serialize().to_pybytes(), self.prepared


class Gathered:
    """Rows and inputs of the encoder, image by image, until they are worth a batch."""

    def __init__(self) -> None:
        self.images = 0
        self._rows: list[dict[str, Any]] = []
        self._prepared: list[tuple[int, NDArray[Any]]] = []
        self._volume = 0

    def add(self, rows: list[dict[str, Any]], inputs: list[tuple[int, NDArray[Any]]]) -> None:
        """Add what `Measuring.image` returned."""
        self.images += 1
        self._prepared += [(len(self._rows) + index, array) for index, array in inputs]
        self._rows += rows
        self._volume += sum(array.nbytes for _, array in inputs)

    @property
    def is_full(self) -> bool:
        return self.images >= IMAGES_PER_LIST or self._volume >= PREPARED_BYTES

    def take(self) -> Measured:
        """What was gathered; nothing is left."""
        taken = Measured(_staged(self._rows), self._prepared)
        self._rows, self._prepared = [], []
        self.images = self._volume = 0
        return taken


@dataclass(frozen=True)
class Measuring:
    """How images are measured: plain values, and a function, which can be pickled.

    Attributes
    ----------
    measures : Measures
        Arguments of the kernel.
    limits : Limits
        Limits of each image.
    per_target : bool
        Whether boxes have rows of their own.
    prepare : callable or None
        Function from pixels and value range to the input of the encoder.
    encoder_mark : str
        Beginning of the message for an image that the encoder cannot take.
    """

    measures: Measures
    limits: Limits
    per_target: bool = False
    prepare: Callable[..., NDArray[Any]] | None = None
    encoder_mark: str = ""

    def warm_up(self) -> None:
        """Load and compile, in the first call of a process: no image is to be blamed for it."""
        _warm_up()

    def image(
        self, row: Row, data: bytes | Exception, limits: AbstractContextManager[None]
    ) -> tuple[list[dict[str, Any]], list[tuple[int, NDArray[Any]]]]:
        """Measure one image.

        Parameters
        ----------
        row : dict
            ``image_id``, ``content_length``, ``boxes`` and ``fingerprint``.
        data : bytes or Exception
            The file, or why it cannot be read.
        limits : context manager
            Block of the kernel.

        Returns
        -------
        tuple
            Rows of `STAGED_DDL`, of the image first, and inputs of the encoder by row.
        """
        boxes = row["boxes"] or []
        corners = [tuple(b["box"][k] for k in ("x0", "y0", "x1", "y1")) for b in boxes]
        try:
            if isinstance(data, Exception):
                raise data
            with limits:
                image = profile_image(data, corners, self.measures)
        except UnreadableImage as error:
            return [unreadable(row, error)], []
        targets = [(None, image.image)]
        if self.per_target:
            targets += [(box["target_index"], target) for box, target in zip(boxes, image.boxes, strict=True)]
        rows = [_row(row, index, target) for index, target in targets]
        rows[0]["background"] = image.background
        prepared, failure = self._prepared([target for _, target in targets])
        if failure is not None:
            named = UnreadableImage("encode", type(failure).__name__, f"{self.encoder_mark}{failure}")
            rows[0] |= {"error": unreadable(row, named)["error"]}
        return rows, prepared

    def _prepared(self, targets: list[TargetProfile]) -> tuple[list[tuple[int, NDArray[Any]]], Exception | None]:
        """Inputs of the encoder, and the last error: images and boxes that cannot be prepared have no vector."""
        prepared: list[tuple[int, NDArray[Any]]] = []
        failed = None
        for position, target in enumerate(targets):
            if self.prepare is not None and target.pixels is not None:
                try:
                    prepared.append((position, self.prepare(target.pixels, target.encoded)))
                except Exception as error:
                    failed = error
        return prepared, failed

    def __call__(self, items: Sequence[Item]) -> tuple[int, Packed]:
        """Work of a child: measure images, whose files it reads where they are not given.

        Returns
        -------
        tuple
            Number of images that were measured, from the first, and what `measured_in_child` takes.
        """
        self.warm_up()
        gathered = Gathered()
        for row, given in taken(items):
            gathered.add(*self.image(row, content_of(row) if given is None else given, limited(self.limits)))
            if gathered.is_full:
                break
        return gathered.images, gathered.take().packed()

    def in_own_process(self) -> Measuring:
        """The same, refusing images so large that the memory of a process that is not limited would not do."""
        most = min(self.measures.max_pixels, self.limits.memory // BYTES_PER_PIXEL)
        return replace(self, measures=replace(self.measures, max_pixels=most))


def is_fetched(row: Row) -> bool:
    """Whether a file lies behind a network, so that it is worth reading ahead."""
    return row["content"] is None and row["uri"] is not None and is_remote(row["uri"])


def content_of(row: Row) -> bytes | Exception:
    """Bytes of an image, from its row or its file; or the UnreadableImage that says why there are none."""
    try:
        return read_content(row)
    except UnreadableImage as error:
        return error


def read_content(row: Row) -> bytes:
    """Bytes of an image, from its row or its file.

    Raises
    ------
    UnreadableImage
        The file cannot be read, or is another one than was ingested.
    """
    if row["content"] is not None:
        return bytes(row["content"])
    if row["uri"] is None:
        raise UnreadableImage("read", "ValueError", "table images has neither its bytes nor its path")
    try:
        data = read_file(row["uri"])
    except OSError as error:
        raise UnreadableImage("read", type(error).__name__, error.strerror or str(error)) from error
    if row["file_hash"] is not None and file_hash(data) != row["file_hash"]:
        raise UnreadableImage("read", "FileChangedError", "the file has changed since it was ingested: ingest again")
    return data


def _staged(rows: Sequence[Row]) -> pa.RecordBatch:
    """Rows as a batch of `STAGED_DDL`."""
    return pa.RecordBatch.from_pylist(rows, schema=STAGED_SCHEMA)


def measured_in_child(result: Packed) -> Measured:
    """What a child has measured."""
    batch, prepared = result
    return Measured(pa.ipc.read_record_batch(batch, STAGED_SCHEMA), prepared)


def lost_image(item: Item, error: UnreadableImage) -> Packed:
    """Result for an image of which a child has died."""
    return Measured(_staged([unreadable(item[0], error)]), []).packed()


def _row(source: Row, target_index: int | None, target: TargetProfile) -> dict[str, Any]:
    captured_at = target.stats["captured_at"]
    microseconds = None if captured_at is None else (captured_at - _EPOCH) // timedelta(microseconds=1)
    return {
        "image_id": source["image_id"],
        "target_index": target_index,
        "fingerprint": source["fingerprint"],
        "stats": target.stats | {"captured_at": microseconds},
        "channels": target.channels,
        "groups": target.groups,
        "custom": list(target.custom.items()),
        "custom_errors": list(target.custom_errors.items()),
        "hashes": target.hashes,
    }


def unreadable(source: Row, error: UnreadableImage) -> dict[str, Any]:
    """Row of an image that cannot be read."""
    return {
        "image_id": source["image_id"],
        "fingerprint": source["fingerprint"],
        "error": {
            "stage": error.stage,
            "error_class": error.error_class,
            "message": error.message,
            "content_length": source["content_length"],
        },
    }


@lru_cache(maxsize=1)
def _warm_up() -> None:
    profile_image(_SMALL_IMAGE)
