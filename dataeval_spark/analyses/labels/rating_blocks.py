"""Kinds of ratings: things with equal answers counted together, in blocks for the kernels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from dataeval_spark.errors import RatingError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.kernels.labels.dawid_skene import Ratings
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.arrow import arrow_schema

KEYS = ("image_id", "target_index")
BLOCK_DDL = "offsets binary, codes binary, weights binary, ratings bigint"
BLOCK_SCHEMA = arrow_schema(BLOCK_DDL)
PART_DDL = "part int, numbers binary"
PART_SCHEMA = arrow_schema(PART_DDL)
MAX_NAMES = 100_000
MAX_SHARES = 5_000_000
# Up to so many ratings in different kinds the driver computes itself; they take 60 MB.
MAX_LOCAL_RATINGS = 5_000_000
VALUES_AT_ONCE = 4_000_000
NUMBERS_PER_PART = 100_000

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class RatingBlocks:
    """All ratings: names of raters and classes, the things, and their kinds in blocks.

    ``things`` has ``image_id``, ``target_index`` and ``codes`` (rater x C + class). ``local`` is None where there are
    more kinds than the driver takes; each pass is then a Spark job over ``blocks``.
    """

    raters: tuple[str, ...]
    classes: tuple[str, ...]
    things: DataFrame
    blocks: DataFrame
    local: tuple[Ratings, ...] | None

    def total(self, function: Callable[[Ratings], Vector]) -> Vector:
        """Sum a function over all kinds; its vectors have at most a few million numbers."""
        if self.local is not None:
            return np.sum([function(part) for part in self.local], axis=0)
        columns, classes = len(self.raters) * len(self.classes), len(self.classes)

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            total = None
            for batch in batches:
                for row in batch.select(["offsets", "codes", "weights"]).to_pylist():  # one per block
                    vector = function(_ratings(row, columns, classes))
                    total = vector if total is None else total + vector
            if total is not None:
                yield from _parts(total)

        def add(rows: pa.Table) -> pa.Table:
            numbers = np.sum([np.frombuffer(value.as_buffer()) for value in rows["numbers"]], axis=0)
            return pa.Table.from_batches([_part(rows["part"][0].as_py(), numbers)])

        sums = map_batches(self.blocks, run, PART_DDL).groupBy("part").applyInArrow(add, PART_DDL)
        rows = sorted(bounded(sums, "the parts of a vector"), key=lambda row: row["part"])
        return np.concatenate([np.frombuffer(bytes(row["numbers"])) for row in rows])


def rating_blocks(annotations: DataFrame, store: Callable[[DataFrame], DataFrame]) -> RatingBlocks:
    """Collapse ratings to kinds: things to which the same raters gave the same labels.

    ``store`` stores a frame.

    Raises
    ------
    RatingError
        Raters x classes x classes are more than 5 million.
    """
    raters, classes = (_names(annotations, name) for name in ("rater", "class_name"))
    if len(raters) * len(classes) ** 2 > MAX_SHARES:
        raise RatingError.of_many(len(raters), len(classes), MAX_SHARES)
    spark = annotations.sparkSession
    by_rater = spark.createDataFrame(list(enumerate(raters)), "rater_code int, rater string")
    by_class = spark.createDataFrame(list(enumerate(classes)), "class_code int, class_name string")
    coded = annotations.join(F.broadcast(by_rater), on="rater", how="inner").join(
        F.broadcast(by_class), on="class_name", how="inner"
    )
    code = F.col("rater_code") * len(classes) + F.col("class_code")
    things = store(coded.groupBy(*KEYS).agg(F.sort_array(F.collect_list(code)).alias("codes")))
    kinds = things.groupBy("codes").agg(F.count("*").alias("weight"))

    def cut(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from map(_block, slices(batch, len(classes)))

    blocks = store(map_batches(kinds, cut, BLOCK_DDL))
    total = one_row(blocks, F.coalesce(F.sum("ratings"), F.lit(0)).alias("ratings"))["ratings"]
    local = None
    if total <= MAX_LOCAL_RATINGS:
        columns = len(raters) * len(classes)
        rows = bounded(blocks, "blocks of few ratings")
        local = tuple(_ratings(row, columns, len(classes)) for row in rows)
    return RatingBlocks(raters, classes, things, blocks, local)


def _names(annotations: DataFrame, column: str) -> tuple[str, ...]:
    rows = bounded(
        annotations.select(column).distinct().orderBy(column).limit(MAX_NAMES + 1), "names of raters or classes"
    )
    if len(rows) > MAX_NAMES:
        raise RatingError.of_many(len(rows), 1, MAX_NAMES)
    return tuple(row[column] for row in rows)


def slices(batch: pa.RecordBatch, classes: int) -> Iterator[pa.RecordBatch]:
    """Parts of a batch with lists ``codes``, so small that a task holds their votes by rater and class."""
    longest = pc.max(pc.list_value_length(batch.column("codes"))).as_py() or 1
    step = max(1, VALUES_AT_ONCE // (classes * longest))
    return (batch.slice(start, step) for start in range(0, batch.num_rows, step))


def _block(batch: pa.RecordBatch) -> pa.RecordBatch:
    lengths = pc.list_value_length(batch.column("codes")).to_numpy()
    codes = pc.list_flatten(batch.column("codes")).to_numpy().astype(np.int32)
    row = {
        "offsets": np.r_[0, np.cumsum(lengths)].astype(np.int32).tobytes(),
        "codes": codes.tobytes(),
        "weights": batch.column("weight").to_numpy().astype(np.float64).tobytes(),
        "ratings": len(codes),
    }
    return pa.RecordBatch.from_pylist([row], schema=BLOCK_SCHEMA)


def _ratings(row: Any, columns: int, classes: int) -> Ratings:
    """Kinds of one block."""
    offsets, codes = (np.frombuffer(row[name], np.int32) for name in ("offsets", "codes"))
    counts = np.frombuffer(row["weights"])
    votes = csr_array((np.ones(len(codes)), codes, offsets), shape=(len(counts), columns))
    return Ratings(votes, counts, classes)


def _parts(numbers: Vector) -> Iterator[pa.RecordBatch]:
    for part, start in enumerate(range(0, len(numbers), NUMBERS_PER_PART)):
        yield _part(part, numbers[start : start + NUMBERS_PER_PART])


def _part(part: int, numbers: Vector) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([{"part": part, "numbers": numbers.tobytes()}], schema=PART_SCHEMA)
