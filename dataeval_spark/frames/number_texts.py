"""Numbers as texts, digit by digit the same on every engine: ``format_string`` rounds and pads as each one likes.

A cast to string is the same for doubles from 0.001 up to 10^7; beyond, one engine writes ``1.0E7``, the other
``10000000.0``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.finite import is_nan

_NAMES = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def fixed(value: Column, places: int) -> Column:
    """A number with so many decimal places and no separators; null for null.

    Ties of the binary number go to the even digit, as in Python.

    Examples
    --------
    >>> spark.range(1).select(fixed(F.lit(12345.678), 1).alias("text")).collect()
    [Row(text='12345.7')]
    """
    return F.replace(F.format_number(value, places), F.lit(","), F.lit(""))


def significant(value: Column, digits: int) -> Column:
    """A number with so many significant digits; null for null.

    Below 0.0001 and from 10^digits it has an exponent, like ``1.235e+04``; there, a tie may go either way.

    Examples
    --------
    >>> spark.range(1).select(significant(F.lit(0.4), 4).alias("text")).collect()
    [Row(text='0.4000')]
    """
    return _with(value.cast("double"), lambda x: _significant(x, digits))


def shown(value: Column) -> Column:
    """A double for a message: as it is from 0.001 up to 10^7, beyond rounded; null for null.

    Examples
    --------
    >>> spark.range(1).select(shown(F.lit(0.25)).alias("a"), shown(F.lit(123456789.0)).alias("b")).collect()
    [Row(a='0.25', b='123456789')]
    """

    def text(x: Column) -> Column:
        size = F.abs(x)
        is_cast_alike = (x == 0.0) | size.between(1e-3, 9_999_999.0)
        far = F.coalesce(_name(x), F.when(x > 0, "10^15 or more").otherwise("-10^15 or less"))
        rounded = F.when(size < 1e-3, fixed(x, 6)).when(size < 1e15, fixed(x, 0))
        return F.when(is_cast_alike, (x + 0.0).cast("string")).otherwise(
            F.coalesce(rounded, F.when(x.isNotNull(), far))
        )

    return _with(value.cast("double"), text)


def id_text(column: str, type: str) -> Column:
    """A column as an id; a table may have whole numbers as doubles, which are written without an exponent.

    Examples
    --------
    >>> spark.createDataFrame([(12345678.0,)], "id double").select(id_text("id", "double").alias("id")).collect()
    [Row(id='12345678.0')]
    """
    value = F.col(column)
    if type not in ("float", "double"):
        return value.cast("string")
    double = value.cast("double")
    whole = F.when((F.floor(double) == double) & (F.abs(double) < 1e15), double).try_cast("bigint")
    return F.coalesce(F.concat(whole.cast("string"), F.lit(".0")), value.cast("string"))


def with_text(frame: DataFrame, key: str, column: str) -> DataFrame:
    """A key and a column as text, two different numbers never alike; a kernel writes those of floats and doubles.

    Examples
    --------
    >>> frame = spark.createDataFrame([("a", 1e-7)], "image_id string, value double")
    >>> with_text(frame, "image_id", "value").collect()
    [Row(image_id='a', value='1e-07')]
    """
    types = dict(frame.dtypes)
    if types[column] not in ("float", "double"):
        return frame.select(key, F.col(column).cast("string"))
    return map_batches(frame.select(key, column), _texts, f"{key} {types[key]}, {column} string")


def _texts(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        values = batch.column(1)
        # Not -0.0.
        numbers = np.asarray(values.to_numpy(zero_copy_only=False)) + values.type.to_pandas_dtype()(0)
        texts = [_NAMES.get(str(number), str(number)) for number in numbers]
        array = pa.array(texts, pa.string(), mask=np.asarray(values.is_null()))
        yield pa.RecordBatch.from_arrays([batch.column(0), array], names=batch.schema.names)


def _name(x: Column) -> Column:
    """The name of what is no finite number; null for one that is."""
    is_infinite = F.abs(x) == float("inf")
    return F.when(is_nan(x), "NaN").when(is_infinite, F.when(x > 0, "Infinity").otherwise("-Infinity"))


def _with(value: Column, use: Callable[[Column], Column]) -> Column:
    """What ``use`` makes of a value, whose expression stands once in the query however often it is used."""
    return F.get(F.transform(F.array(value), use), F.lit(0))


def _significant(x: Column, digits: int) -> Column:
    size = F.abs(x)
    # What rounds to the next power of ten counts as that.
    limit = {exponent: 10.0**exponent - 0.5 * 10.0 ** (exponent - digits) for exponent in range(-4, digits + 1)}
    text = F.when(x.isNull() | is_nan(x) | (size == float("inf")), _name(x)).when(x == 0, fixed(x, digits - 1))
    for exponent in range(-3, digits + 1):
        text = text.when((size >= limit[exponent - 1]) & (size < limit[exponent]), fixed(x, digits - exponent))
    return text.otherwise(_with_exponent(x, digits))


def _with_exponent(x: Column, digits: int) -> Column:
    return _with(F.floor(F.log10(F.abs(x))), lambda exponent: _mantissa_and_exponent(x, exponent, digits))


def _mantissa_and_exponent(x: Column, exponent: Column, digits: int) -> Column:
    # In two steps, because 10^exponent may be beyond what a double holds; up to 10^22 it is exact.
    half = F.floor(F.abs(exponent) / 2)
    first, second = F.pow(F.lit(10.0), half), F.pow(F.lit(10.0), F.abs(exponent) - half)
    mantissa = fixed(F.when(exponent < 0, x * first * second).otherwise(x / first / second), digits - 1)
    is_rounded_up = F.replace(mantissa, F.lit("-"), F.lit("")).startswith("10")
    mantissa = F.when(is_rounded_up, F.replace(mantissa, F.lit("10"), F.lit("1"))).otherwise(mantissa)
    exponent = exponent + F.when(is_rounded_up, 1).otherwise(0)
    number = F.abs(exponent).cast("int").cast("string")
    sign = F.when(exponent < 0, "e-").otherwise("e+")
    return F.concat(mantissa, sign, F.lpad(number, F.greatest(F.length(number), F.lit(2)), F.lit("0")))
