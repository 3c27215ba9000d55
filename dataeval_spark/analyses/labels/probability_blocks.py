"""Predicted probabilities beside the given labels, in blocks: batches of a file, or one matrix per row of a frame."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import PredictionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.blocks import Checkpoint, ids_from_bytes, ids_to_bytes, in_tasks
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema

SUMS_DDL = "label_counts array<bigint>, confidence array<double>"
BLOCK_DDL = f"ids binary, given binary, probabilities binary, {SUMS_DDL}"
FILE_DDL = f"path string, {SUMS_DDL}"
KEYS = ["image_id", "target_index"]
STORED = arrow_schema("ids binary, given binary, probabilities binary")
# A probability, with what rounding adds.
MOST = 1 + 1e-6
BYTES_PER_BLOCK = 8 * 2**20
BYTES_PER_PART = 128 * 2**20
# About 100 bytes each in the memory of every executor.
BROADCAST_LABELS = 2_000_000

Block = tuple[pa.Table, NDArray[np.int32], NDArray[np.float64]]
Kernel = Callable[[Iterator[Block]], Iterator[pa.RecordBatch]]


@dataclass(frozen=True)
class ProbabilityBlocks:
    """Place of the blocks of one model, and per class its labels and the sum of the probabilities of the given class.

    Ids, given classes and probabilities stand in a file per partition, or where tasks share no folder in the rows of
    ``frame``.
    """

    classes: int
    label_counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    paths: tuple[str, ...]
    frame: DataFrame

    def mapped(self, kernel: Kernel, ddl: str) -> DataFrame:
        """Apply a generator of blocks (ids, given classes, probabilities) to the blocks of each file or partition."""
        classes, paths = self.classes, self.paths
        if not paths:
            columns = self.frame.select(*STORED.names)
            return map_batches(columns, lambda batches: kernel(_read(batches, classes)), ddl)
        return in_tasks(self.frame, len(paths), lambda number: kernel(_read(_batches_of(paths[number]), classes)), ddl)


def probability_blocks(
    predictions: DataFrame,
    targets: DataFrame,
    class_indices: DataFrame,
    classes: int,
    *,
    scratch: str | None = None,
    checkpoint: Checkpoint | None = None,
) -> ProbabilityBlocks:
    """Cut the predictions whose target has a class that the model knows into blocks of about 8 MB.

    Predictions are of one model, with probabilities; ``class_indices`` has ``class_index`` and ``class_name`` of all
    its ``classes``. A job runs at once and stores the blocks: in files of the folder ``scratch``, which the driver and
    all workers can open, or through ``checkpoint``; with neither they are made anew for each pass.

    Raises
    ------
    PredictionError
        A row has another number of probabilities, or one that is none; raised in the task that reads it.
    """
    given_classes = targets.join(F.broadcast(class_indices), on="class_name", how="inner").select(
        *KEYS, F.col("class_index").alias("given")
    )
    labels = given_classes.count()
    predicted = predictions.select(*KEYS, "probabilities")
    if labels <= BROADCAST_LABELS:
        given_classes = F.broadcast(given_classes)
    else:
        # All probabilities are shuffled, in parts that a task can sort in its memory.
        parts = max(2, -(-labels * classes * 8 // BYTES_PER_PART))
        given_classes, predicted = given_classes.repartition(parts, *KEYS), predicted.repartition(parts, *KEYS)
    # A target is one row, and a model predicts it once.
    rows = predicted.join(given_classes, on=KEYS, how="inner").select(*KEYS, "given", "probabilities")
    step = max(1, BYTES_PER_BLOCK // (8 * classes))

    def pieces(batches: Iterator[pa.RecordBatch]) -> Iterator[Block]:
        for batch in batches:
            for start in range(0, batch.num_rows, step):
                yield _block(batch.slice(start, step), classes)

    if scratch is not None:
        files = map_batches(rows, lambda batches: _written(pieces(batches), scratch, classes), FILE_DDL)
        written = bounded(files, "one row per partition")
        # Sorted, so that the sums do not depend on which task ended first.
        confidence = np.sum([np.zeros(classes), *sorted(row["confidence"] for row in written)], axis=0)
        counts = np.sum([np.zeros(classes, np.int64), *(row["label_counts"] for row in written)], axis=0)
        return ProbabilityBlocks(classes, counts, confidence, tuple(row["path"] for row in written), files)
    frame = map_batches(rows, lambda batches: _rows_of_blocks(pieces(batches), classes), BLOCK_DDL)
    frame = frame if checkpoint is None else checkpoint(frame)
    return ProbabilityBlocks(classes, *_sums_of_rows(frame, classes), (), frame)


def _written(blocks: Iterator[Block], folder: str, classes: int) -> Iterator[pa.RecordBatch]:
    """Write the blocks of a partition to a new file and yield its description."""
    os.makedirs(folder, exist_ok=True)
    path = f"{folder}/{uuid4().hex}.arrow"
    counts, confidence = np.zeros(classes, np.int64), np.zeros(classes)
    with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, STORED) as writer:
        for ids, given, matrix in blocks:
            counts += np.bincount(given, minlength=classes)
            confidence += _confidence(given, matrix)
            values = [pa.array([ids_to_bytes(ids)]), pa.array([given.tobytes()]), _one_binary(matrix)]
            writer.write_batch(pa.RecordBatch.from_arrays(values, schema=STORED))
    record = {"path": path, "label_counts": counts.tolist(), "confidence": confidence.tolist()}
    yield pa.RecordBatch.from_pylist([record], schema=arrow_schema(FILE_DDL))


def _batches_of(path: str) -> Iterator[pa.RecordBatch]:
    # Not mapped: pages of a mapped file that were read count as memory of the process until it is closed.
    with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
        yield from reader


def _one_binary(matrix: NDArray[np.float64]) -> pa.Array:
    """The bytes of a matrix as the one value of an array, not copied."""
    ends = pa.py_buffer(np.array([0, matrix.nbytes], np.int32))
    return pa.Array.from_buffers(pa.binary(), 1, [None, ends, pa.py_buffer(matrix)])


def _rows_of_blocks(blocks: Iterator[Block], classes: int) -> Iterator[pa.RecordBatch]:
    for ids, given, matrix in blocks:
        columns = [pa.array([ids_to_bytes(ids)]), pa.array([given.tobytes()]), _one_binary(matrix)]
        columns.append(pa.array([np.bincount(given, minlength=classes)]))
        columns.append(pa.array([_confidence(given, matrix)]))
        yield pa.RecordBatch.from_arrays(columns, schema=arrow_schema(BLOCK_DDL))


def _confidence(given: NDArray[np.int32], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of the probabilities of the given class, for each class."""
    own = matrix[np.arange(len(given)), given]
    return np.bincount(given, weights=own, minlength=matrix.shape[1]).astype(np.float64)


