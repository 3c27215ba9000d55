"""Predicted probabilities beside the given labels, in blocks: one matrix per row of a frame."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import PredictionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.blocks import ids_from_bytes, ids_to_bytes
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema

BLOCK_DDL = "ids binary, given binary, probabilities binary, label_counts array<bigint>, confidence array<double>"
BLOCK_SCHEMA = arrow_schema(BLOCK_DDL)
KEYS = ["image_id", "target_index"]
BYTES_PER_BLOCK = 8 * 2**20
BYTES_PER_PART = 128 * 2**20
# About 100 bytes each in the memory of every executor.
BROADCAST_LABELS = 2_000_000

Block = tuple[pa.Table, NDArray[np.int32], NDArray[np.float64]]


def probability_blocks(predictions: DataFrame, targets: DataFrame, class_indices: DataFrame, classes: int) -> DataFrame:
    """Cut the predictions whose target has a class that the model knows into blocks of about 8 MB.

    Predictions are of one model, with probabilities; ``class_indices`` has ``class_index`` and ``class_name`` of all
    its ``classes``. The result is ``BLOCK_DDL``: ids, given class (int32), probabilities (float64, row by row), and per
    class the number of labels and the sum of the probabilities of the given class. Store it: it is read four times.

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
    rows = predicted.join(given_classes, on=KEYS, how="inner")
    step = max(1, BYTES_PER_BLOCK // (8 * classes))

    def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for start in range(0, batch.num_rows, step):
                yield _block(batch.slice(start, step), classes)

    return map_batches(rows.select(*KEYS, "given", "probabilities"), cut, BLOCK_DDL)


def _block(batch: pa.RecordBatch, classes: int) -> pa.RecordBatch:
    table = pa.Table.from_batches([batch])
    lists = table["probabilities"].combine_chunks()
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    matrix = lists.flatten().to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero(lengths != classes)
    if not len(wrong):
        matrix = np.ascontiguousarray(matrix, np.float64).reshape(-1, classes)
        wrong = np.flatnonzero(~((matrix >= 0) & (matrix <= 1 + 1e-6)).all(axis=1))
    if len(wrong):
        row = table.slice(int(wrong[0]), 1).to_pylist()[0]
        raise PredictionError.of_row(row["image_id"], row["target_index"], int(lengths[wrong[0]]), classes)
    labels = table["given"].to_numpy().astype(np.int32)
    own = matrix[np.arange(len(labels)), labels]
    record = {
        "ids": ids_to_bytes(table.select(KEYS)),
        "given": labels.tobytes(),
        "probabilities": matrix.tobytes(),
        "label_counts": np.bincount(labels, minlength=classes).tolist(),
        "confidence": np.bincount(labels, own, classes).tolist(),
    }
    return pa.RecordBatch.from_pylist([record], schema=BLOCK_SCHEMA)


def read_blocks(batches: Iterator[pa.RecordBatch], classes: int) -> Iterator[Block]:
    """Ids, given classes and probabilities of each block; without a column ``ids`` an empty table stands for them."""
    for batch in batches:
        for number in range(batch.num_rows):
            row = batch.slice(number, 1)
            labels = np.frombuffer(row.column("given")[0].as_py(), np.int32)
            matrix = np.frombuffer(row.column("probabilities")[0].as_buffer(), np.float64).reshape(-1, classes)
            has_ids = "ids" in batch.schema.names
            yield ids_from_bytes(row.column("ids")[0].as_py()) if has_ids else pa.table({}), labels, matrix


def label_sums(blocks: DataFrame, classes: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Labels of each class, and the sum of the probabilities of the given class: one row per class on the driver."""
    pairs = blocks.select(F.posexplode(F.arrays_zip("label_counts", "confidence")).alias("class_index", "of"))
    sums = pairs.groupBy("class_index").agg(
        F.sum("of.label_counts").alias("labels"), F.sum("of.confidence").alias("confidence")
    )
    counts, confidence = np.zeros(classes, np.int64), np.zeros(classes)
    for row in bounded(sums, "one row per class"):
        counts[row["class_index"]], confidence[row["class_index"]] = row["labels"], row["confidence"]
    return counts, confidence
