"""Predictions of a model, from a table or a numpy file with ids beside it: usable rows, and faults of the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import literal_map
from dataeval_spark.frames.finite import is_finite
from dataeval_spark.frames.number_texts import id_text, shown
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.keys import BOX_TYPE, CORNERS
from dataeval_spark.verbs.ingest.readers.metadata import instant_of
from dataeval_spark.verbs.ingest.readers.rows_of_images import (
    CLASS_COLUMNS,
    box_column,
    id_column,
    left_out_findings,
    open_rows,
)

PROBABILITY_COLUMNS = ("probabilities", "pred_probs", "probs", "scores")
SCORE_COLUMNS = ("score", "confidence", "probability")
TIME_COLUMNS = ("predicted_at", "timestamp")
ROWS_PER_TASK = 50_000
CHECKED_COLUMNS = ("image_id", "given_id", "target_index", "label", "score", "probabilities", "box", "predicted_at")
EXPECTED = {
    "unknown_image": "the id of a live image",
    "missing_class": "probabilities, or a class",
    "wrong_length": "one probability per class",
    "not_finite": "finite numbers",
    "out_of_range": "numbers in [0, 1]",
    "not_summing": "a sum of 1",
    "bad_score": "a number in [0, 1]",
    "bad_box": "x0 < x1 and y0 < y1",
    "duplicate_prediction": "one prediction per image and target",
}
_NUMBER = r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?"
LIST_OF_NUMBERS = rf"^\s*\[\s*(({_NUMBER}|null)(\s*,\s*({_NUMBER}|null))*)?\s*\]\s*$"
MATRIX_DDL = "given_id string, probabilities array<double>"
ROW_TYPES = {
    "given_id": "string",
    "target_index": "int",
    "label": "string",
    "score": "double",
    "probabilities": "array<double>",
    "box": BOX_TYPE,
    "predicted_at": "timestamp",
}


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
            f"({', '.join(CLASS_COLUMNS)}); it has {', '.join(types)}.\n"
            "Hint: rename the column with the predicted class to class_name"
        )
    index = F.col("target_index").try_cast("int") if "target_index" in types else None
    score = next((name for name in SCORE_COLUMNS if name in types), None)
    time = next((name for name in TIME_COLUMNS if name in types), None)
    rows = _rows(
        frame,
        given_id=id_text(place, types[place]),
        target_index=index,
        label=F.col(label) if label else None,
        score=F.col(score).try_cast("double") if score else None,
        probabilities=_probabilities(probabilities, types) if probabilities else None,
        box=box_column(types),
        predicted_at=instant_of(time, types, timezone),
    )
    return GivenPredictions(rows, _class_names(frame, types, source), source)


def _rows(frame: DataFrame, **columns: Column | None) -> DataFrame:
    """Columns of `GivenPredictions.rows`; one that is None or not given is null."""
    given = {name: column for name, column in columns.items() if column is not None}
    return frame.select(*(given.get(name, F.lit(None)).cast(type).alias(name) for name, type in ROW_TYPES.items()))


def _probabilities(name: str, types: dict[str, str]) -> Column:
    if types[name] != "string":
        return F.col(name)
    # Of a list with anything else, each engine makes something else.
    return F.when(F.col(name).rlike(LIST_OF_NUMBERS), F.from_json(name, "array<double>"))


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
            "expected one order of classes per model.\nHint: ingest the rows of each order as a model of its own"
        )
    return tuple(lists[0]["names"]) if lists else None


def _read_matrix(spark: SparkSession, source: str, ids: str | None) -> GivenPredictions:
    probabilities, names, classes = _matrix(source, ids)
    count = len(probabilities)
    if probabilities.ndim != 2 or len(names) != count:
        raise IngestError(
            f"{source} has shape {probabilities.shape} and {len(names):,} ids; expected (images, classes) and one id "
            "per image.\nHint: --ids FILE, one id per row in the same order"
        )
    tasks = max(1, -(-count // ROWS_PER_TASK))

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for task in batch.column(0).to_pylist():  # one per task
                matrix, keys, _ = _matrix(source, ids)
                yield from _slices(matrix, keys, task * ROWS_PER_TASK, min(count, (task + 1) * ROWS_PER_TASK))

    rows = map_batches(spark.range(0, tasks, 1, tasks), read, MATRIX_DDL)
    columns = {name: F.col(name) for name in ("given_id", "probabilities")}
    return GivenPredictions(_rows(rows, **columns), classes, source)


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
            f"{source} cannot be read: {error}\n"
            "Hint: a .npy file holds a row of probabilities per image, an .npz file probabilities and image_ids"
        ) from error


def check_predictions(
    source_rows: GivenPredictions, resolved: DataFrame, class_names: Sequence[str], tolerance: float
) -> DataFrame:
    """Add ``kind`` (null for a good row), ``found``, and the values that follow from the probabilities.

    Parameters
    ----------
    source_rows : GivenPredictions
        Predictions of the file.
    resolved : DataFrame
        Rows of the predictions, with ``image_id``.
    class_names : sequence of str
        Class of each position of the probabilities; empty where no row has any.
    tolerance : float
        Largest deviation of their sum from 1.

    Returns
    -------
    DataFrame
        Rows of table ``predictions`` but for ``model``, and ``given_id``, ``kind`` and ``found``. A classification
        without target is that of target 0; boxes are numbered by falling score. The label of a classification is its
        most probable class, the first of equal ones.
    """
    names = F.array(*(F.lit(name) for name in class_names)).cast("array<string>")
    best = F.array_max("probabilities")
    is_number = F.col("label").rlike("^[0-9]{1,9}$") & ~F.array_contains(names, F.col("label"))
    class_name = F.when(is_number, F.coalesce(F.get(names, F.col("label").try_cast("int")), F.col("label")))
    has_all = F.col("probabilities").isNotNull()
    place = F.array_position(F.col("probabilities"), best) - 1
    filled = resolved.select(
        "image_id",
        "given_id",
        "target_index",
        F.when(has_all, F.get(names, place.cast("int"))).otherwise(F.coalesce(class_name, "label")).alias("label"),
        # Not -0.0, which is another score than 0.0 to the embedded engine.
        (F.when(has_all, best).otherwise(F.col("score")) + F.lit(0.0)).alias("score"),
        "probabilities",
        "box",
        "predicted_at",
    )
    kind, value = _verdict(len(class_names), tolerance)
    judged = filled.select("*", kind.alias("kind"), value.alias("found"))
    good = F.col("kind").isNull()
    # Rows without an image must not all meet in one partition.
    image = F.coalesce("image_id", "given_id")
    of_image = Window.partitionBy(image, good)
    corners = [F.col(f"box.{name}") + F.lit(0.0) for name in CORNERS]
    boxes = of_image.orderBy(F.desc("score"), "label", *corners)
    number = F.when(F.col("box").isNotNull(), F.row_number().over(boxes) - 1).otherwise(0)
    numbered = judged.withColumn("target_index", F.coalesce("target_index", number))
    same = Window.partitionBy(image, "target_index", good).orderBy(
        F.desc_nulls_last("predicted_at"), F.desc("score"), "label", F.xxhash64("probabilities")
    )
    is_later = good & (F.row_number().over(same) > 1)
    return numbered.select(
        *CHECKED_COLUMNS,
        F.when(is_later, "duplicate_prediction").otherwise(F.col("kind")).alias("kind"),
        F.when(is_later, F.col("label")).otherwise(F.col("found")).alias("found"),
    )


def _verdict(classes: int, tolerance: float) -> tuple[Column, Column]:
    total = F.aggregate("probabilities", F.lit(0.0), lambda sum_, p: sum_ + p)
    has_bad = F.exists("probabilities", lambda p: ~is_finite(p))
    has_range = F.forall("probabilities", lambda p: (p >= 0) & (p <= 1 + tolerance))
    has_all = F.col("probabilities").isNotNull()
    score_is_good = is_finite("score") & F.col("score").between(0, 1)
    is_in_order = (F.col("box.x0") < F.col("box.x1")) & (F.col("box.y0") < F.col("box.y1"))
    box_is_good = reduce(Column.__and__, (is_finite(f"box.{name}") for name in CORNERS), is_in_order)
    corners = F.array(*(F.col(f"box.{name}") for name in CORNERS))
    box = F.array_join(F.transform(corners, lambda corner: F.coalesce(shown(corner), F.lit("null"))), ", ")
    tests = [
        ("unknown_image", F.col("image_id").isNull(), F.col("given_id")),
        ("wrong_length", has_all & (F.size("probabilities") != classes), F.size("probabilities").cast("string")),
        ("not_finite", has_all & has_bad, F.lit("null, NaN or infinity")),
        ("out_of_range", has_all & ~has_range, shown(F.array_max("probabilities"))),
        ("not_summing", has_all & (F.abs(total - 1) > tolerance), shown(total)),
        ("missing_class", F.col("label").isNull(), F.lit(None)),
        ("bad_score", ~score_is_good, shown(F.col("score"))),
        ("bad_box", F.col("box").isNotNull() & ~F.coalesce(box_is_good, F.lit(False)), box),
    ]
    kind, value_found = F.lit(None).cast("string"), F.lit(None).cast("string")
    for name, is_wrong, value in reversed(tests):
        kind = F.when(is_wrong, name).otherwise(kind)
        value_found = F.when(is_wrong, value.cast("string")).otherwise(value_found)
    return kind, value_found


def prediction_findings(checked: DataFrame, model: str, source: str) -> DataFrame:
    """Rows of table `ingest_findings` without ``run_id``: predictions that were left out, and why."""
    expected = F.try_element_at(literal_map(EXPECTED), "kind")
    scope, subject = f"predictions of {model}", f"Prediction of {model}"
    return left_out_findings(checked, source, scope, subject, expected, place=(), found="found")
