"""Unions of frames that do not have the same columns."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F


def union_of_all_columns(one: DataFrame, other: DataFrame) -> DataFrame:
    """Rows of two frames with the columns of both; where a frame lacks a column, it is null.

    Unlike ``unionByName(allowMissingColumns=True)`` it says the type of every column on every engine: the embedded
    one takes a column that the first frame lacks for one without type.

    Examples
    --------
    >>> images = spark.createDataFrame([("a", 1)], "image_id string, width int")
    >>> union_of_all_columns(images.select("image_id"), images).collect()
    [Row(image_id='a', width=None), Row(image_id='a', width=1)]
    """
    return _filled(one, other).unionByName(_filled(other, one))


def _filled(frame: DataFrame, other: DataFrame) -> DataFrame:
    missing = [field for field in other.schema.fields if field.name not in frame.columns]
    return frame.select("*", *(F.lit(None).cast(field.dataType).alias(field.name) for field in missing))
