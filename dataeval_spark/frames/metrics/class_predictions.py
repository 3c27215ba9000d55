"""Metrics of predicted classes: accuracy, precision, recall and F1, of each class and over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.labels.confusion import class_metrics, overall_metrics
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.contract import identifier

MAX_CLASSES = 4_000
"""Classes of a group: its matrix is 128 MB at most."""
OF_CLASS = ("precision", "recall", "f1")
OVERALL = ("accuracy", *(f"{name}_{average}" for name in OF_CLASS for average in ("micro", "macro", "weighted")))


def overall_class_metrics(
    frame: DataFrame, by: Sequence[str], truth: str, predicted: str, *, weight: str | None = None
) -> DataFrame:
    """Accuracy, and precision, recall and F1 over the classes of each group.

    Parameters
    ----------
    frame : DataFrame
        Rows with a true and a predicted class; rows in which one is null are left out.
    by : sequence of str
        Grouping columns, none of which is a double; nulls are a group.
    truth, predicted : str
        Columns of classes of one type.
    weight : str, optional
        Column with the weight of a row, 0 or more; null is 0.

    Returns
    -------
    DataFrame
        ``by``, ``n`` (weight of the rows), ``classes`` (that occur), ``accuracy``, and ``precision``, ``recall`` and
        ``f1`` with the endings ``_micro``, ``_macro`` and ``_weighted``: see
        :func:`~dataeval_spark.kernels.labels.confusion.overall_metrics`; null where not defined.

    Raises
    ------
    OptionError
        A group has more than 4,000 classes (raised in a task).

    Examples
    --------
    >>> overall_class_metrics(predictions, ["model"], "class_name", "predicted_class").select("model", "f1_macro")
    """
    numbers = ", ".join(f"{name} double" for name in OVERALL)

    def measure(key: Mapping[str, object], classes: Sequence[object], confusion: np.ndarray) -> list[dict[str, object]]:
        found = {name: _or_none(value) for name, value in overall_metrics(confusion).items()}
        return [{**key, "n": float(confusion.sum()), "classes": len(classes), **found}]

    return _measured(frame, by, truth, predicted, weight, measure, f"n double, classes int, {numbers}")


def class_metrics_of_groups(
    frame: DataFrame, by: Sequence[str], truth: str, predicted: str, *, weight: str | None = None
) -> DataFrame:
    """Precision, recall and F1 of each class of each group against the rest.

    Parameters, and what is raised, are those of `overall_class_metrics`.

    Returns
    -------
    DataFrame
        ``by``, ``class_name``, ``support`` and ``predicted`` (weights of the rows of the class, and of those predicted
        as it), ``precision``, ``recall`` and ``f1``; null where their denominator is 0.

    Examples
    --------
    >>> class_metrics_of_groups(predictions, [], "class_name", "predicted_class").orderBy("f1").show()
    """
    type_ = frame.select(F.col(identifier(truth))).schema[0].dataType.simpleString()
    numbers = ", ".join(f"{name} double" for name in ("support", "predicted", *OF_CLASS))

    def measure(key: Mapping[str, object], classes: Sequence[object], confusion: np.ndarray) -> list[dict[str, object]]:
        found = class_metrics(confusion)
        return [
            {**key, "class_name": name, **{metric: _or_none(values[at]) for metric, values in found.items()}}
            for at, name in enumerate(classes)  # one per class
        ]

    return _measured(frame, by, truth, predicted, weight, measure, f"class_name {type_}, {numbers}")


def _measured(frame, by, truth, predicted, weight, measure, ddl) -> DataFrame:  # type: ignore[no-untyped-def]
    types = {field.name: field.dataType.simpleString() for field in frame.select(*map(_quoted, by)).schema.fields}
    whole = ", ".join([*(f"{identifier(name)} {type_}" for name, type_ in types.items()), ddl])
    schema = arrow_schema(whole)
    weights = F.lit(1.0) if weight is None else F.coalesce(_quoted(weight).cast("double"), F.lit(0.0))
    rows = frame.select(
        *map(_quoted, by), _quoted(truth).alias("_t"), _quoted(predicted).alias("_p"), weights.alias("_w")
    )
    counted = rows.where("_t IS NOT NULL AND _p IS NOT NULL").groupBy(*map(_quoted, by), "_t", "_p")
    cells = counted.agg(F.sum("_w").alias("_w"))

    def run(group: pa.Table) -> pa.Table:
        classes = sorted(set(group["_t"].unique().to_pylist()) | set(group["_p"].unique().to_pylist()))
        if len(classes) > MAX_CLASSES:
            raise OptionError(
                f"A group has {len(classes):,} classes; expected at most {MAX_CLASSES:,}.\n"
                "Hint: measure fewer classes at a time"
            )
        place = pa.array(classes, group["_t"].type)
        at = [pa.compute.index_in(group[name], value_set=place).to_numpy() for name in ("_t", "_p")]
        confusion = np.zeros((len(classes), len(classes)))
        confusion[at[0], at[1]] = group["_w"].to_numpy()
        key = {name: group[name][0].as_py() for name in by}
        return pa.Table.from_pylist(measure(key, classes, confusion), schema=schema)

    return cells.groupBy(*map(_quoted, by)).applyInArrow(run, whole)


def _quoted(name: str) -> Column:
    return F.col(identifier(name))


def _or_none(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
