"""Sums of doubles that are the same to the last bit for any partitioning and order of the rows.

A double is a whole number of at most 53 bits times a power of two. Values whose exponents are within 8 of one another
are counted in one unit, as whole numbers below 2^63; these are added as decimals, which is exact and so has no order.
Only the few sums of the units, sorted, are added as doubles. The method is that of a long accumulator (Kulisch 1981) of
which only the words that are used exist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import same_keys
from dataeval_spark.frames.finite import is_finite
from dataeval_spark.frames.ratios import ratio

EXPONENTS_PER_UNIT = 8
MANTISSA = 53
Aggregate = tuple[Column, Callable[[str], Column]]
"""An aggregate of some rows, and how those of several parts are merged: a count is merged by ``F.sum``."""


def exact_sums(
    frame: DataFrame, by: Sequence[str], sums: Mapping[str, Column], others: Mapping[str, Aggregate] | None = None
) -> DataFrame:
    """Add up doubles per group, exactly but for the rounding of the result.

    Parameters
    ----------
    frame : DataFrame
        Rows to add up.
    by : sequence of str
        Grouping columns; nulls are a group.
    sums : mapping of str to Column
        Name of each sum to the column that is added, a double; nulls are left out. With NaN and infinities the sum is
        that of doubles.
    others : mapping of str to Aggregate, optional
        Further aggregates of the same rows, whose parts can be merged in any order: counts, sums of whole numbers,
        minima and maxima.

    Returns
    -------
    DataFrame
        ``by``, the sums (null where nothing was added) and the others: one row per group.

    Examples
    --------
    >>> exact_sums(values, ["factor"], {"total": F.col("value")}, {"n": (F.count("value"), F.sum)})
    """
    others = others or {}
    units = {name: f"_unit_of_{name}" for name in sums}
    with_units = frame.select("*", *(_unit(value).alias(units[name]) for name, value in sums.items()))
    parts = with_units.groupBy(*by, *units.values()).agg(
        *(_in_units(value, F.col(units[name])).alias(f"_whole_{name}") for name, value in sums.items()),
        *(F.sum(F.when(~is_finite(value), value)).alias(f"_odd_{name}") for name, value in sums.items()),
        *(F.count(value).alias(f"_n_{name}") for name, value in sums.items()),
        *(aggregate.alias(f"_other_{name}") for name, (aggregate, _) in others.items()),
    )
    return parts.groupBy(*by).agg(
        *(_total(name, units[name]).alias(name) for name in sums),
        *(merge(f"_other_{name}").alias(name) for name, (_, merge) in others.items()),
    )


def exact_mean_and_std(
    frame: DataFrame, by: Sequence[str], value: Column, others: Mapping[str, Aggregate] | None = None
) -> DataFrame:
    """Mean and population standard deviation per group, exactly but for rounding; the rows are read twice.

    Parameters
    ----------
    frame, by, others
        See `exact_sums`.
    value : Column
        A double; nulls are left out.

    Returns
    -------
    DataFrame
        ``by``, ``mean``, ``std`` and the others: one row per group.
    """
    others = {**(others or {}), "_n": (F.count(value), F.sum)}
    summed = exact_sums(frame, by, {"_sum": value}, others).withColumn("mean", ratio("_sum", "_n")).alias("m")
    centres = summed.select(*(f"m.{key}" for key in by), F.col("m.mean").alias("_centre"), "m._n").alias("c")
    valued = frame.select(*by, value.alias("_value")).alias("v")
    # One row per group on the right.
    centred = valued.join(centres, on=same_keys(by, "v", "c"), how="inner")
    deviation = F.col("_value") - F.col("_centre")
    squares = exact_sums(
        centred.select(*(f"v.{key}" for key in by), (deviation * deviation).alias("_square")),
        by,
        {"_squares": F.col("_square")},
    ).alias("s")
    joined = summed.join(squares, on=same_keys(by, "m", "s"), how="left")
    names = [name for name in others if name != "_n"]
    std = F.sqrt(ratio("s._squares", "m._n"))
    return joined.select(*(f"m.{key}" for key in by), "m.mean", std.alias("std"), *(f"m.{name}" for name in names))


def ordered_sum(value: Column | str) -> Column:
    """Aggregate: the sum of doubles in increasing order, for groups of a bounded number of rows."""
    return F.aggregate(F.sort_array(F.collect_list(value)), F.lit(0.0), lambda total, each: total + each)


def _unit(value: Column) -> Column:
    """Range of exponents that holds the value's; null for 0 and for values that are not finite."""
    exponent = F.floor(F.log2(F.abs(value)) / EXPONENTS_PER_UNIT).cast("int")
    return F.when(is_finite(value) & (value != 0.0), exponent)


def _in_units(value: Column, unit: Column) -> Column:
    return F.sum(_times_power(value, F.lit(MANTISSA) - unit * EXPONENTS_PER_UNIT).cast("bigint").cast("decimal(28,0)"))


def _times_power(value: Column, exponent: Column) -> Column:
    # In two steps: the power of two itself may be beyond what a double holds.
    half = F.floor(exponent / 2).cast("double")
    return value * F.pow(F.lit(2.0), half) * F.pow(F.lit(2.0), exponent.cast("double") - half)


def _total(name: str, unit: str) -> Column:
    part = F.struct(F.col(unit).alias("unit"), F.col(f"_whole_{name}").alias("whole"))
    parts = F.sort_array(F.collect_list(F.when(F.col(unit).isNotNull(), part)))
    total = F.aggregate(
        parts,
        F.lit(0.0),
        lambda sum_, p: sum_ + _times_power(p["whole"].cast("double"), p["unit"] * EXPONENTS_PER_UNIT - MANTISSA),
    )
    return F.when(F.sum(f"_n_{name}") > 0, F.coalesce(F.sum(f"_odd_{name}"), total))
