"""Work of a Python worker on its share of the images: read, decode, measure, and embed in batches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from numpy.typing import NDArray
from pyspark import TaskContext

from dataeval_spark.analyses.profile.options import limits_of
from dataeval_spark.frames.task_devices import encoder_of_task
from dataeval_spark.kernels.encoders import Encoder, overlap
from dataeval_spark.kernels.encoders.batching import prepared_batches
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated import Profiler, task_profiler
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.kernels.images.profile import Measures, TargetProfile
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.prefetch import read_ahead
from dataeval_spark.kernels.storage.uris import is_remote
from dataeval_spark.options import ProfileOptions

Row = Mapping[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Measured:
    """Rows of one image, and for some of them the inputs of the encoder."""

    rows: list[dict[str, Any]]
    prepared: list[tuple[int, NDArray[Any]]]

    def arrays(self) -> list[NDArray[Any]]:
        return [array for _, array in self.prepared]


def measure_rows(
    rows: Iterator[Row], *, options: ProfileOptions, measures: Measures, encoder_version: str
) -> Iterable[Row]:
    """Measure the images of a partition, in their order.

    Parameters
    ----------
    rows : iterator of dict
        ``image_id``, ``uri``, ``content``, ``content_length``, ``file_hash``, ``boxes``, ``fingerprint``.
    options, measures : ProfileOptions, Measures
        Options of the profile, and the arguments of the kernel.
    encoder_version : str
        Version of the driver's encoder; a worker with another model is an error.

    Yields
    ------
    dict
        Columns of ``profile.STAGED_DDL``.
    """
    encoder = None
    if options.encoder is not None:
        encoder = encoder_of_task(
            options.encoder,
            encoder_version,
            device=options.device,
            half_precision=options.half_precision,
            batch_size=options.batch_size,
        )
    task = TaskContext.get()
    profiler = task_profiler(task.attemptNumber() if task is not None else 0, limits_of(options))
    read = read_ahead(rows, _bytes_of, is_slow=_is_slow, size=lambda row: row["content_length"])
    measured = (_measured(row, data, options, measures, encoder, profiler) for row, data in read)
    if encoder is None:
        for image in measured:
            yield from image.rows
        return
    batches = prepared_batches(measured, Measured.arrays, encoder.batch_size)
    # Beside a device that computes by itself, the next images are decoded; on the CPU both would share one core.
    is_elsewhere = getattr(encoder, "device", "cpu") != "cpu"
    for batch in overlap(batches) if is_elsewhere else batches:
        yield from _embedded(batch, encoder)


def _measured(
    row: Row,
    data: bytes | Exception,
    options: ProfileOptions,
    measures: Measures,
    encoder: Encoder | None,
    profiler: Profiler,
) -> Measured:
    boxes = row["boxes"] or []
    corners = [tuple(b["box"][k] for k in ("x0", "y0", "x1", "y1")) for b in boxes]
    try:
        if isinstance(data, Exception):
            raise data
        image = profiler(data, corners, measures)
        targets = [(None, image.image)]
        if options.per_target:
            targets += [(box["target_index"], target) for box, target in zip(boxes, image.boxes, strict=True)]
    except UnreadableImage as error:
        return Measured([_unreadable(row, error)], [])
    rows = [_row(row, index, target) for index, target in targets]
    rows[0]["background"] = image.background
    prepared, failure = ([], None) if encoder is None else _prepared(encoder, [target for _, target in targets])
    if encoder is not None and failure is not None:
        message = f"{encoder_mark(encoder.name, encoder.version)}{failure}"
        named = UnreadableImage("encode", type(failure).__name__, message)
        rows[0] |= {"error": _unreadable(row, named)["error"]}
    return Measured(rows, prepared)


def encoder_mark(name: str, version: str) -> str:
    """Beginning of the message for an image that this encoder cannot take; another encoder, or version, may."""
    return f"{name}@{version}: "


def _prepared(
    encoder: Encoder, targets: list[TargetProfile]
) -> tuple[list[tuple[int, NDArray[Any]]], Exception | None]:
    """Inputs of the encoder, and the last error: images and boxes that cannot be prepared have no vector."""
    prepared: list[tuple[int, NDArray[Any]]] = []
    failed = None
    for position, target in enumerate(targets):
        if target.pixels is not None:
            try:
                prepared.append((position, encoder.prepare(target.pixels, target.encoded)))
            except Exception as error:
                failed = error
    return prepared, failed


def _embedded(batch: list[Measured], encoder: Encoder) -> Iterator[Row]:
    prepared = [array for image in batch for array in image.arrays()]
    vectors = iter(encoder.embed(prepared)) if prepared else iter(())
    for image in batch:
        for position, _ in image.prepared:
            image.rows[position]["embedding"] = next(vectors)
        yield from image.rows


def _is_slow(row: Row) -> bool:
    return row["content"] is None and row["uri"] is not None and is_remote(row["uri"])


def _bytes_of(row: Row) -> bytes:
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


def _unreadable(source: Row, error: UnreadableImage) -> dict[str, Any]:
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
