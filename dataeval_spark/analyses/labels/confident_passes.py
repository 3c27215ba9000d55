"""The passes of confident learning over blocks of probabilities: counts, candidates, and the ranks that decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.probability_blocks import read_blocks
from dataeval_spark.kernels.labels.confident_counting import BY_CLASS, BY_RATE, MISPREDICTED, count_rows
from dataeval_spark.kernels.labels.confident_learning import Selection
from dataeval_spark.kernels.labels.confident_rows import STAGED_DDL, doubtful_rows
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_ERRORS

KEYS = ("image_id", "target_index")
COUNTS_DDL = "given int, joint binary, histogram binary"


def counted(blocks: DataFrame, lowered: NDArray[np.float64], half: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Confident classes of each given class (C, C), and the bins of each cell (C, C, bins), in one pass."""
    classes = len(lowered)

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        joint = np.zeros((classes, classes), np.int64)
        histogram = np.zeros((classes, classes, 2 * half), np.int32)
        for _, given, matrix in read_blocks(batches, classes):
            count_rows(matrix, given, lowered, joint, histogram)
        for k in np.flatnonzero(histogram.any(axis=(1, 2))).tolist():
            yield _count_row(k, joint[k], histogram[k])

    def add(rows: pa.Table) -> pa.Table:
        joints = [np.frombuffer(value.as_buffer(), np.int64) for value in rows["joint"]]
        histograms = [np.frombuffer(value.as_buffer(), np.int32) for value in rows["histogram"]]
        given = rows["given"][0].as_py()
        return pa.Table.from_batches([_count_row(given, sum(joints), np.sum(histograms, axis=0, dtype=np.int64))])

    # One row per class and task is shuffled, and one per class comes to the driver: 8 million counts at most.
    parts = blocks.select("given", "probabilities").mapInArrow(count, COUNTS_DDL)
    joint = np.zeros((classes, classes), np.int64)
    histogram = np.zeros((classes, classes, 2 * half), np.int64)
    for row in bounded(parts.groupBy("given").applyInArrow(add, COUNTS_DDL), "one row per class"):
        joint[row["given"]] = np.frombuffer(row["joint"], np.int64)
        histogram[row["given"]] = np.frombuffer(row["histogram"], np.int64).reshape(classes, -1)
    return joint, histogram


def _count_row(given: int, joint: Any, histogram: Any) -> pa.RecordBatch:
    row = {"given": given, "joint": joint.tobytes(), "histogram": histogram.tobytes()}
    return pa.RecordBatch.from_pylist([row], schema=arrow_schema(COUNTS_DDL))


def candidates(blocks: DataFrame, lowered: NDArray[np.float64], half: int, chosen: Selection, wanted: int) -> DataFrame:
    """Rows that have all flags wanted, or may get them: `STAGED_DDL`, in a second pass."""
    classes = len(lowered)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for ids, given, matrix in read_blocks(batches, classes):
            yield from doubtful_rows(ids, given, matrix, lowered, half, chosen, wanted)

    return blocks.select("ids", "given", "probabilities").mapInArrow(run, STAGED_DDL)


def self_confidence(blocks: DataFrame, model: str, names: Sequence[str]) -> DataFrame:
    """Every row with the probability of its class, and the most probable class where that is another one."""
    classes, vocabulary = len(names), pa.array(names, pa.string())

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for ids, given, matrix in read_blocks(batches, classes):
            rows = np.arange(len(given))
            own, best = matrix[rows, given], matrix.argmax(axis=1)
            columns = {
                "image_id": ids["image_id"].cast(pa.string()),
                "target_index": ids["target_index"].cast(pa.int32()),
                "class_name": vocabulary.take(pa.array(given)),
                "suggested_class": vocabulary.take(pa.array(best, mask=matrix[rows, best] <= own)),
                "score": pa.array(own),
            }
            yield from pa.table(columns).combine_chunks().to_batches()

    ddl = LABEL_ERRORS.ddl_of("image_id", "target_index", "class_name", "suggested_class", "score")
    return blocks.select("ids", "given", "probabilities").mapInArrow(run, ddl).select(F.lit(model).alias("source"), "*")


def selected(staged: DataFrame, wanted: int, model: str, names: Sequence[str]) -> DataFrame:
    """Rows that are certain, and the contested ones of the best ranks."""
    cell = Window.partitionBy("given", "class_index").orderBy(F.desc("value"), *KEYS)
    entries = staged.select(*KEYS, "given", F.inline("contested")).withColumn("place", F.row_number().over(cell))
    won = entries.where("place <= slots").groupBy(*KEYS)
    bits = won.agg(
        F.max(F.when(F.col("class_index") == F.col("given"), BY_CLASS).otherwise(0)).alias("by_class"),
        F.max(F.when(F.col("class_index") != F.col("given"), BY_RATE).otherwise(0)).alias("by_rate"),
    )
    # Both sides have a row once: ids are unique in the blocks.
    joined = staged.where(F.col("flags").bitwiseAND(MISPREDICTED) != 0).join(bits, on=list(KEYS), how="left")
    flags = (
        F.col("flags")
        .bitwiseOR(F.coalesce("by_class", F.lit(0)))
        .bitwiseOR(F.coalesce("by_rate", F.lit(0)))
        .bitwiseAND(wanted)
    )
    name_of = F.array(*(F.lit(name) for name in names))
    return joined.where(flags == wanted).select(
        F.lit(model).alias("source"),
        *KEYS,
        F.get(name_of, "given").alias("class_name"),
        F.get(name_of, "suggested").alias("suggested_class"),
        "score",
    )
