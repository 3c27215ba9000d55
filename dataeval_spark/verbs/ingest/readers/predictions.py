"""Predictions of a model, from a table or from a numpy file with ids beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.ingest.readers.metadata import utc_timestamp
from dataeval_spark.verbs.ingest.readers.rows_of_images import CLASS_COLUMNS, box_column, id_column, open_rows

PROBABILITY_COLUMNS = ("probabilities", "pred_probs", "probs", "scores")
SCORE_COLUMNS = ("score", "confidence", "probability")
TIME_COLUMNS = ("predicted_at", "timestamp")
ROWS_PER_TASK = 50_000
MATRIX_DDL = "given_id string, probabilities array<double>"


@dataclass(frozen=True)
class GivenPredictions:
    """Predictions of a file, not checked yet.

    ``rows`` has ``given_id``, ``target_index`` (null where the file has none), ``label``, ``score``,
    ``probabilities``, ``box`` and ``predicted_at``. ``class_names`` is None where the file names none.
    """

    rows: DataFrame
    class_names: tuple[str, ...] | None
    location: str


def read_predictions(
    spark: SparkSession, source: str, *, ids: str | None = None, timezone: str = "UTC"
) -> GivenPredictions:
    """Read predictions.

    Of a table (parquet, Delta, CSV, a name of the catalog) these columns are taken: the image in ``image_id``, ``id``,
    ``path``, ``file_name``, ``filename``, ``file`` or ``image``; ``target_index``; the probabilities of all classes in
    ``probabilities``, ``pred_probs``, ``probs`` or ``scores`` (an array, in CSV a JSON list); the class in
    ``class_name``, ``label``, ``class`` or ``predicted_class``; its probability in ``score``, ``confidence`` or
    ``probability``; a ``box`` or ``x0``, ``y0``, ``x1``, ``y1``; ``predicted_at``; ``class_names``, an array.

    A numpy file (``.npy``) is a matrix of images x classes, and ``ids`` names its rows: a ``.npy`` of texts or a text
    file of one id per line. An ``.npz`` holds ``probabilities``, ``image_ids`` and, if it likes, ``class_names``. All
    workers must be able to open it.

    Parameters
    ----------
    spark : SparkSession
        Session to read with.
    source : str
        File or table.
    ids : str, optional
        Ids of the rows of a ``.npy`` file.
    timezone : str
        Zone of times that name none.

    Raises
    ------
    IngestError
        The file cannot be read, or lacks what it must have.
    """
    if source.lower().endswith((".npy", ".npz")):
        return _read_matrix(spark, source, ids)
    frame = open_rows(spark, source)
    types = dict(frame.dtypes)
    place = id_column(list(types), source)
    probabilities = next((name for name in PROBABILITY_COLUMNS if name in types), None)
    label = next((name for name in CLASS_COLUMNS if name in types), None)
    if probabilities is None and label is None:
        raise IngestError(
            f"{source} has neither probabilities ({', '.join(PROBABILITY_COLUMNS)}) nor a class "
            f"({', '.join(CLASS_COLUMNS)}); it has {', '.join(types)}.\nHint: rename a column."
        )
    index = F.col("target_index").try_cast("int") if "target_index" in types else F.lit(None).cast("int")
    score = next((name for name in SCORE_COLUMNS if name in types), None)
    rows = frame.select(
        F.col(place).cast("string").alias("given_id"),
        index.alias("target_index"),
        (F.col(label) if label else F.lit(None)).cast("string").alias("label"),
        (F.col(score).try_cast("double") if score else F.lit(None).cast("double")).alias("score"),
        _probabilities(probabilities, types).alias("probabilities"),
        box_column(types).alias("box"),
        _time(types, timezone).alias("predicted_at"),
    )
    return GivenPredictions(rows, _class_names(frame, types, source), source)


def _probabilities(name: str | None, types: dict[str, str]) -> Column:
    if name is None:
        return F.lit(None).cast("array<double>")
    if types[name] == "string":
        return F.from_json(name, "array<double>")
    return F.col(name).cast("array<double>")


def _time(types: dict[str, str], timezone: str) -> Column:
    name = next((name for name in TIME_COLUMNS if name in types), None)
    if name is None:
        return F.lit(None).cast("timestamp")
    return F.col(name) if types[name] == "timestamp" else utc_timestamp(F.col(name).cast("string"), timezone)


def _class_names(frame: DataFrame, types: dict[str, str], source: str) -> tuple[str, ...] | None:
    if "class_names" not in types:
        return None
    names = F.from_json("class_names", "array<string>") if types["class_names"] == "string" else F.col("class_names")
    lists = bounded(
        frame.select(names.alias("names")).where("names IS NOT NULL").distinct().limit(2), "two lists of names"
    )
    if len(lists) > 1:
        raise IngestError(
            f"{source}: column class_names differs from row to row ({lists[0]['names'][:3]}, {lists[1]['names'][:3]}); "
            "expected one order of classes per model."
        )
    return tuple(lists[0]["names"]) if lists else None


def _read_matrix(spark: SparkSession, source: str, ids: str | None) -> GivenPredictions:
    probabilities, names, classes = _matrix(source, ids)
    count = len(probabilities)
    if probabilities.ndim != 2 or len(names) != count:
        raise IngestError(
            f"{source} has shape {probabilities.shape} and {len(names):,} ids; expected (images, classes) and an id "
            "per image.\nHint: --ids FILE, one id per row in the same order"
        )
    tasks = max(1, -(-count // ROWS_PER_TASK))

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():  # one per task
                matrix, keys, _ = _matrix(source, ids)
                yield from _slices(matrix, keys, task * ROWS_PER_TASK, min(count, (task + 1) * ROWS_PER_TASK))

    rows = spark.range(0, tasks, 1, tasks).mapInArrow(read, MATRIX_DDL)
    nothing = F.lit(None)
    columns = rows.select(
        "given_id",
        nothing.cast("int").alias("target_index"),
        nothing.cast("string").alias("label"),
        nothing.cast("double").alias("score"),
        "probabilities",
        box_column({}).alias("box"),
        nothing.cast("timestamp").alias("predicted_at"),
    )
    return GivenPredictions(columns, classes, source)


def _slices(matrix: np.ndarray, names: Sequence[str], start: int, stop: int) -> Iterator[pa.RecordBatch]:
    classes = matrix.shape[1]
    step = max(1, 2**20 // classes)
    for first in range(start, stop, step):
        part = np.ascontiguousarray(matrix[first : min(first + step, stop)], np.float64)
        offsets = pa.array(np.arange(0, part.size + 1, classes), pa.int32())
        keys = pa.array([str(name) for name in names[first : first + len(part)]], pa.string())
        lists = pa.ListArray.from_arrays(offsets, pa.array(part.ravel()))
        yield pa.RecordBatch.from_arrays([keys, lists], names=["given_id", "probabilities"])


def _matrix(source: str, ids: str | None) -> tuple[np.ndarray, Sequence[str], tuple[str, ...] | None]:
    try:
        if source.lower().endswith(".npz"):
            with np.load(source) as arrays:
                classes = tuple(map(str, arrays["class_names"])) if "class_names" in arrays else None
                return arrays["probabilities"], arrays["image_ids"], classes
        # Only the rows that a task reads are brought into memory.
        matrix = np.load(source, mmap_mode="r")
        if ids is None:
            raise IngestError(f"{source} is a matrix without ids.\nHint: --ids FILE, one id per row in the same order")
        names = np.load(ids) if ids.lower().endswith(".npy") else Path(ids).read_text().splitlines()
        return matrix, names, None
    except (OSError, ValueError, KeyError) as error:
        raise IngestError(
            f"{source} cannot be read: {error}\nHint: see --help for what a numpy file must hold"
        ) from error