def _block(batch: pa.RecordBatch, classes: int) -> Block:
    table = pa.Table.from_batches([batch])
    lists = table["probabilities"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    matrix = lists.flatten().to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != classes)
    if not len(wrong):
        matrix = np.ascontiguousarray(matrix, np.float64).reshape(-1, classes)
        # Both are NaN where a value is.
        is_right = matrix.min(initial=0.0) >= 0 and matrix.max(initial=0.0) <= MOST
        wrong = wrong if is_right else np.flatnonzero(~((matrix >= 0) & (matrix <= MOST)).all(axis=1))
    if len(wrong):
        row = table.slice(int(wrong[0]), 1).to_pylist()[0]
        raise PredictionError.of_row(row["image_id"], row["target_index"], int(lengths[wrong[0]]), classes)
    return table.select(KEYS), table["given"].to_numpy().astype(np.int32), matrix


def _read(batches: Iterator[pa.RecordBatch], classes: int) -> Iterator[Block]:
    """Ids, given classes and probabilities of each block."""
    for batch in batches:
        for ids, given, probabilities in zip(*batch.columns, strict=True):  # one row per block
            matrix = np.frombuffer(probabilities.as_buffer(), np.float64).reshape(-1, classes)
            yield ids_from_bytes(ids.as_py()), np.frombuffer(given.as_buffer(), np.int32), matrix


def _sums_of_rows(frame: DataFrame, classes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels of each class, and the sum of the probabilities of the given class, of all blocks."""
    pairs = frame.select(F.posexplode(F.arrays_zip("label_counts", "confidence")).alias("class_index", "of"))
    sums = pairs.groupBy("class_index").agg(
        F.sum("of.label_counts").alias("labels"), F.sum("of.confidence").alias("confidence")
    )
    counts, confidence = np.zeros(classes, np.int64), np.zeros(classes)
    for row in bounded(sums, "one row per class"):
        counts[row["class_index"]], confidence[row["class_index"]] = row["labels"], row["confidence"]
    return counts, confidence
