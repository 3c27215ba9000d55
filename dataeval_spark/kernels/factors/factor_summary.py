"""Summary of each factor from one pass over the values of all: its bins, mixed units, or why it is left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.factors.binning import (
    SMALLEST_LEVEL_BUDGET,
    Bins,
    Rule,
    choose_bins,
    edges_by_count,
    encode,
)
from dataeval_spark.kernels.factors.factor_codes import numbers_of
from dataeval_spark.tables.arrow import arrow_schema

Floats = NDArray[np.float64]

# Ratio of two units of one quantity, and the largest value that is possible in each.
UNIT_RATIOS = {
    "percent_beside_share": (100.0, np.inf, np.inf),
    "8_bit_beside_unit_range": (255.0, 1.0, 255.0),
    "thousandfold": (1000.0, np.inf, np.inf),
    "degrees_beside_radians": (180.0 / np.pi, 2 * np.pi, 360.0),
}
_FEWEST_DISTINCT = 10
_FEWEST_IN_A_PART = 5
_SMALLEST_SHARE = 0.01
_SMALLEST_GAP = np.log(2.0)
_TOLERANCE = np.log(1.3)

PARTIAL_DDL = "factor string, level string, is_number boolean, numbers binary, text string, n bigint, overflows boolean"
PARTIAL = arrow_schema(PARTIAL_DDL)
"""One block of numbers (float64, NaN for missing), or one text (null for missing) with its count."""
LEVELS_AT_ONCE = 100_000
"""Distinct texts that one task counts; a factor with more is no factor."""
NAMING_SHARE = 0.9
"""Distinct numbers per row from which whole numbers are names."""


@dataclass(frozen=True)
class FactorSummary:
    """Bins of a factor with rows, smallest and largest value per code; or the reason why it is left out."""

    factor: str
    level: str
    bins: Bins
    n: int
    counts: dict[int, int] = field(default_factory=dict)
    ranges: dict[int, tuple[float, float]] = field(default_factory=dict)
    reason: str | None = None
    distinct: int = 0
    anomalies: tuple[dict[str, Any], ...] = ()


def partial_rows(
    batches: Iterator[pa.RecordBatch], target_factors: frozenset[str], factors: frozenset[str]
) -> Iterator[pa.RecordBatch]:
    """Summarize the rows of one task: blocks of numbers and counts of texts.

    A factor of the image counts once per image (rows whose ``is_first`` is true), one of the target once per target
    (rows with a ``target_index``).

    Parameters
    ----------
    batches : iterator of RecordBatch
        Columns ``is_first``, ``target_index`` and the structs ``numbers`` and ``texts``, one field per factor.
    target_factors : frozenset of str
        Factors of the target.
    factors : frozenset of str
        Factors to summarize.
    """
    levels = {name: "target" if name in target_factors else "image" for name in factors}
    texts: dict[str, dict[str | None, int]] = {}
    overflowing: set[str] = set()
    for batch in batches:
        is_counted = {"image": batch.column("is_first"), "target": batch.column("target_index").is_valid()}
        for name, values in _fields(batch.column("numbers"), factors):
            numbers = numbers_of(values.filter(is_counted[levels[name]]))
            yield _rows([(name, levels[name], True, numbers.tobytes(), None, numbers.size, False)])
        for name, values in _fields(batch.column("texts"), factors):
            counts = texts.setdefault(name, {})
            if name not in overflowing:
                for entry in pc.value_counts(values.filter(is_counted[levels[name]])).to_pylist():
                    counts[entry["values"]] = counts.get(entry["values"], 0) + entry["counts"]
                if len(counts) > LEVELS_AT_ONCE:
                    overflowing.add(name)
    for name, counts in texts.items():
        if name in overflowing:
            yield _rows([(name, levels[name], False, None, None, sum(counts.values()), True)])
        elif counts:
            yield _rows([(name, levels[name], False, None, text, n, False) for text, n in counts.items()])


def _fields(structs: pa.StructArray, factors: frozenset[str]) -> Iterator[tuple[str, pa.Array]]:
    for index in range(structs.type.num_fields):
        name = structs.type.field(index).name
        if name in factors:
            yield name, structs.field(index)


def _rows(rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True))
    arrays = [pa.array(column, field.type) for column, field in zip(columns, PARTIAL, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=PARTIAL)


def summarize(
    partial: pa.Table,
    *,
    rule: Rule,
    rules: Mapping[str, str],
    edges: Mapping[str, Sequence[float] | int],
    most_levels: int,
    most_values: int,
    measured: frozenset[str] = frozenset(),
    moments: frozenset[str] = frozenset(),
    kept_factors: frozenset[str] = frozenset(),
) -> FactorSummary:
    """Bins of one factor from all its partial rows.

    Numbers outside ``measured`` and ``kept_factors`` are left out where they name their rows, see `names_rows`; so are
    texts outside ``kept_factors`` of which more than half (and more than 20) differ. ``moments`` are times.

    Raises
    ------
    OptionError
        There are more than ``most_values`` numbers: they are sorted in the memory of one task.
    """
    name, level = partial["factor"][0].as_py(), partial["level"][0].as_py()
    if partial["is_number"][0].as_py():
        n = pc.sum(partial["n"]).as_py()
        if n > most_values:
            raise OptionError(
                f"factor_bins.max_values is {most_values:,} and factor {name} has {n:,} values.\n"
                f"Hint: --set factor_bins.max_values={n} (one task then needs about 30 bytes of memory per value)"
            )
        values = np.concatenate([np.frombuffer(block, np.float64) for block in partial["numbers"].to_pylist()])
        if name not in measured and name not in kept_factors and names_rows(values, is_moment=name in moments):
            present = values[~np.isnan(values)]
            distinct = np.unique(present).size
            return FactorSummary(name, level, Bins("discrete"), present.size, reason="identifier", distinct=distinct)
        return _of_numbers(name, level, values, rules.get(name, rule), edges.get(name), most_levels)
    return _of_texts(name, level, partial, most_levels, is_kept=name in kept_factors)


def names_rows(values: Floats, *, is_moment: bool = False) -> bool:
    """Whether numbers are names of their rows, such as ids, counters, hashes and times of day in seconds.

    Numbers are names where all are whole (or moments), and where more than 20 of them and nine of ten differ.
    Measurements on a continuous scale differ in every row too, but are hardly ever whole; counts and rounded numbers
    are whole, but come more than once. Measurements in units so small that each is whole and differs, such as bytes of
    a file, look like names: users have to keep them explicitly. NaN is no value.

    Examples
    --------
    >>> names_rows(np.arange(1000.0) + 52_000), names_rows(np.arange(1000.0) + 0.5), names_rows(np.arange(1000.0) % 90)
    (True, False, False)
    """
    present = values[~np.isnan(values)]
    if not is_moment and not (np.isfinite(present) & (present == np.floor(present))).all():
        return False
    distinct = np.unique(present).size
    return distinct > SMALLEST_LEVEL_BUDGET and distinct >= NAMING_SHARE * present.size


def _of_numbers(
    name: str, level: str, values: Floats, rule: str, edges_or_count: Sequence[float] | int | None, most_levels: int
) -> FactorSummary:
    distinct = np.unique(values)
    if distinct.size < 2:
        reason = "no_values" if distinct.size == 0 or np.isnan(distinct[0]) else "constant"
        return FactorSummary(name, level, Bins("discrete"), values.size, reason=reason, distinct=distinct.size)
    if isinstance(edges_or_count, int):
        bins = Bins("count", edges=edges_by_count(values, edges_or_count))
    elif edges_or_count is not None:
        bins = Bins("given", edges=tuple(float(edge) for edge in edges_or_count))
    elif rule == "discrete":
        bins = Bins("discrete", levels=tuple(distinct[~np.isnan(distinct)].tolist()))
        if len(bins.levels) > most_levels:
            return FactorSummary(name, level, bins, values.size, reason="too_many_levels", distinct=distinct.size)
    else:
        bins = choose_bins(values, rule, most_levels)  # type: ignore[arg-type]
    codes = encode(values, bins)
    counts = dict(zip(*(part.tolist() for part in np.unique(codes, return_counts=True)), strict=True))
    ranges = {}
    order = np.argsort(codes, kind="stable")
    for code, part in zip(counts, np.split(values[order], np.cumsum(list(counts.values()))[:-1]), strict=True):
        if code != bins.missing_code:
            ranges[code] = (float(part.min()), float(part.max()))
    anomaly = (normalized_beside_pixels(values) if name == "box_width" else None) or unit_anomaly(values)
    anomalies = () if anomaly is None else (vars(anomaly),)
    return FactorSummary(name, level, bins, values.size, counts, ranges, None, distinct.size, anomalies)


def _of_texts(name: str, level: str, partial: pa.Table, most_levels: int, *, is_kept: bool) -> FactorSummary:
    n = pc.sum(partial["n"]).as_py()
    grouped = partial.group_by("text").aggregate([("n", "sum")])
    count_of_text = dict(zip(grouped["text"].to_pylist(), grouped["n_sum"].to_pylist(), strict=True))
    missing = count_of_text.pop(None, 0)
    levels = tuple(sorted(count_of_text))
    bins = Bins("categorical", levels=levels)
    distinct = len(levels) + (missing > 0)
    reason = None
    if pc.any(partial["overflows"]).as_py():
        reason, distinct = "too_many_levels", LEVELS_AT_ONCE
    elif distinct < 2:
        reason = "constant" if levels else "no_values"
    elif not is_kept and distinct > max(SMALLEST_LEVEL_BUDGET, n // 2):
        reason = "identifier"
    elif len(levels) > most_levels:
        reason = "too_many_levels"
    if reason:
        return FactorSummary(name, level, Bins("categorical"), n, reason=reason, distinct=distinct)
    counts = {code: count_of_text[text] for code, text in enumerate(levels)}
    if missing:
        counts[bins.missing_code] = missing
    return FactorSummary(name, level, bins, n, counts, {}, None, distinct)


@dataclass(frozen=True)
class UnitAnomaly:
    """Two parts of the values are alike but for a factor."""

    kind: str
    ratio: float
    share: float
    boundary: float


def unit_anomaly(values: Floats) -> UnitAnomaly | None:
    """Find a part of the values that is the other part times 100, 255, 1000 or 180/pi.

    Absolute values are parted at their widest gap (by ratio) that leaves at least 1 % on both sides. It is an anomaly
    when the gap is twofold or more and the quartiles of the upper part are those of the lower times one known factor,
    within 30 %. With fewer than 10 distinct values, two groups mean nothing.

    Parameters
    ----------
    values : ndarray of float64
        Zeros and values that are not finite are left out.

    Returns
    -------
    UnitAnomaly or None
        ``ratio`` of the medians, ``share`` of the values in the upper part, ``boundary`` the smallest of these.

    Examples
    --------
    >>> share = np.linspace(0.5, 0.9, 100)
    >>> unit_anomaly(np.r_[share, 100 * share]).kind
    'percent_beside_share'
    """
    size = np.sort(np.abs(values[np.isfinite(values) & (values != 0)]))
    if size.size < 2 * _FEWEST_IN_A_PART or np.unique(size).size < _FEWEST_DISTINCT:
        return None
    logs = np.log(size)
    fewest = max(_FEWEST_IN_A_PART, int(np.ceil(_SMALLEST_SHARE * size.size)))
    gaps = np.diff(logs)[fewest - 1 : size.size - fewest]
    if gaps.size == 0 or gaps.max() < _SMALLEST_GAP:
        return None
    cut = int(gaps.argmax()) + fewest
    quartiles = (25, 50, 75)
    difference = np.percentile(logs[cut:], quartiles) - np.percentile(logs[:cut], quartiles)
    for kind, (factor, most_below, most_above) in UNIT_RATIOS.items():
        is_possible = size[cut - 1] <= most_below and size[-1] <= most_above
        if is_possible and np.abs(difference - np.log(factor)).max() < _TOLERANCE:
            return UnitAnomaly(kind, float(np.exp(difference[1])), 1 - cut / size.size, float(size[cut]))
    return None


def normalized_beside_pixels(widths: Floats) -> UnitAnomaly | None:
    """Find boxes whose width is a share of the image among boxes in pixels.

    Parameters
    ----------
    widths : ndarray of float64
        Box widths. Shares are assumed where at least 1 % (and 5) are at most 1 and the median of the others is above 4.

    Examples
    --------
    >>> normalized_beside_pixels(np.r_[np.full(10, 0.2), np.full(90, 40.0)]).kind
    'normalized_beside_pixel_boxes'
    """
    widths = widths[np.isfinite(widths) & (widths > 0)]
    small = widths <= 1.0
    count = int(small.sum())
    if count < max(_FEWEST_IN_A_PART, _SMALLEST_SHARE * widths.size) or count == widths.size:
        return None
    pixel_median = float(np.median(widths[~small]))
    if pixel_median <= 4.0:
        return None
    ratio = pixel_median / float(np.median(widths[small]))
    return UnitAnomaly("normalized_beside_pixel_boxes", ratio, 1 - count / widths.size, float(widths[~small].min()))
