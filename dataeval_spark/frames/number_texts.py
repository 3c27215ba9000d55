"""Numbers as texts, digit by digit the same on every engine: ``format_string`` rounds and pads as each one likes."""

from __future__ import annotations

from collections.abc import Callable

from pyspark.sql import Column
from pyspark.sql import functions as F


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


def _with(value: Column, use: Callable[[Column], Column]) -> Column:
    """What ``use`` makes of a value, whose expression stands once in the query however often it is used."""
    return F.get(F.transform(F.array(value), use), F.lit(0))


def _significant(x: Column, digits: int) -> Column:
    size = F.abs(x)
    # What rounds to the next power of ten counts as that.
    limit = {exponent: 10.0**exponent - 0.5 * 10.0 ** (exponent - digits) for exponent in range(-4, digits + 1)}
    text = F.when(x.isNull(), F.lit(None).cast("string"))
    text = text.when(F.isnan(x), "NaN").when(size == float("inf"), F.when(x > 0, "Infinity").otherwise("-Infinity"))
    text = text.when(x == 0, fixed(x, digits - 1))
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
