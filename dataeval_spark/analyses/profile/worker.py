"""Work of a task on its share of the images: measure them, in this process or in its children, and embed in batches.

Without an engine: what the engine knows about the task is given to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from dataeval_spark.analyses.profile.measuring import (
    STAGED_SCHEMA,
    Gathered,
    Item,
    Measured,
    Measuring,
    Row,
    is_fetched,
    lost_image,
    measured_in_child,
    read_content,
)
from dataeval_spark.analyses.profile.options import limits_of
from dataeval_spark.kernels.encoders import overlap
from dataeval_spark.kernels.encoders.batching import portable_prepare
from dataeval_spark.kernels.encoders.streaming import computes_beside, shared_encoder, with_vectors
from dataeval_spark.kernels.images.decoding.children import children, lists_of
from dataeval_spark.kernels.images.decoding.limits import watchdog
from dataeval_spark.kernels.images.profile import Measures
from dataeval_spark.kernels.storage.prefetch import read_ahead
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.arrow import ROWS_PER_BATCH

_EMBEDDING = STAGED_SCHEMA.get_field_index("embedding")


@dataclass(frozen=True)
class Task:
    """Facts about a task that its engine knows.

    Attributes
    ----------
    may_end : bool
        Whether images are measured in this process, which is the task's own and may end: it is then tried again.
    children : int
        Number of children that measure the images of this process otherwise: one for each core that it has. A model
        on the CPU gets as many threads, for the tasks of a process take turns with it.
    gpu_addresses : sequence of str, optional
        GPUs that the engine assigned to the task.
    partition : int
        Number of the task's partition.
    """

    may_end: bool
    children: int
    gpu_addresses: Sequence[str] | None = None
    partition: int = 0


def measure_rows(
    rows: Iterator[Row], task: Task, *, options: ProfileOptions, measures: Measures, encoder_version: str
) -> Iterator[pa.RecordBatch]:
    """Measure the images of a partition, in their order.

    Parameters
    ----------
    rows : iterator of dict
        ``image_id``, ``uri``, ``content``, ``content_length``, ``file_hash``, ``boxes``, ``fingerprint``.
    task : Task
        Facts about the task.
    options, measures : ProfileOptions, Measures
        Options of the profile, and the arguments of the kernel.
    encoder_version : str
        Version of the driver's encoder; a worker with another model is an error.

    Yields
    ------
    RecordBatch
        Columns of ``measuring.STAGED_DDL``.
    """
    encoder, measuring = None, Measuring(measures, limits_of(options), options.per_target)
    if options.encoder is not None:
        encoder = shared_encoder(
            options.encoder,
            encoder_version,
            device=options.device,
            gpu_addresses=task.gpu_addresses,
            partition=task.partition,
            half_precision=options.half_precision,
            batch_size=options.batch_size,
            threads=task.children,
        )
        mark = encoder_mark(encoder.name, encoder.version)
        measuring = replace(measuring, prepare=portable_prepare(encoder), encoder_mark=mark)
    if task.may_end:
        measured = _in_own_process(rows, measuring, task.children)
    else:
        measured = _in_children(_lists(rows), measuring, task.children)
    if encoder is None:
        yield from _joined(images.batch for images in measured)
        return
    # Beside a device that computes by itself, the next images are decoded; on the CPU both would share one core.
    measured = overlap(measured) if computes_beside(encoder) else measured
    yield from _joined(
        _embedded(images.batch, [row for row, _ in images.prepared], vectors)
        for images, vectors in with_vectors(measured, Measured.arrays, encoder)
    )


def _in_own_process(rows: Iterator[Row], measuring: Measuring, number: int) -> Iterator[Measured]:
    """Measure in this process, which ends by SIGALRM where an image takes too long; very large images in a child."""
    measuring.warm_up()
    own = measuring.in_own_process()
    gathered = Gathered()
    for row, data in read_ahead(rows, read_content, is_slow=is_fetched, size=lambda row: row["content_length"]):
        of_image, inputs = own.image(row, data, watchdog(measuring.limits.seconds))
        is_too_large = (of_image[0].get("error") or {}).get("error_class") == "TooManyPixels"
        if is_too_large and own.measures.max_pixels < measuring.measures.max_pixels:
            yield gathered.take()
            yield from _in_children([[(row, data)]], measuring, number)
            continue
        gathered.add(of_image, inputs)
        if gathered.is_full:
            yield gathered.take()
    yield gathered.take()


def _in_children(lists: Iterable[Sequence[Item]], measuring: Measuring, number: int) -> Iterator[Measured]:
    """Measure in children, which read the files that need no network themselves."""
    results = children(number).results(measuring, lists, lost=lost_image, limits=measuring.limits)
    return map(measured_in_child, results)


def _lists(rows: Iterator[Row]) -> Iterator[list[Item]]:
    read = read_ahead(rows, _fetch, is_slow=is_fetched, size=lambda row: row["content_length"])
    return lists_of(((row, data if is_fetched(row) else None) for row, data in read), _size_of)


def _fetch(row: Row) -> bytes:
    return read_content(row) if is_fetched(row) else b""


def _size_of(item: Item) -> int:
    row, data = item
    return len(data) if isinstance(data, bytes) else row["content_length"] or len(row["content"] or b"")


def encoder_mark(name: str, version: str) -> str:
    """Beginning of the message for an image that this encoder cannot take; another encoder, or version, may."""
    return f"{name}@{version}: "


def _embedded(batch: pa.RecordBatch, rows: list[int], vectors: np.ndarray[Any, Any]) -> pa.RecordBatch:
    """The batch with a vector in each of the rows, which ascend; the others have none."""
    has_vector = np.zeros(batch.num_rows, dtype=bool)
    has_vector[rows] = True
    lengths = np.where(has_vector, vectors.shape[1], 0)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    # The last offset is no row's.
    masked = pa.array(offsets, mask=np.append(~has_vector, False))
    column = pa.ListArray.from_arrays(masked, pa.array(vectors.ravel()), type=STAGED_SCHEMA.field(_EMBEDDING).type)
    return batch.set_column(_EMBEDDING, STAGED_SCHEMA.field(_EMBEDDING), column)


def _joined(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of about 256 rows from smaller ones."""
    waiting: list[pa.RecordBatch] = []
    for batch in batches:
        waiting.append(batch)
        if sum(each.num_rows for each in waiting) >= ROWS_PER_BATCH:
            yield pa.concat_batches(waiting)
            waiting = []
    if waiting:
        yield pa.concat_batches(waiting)
