"""Assignment of images to the parts of a split, unit by unit: random, stratified, by group, or both."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.explanation import Explanation, explain
from dataeval_spark.kernels.splits.fold_rules import group_kfold, kfold, stratified_group_kfold, stratified_kfold
from dataeval_spark.kernels.splits.quotas import by_iterative_stratification, by_quotas, counts_of, wanted_counts
from dataeval_spark.kernels.splits.time_parts import EXCLUDED
from dataeval_spark.kernels.splits.units import Units, units_of
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.options import DrawnMethod
from dataeval_spark.session.bounded import bounded_arrow

METHODS: tuple[str, ...] = get_args(DrawnMethod)
Fractions = Mapping[str, float]
DEFAULT_FRACTIONS: Fractions = {"train": 0.7, "validation": 0.1, "test": 0.2}
# 0.333 three times are thirds.
ROUNDING = 0.0015
MAX_ROWS = 20_000_000
MAX_PARTS = 1_000
MAX_STRATA = 10_000
# About 100 bytes each in the memory of every executor.
BROADCAST_UNITS = 2_000_000

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Assigned:
    """Parts of the images, in ``rows``: table ``split_assignments`` without ``split_name`` and ``run_id``.

    There is an explanation per repetition, or per fold over time.
    """

    rows: DataFrame
    explanations: tuple[Explanation, ...]


def assign(
    members: DataFrame,
    *,
    method: DrawnMethod = "stratified_group",
    fractions: Fractions | None = None,
    folds: int | None = None,
    repeats: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    target: Mapping[str, float] | None = None,
    max_rows: int = MAX_ROWS,
) -> Assigned:
    """Assign each unit of images to one part.

    Units never straddle parts, whatever the method: without groups and duplicates each image is a unit of its own.
    ``random`` and ``group`` balance sizes only, ``stratified`` and ``stratified_group`` strata too.
    ``leave_one_group_out`` makes each unit a fold.

    With ``folds`` and without ``shuffle``, target or earlier parts, the folds are those of scikit-learn for images in
    the order of their ids: KFold (random, single images), StratifiedKFold (single images with one label), GroupKFold,
    StratifiedGroupKFold. With ``shuffle`` they are made by the same rules in the order of a hash of (seed, unit).
    Single images with several labels are dealt out by iterative stratification. In all other cases, fractions among
    them, parts are filled up toward wanted counts; see :func:`dataeval_spark.kernels.splits.quotas.by_quotas`.

    An image with an earlier part (``previous``) keeps it; the rest of its unit follows, the part of most of its images
    first; new units steer the parts toward the fractions of all images. Repetitions after the first start anew.

    Parameters
    ----------
    members : DataFrame
        Result of `members_of`.
    fractions : mapping of str to float, optional
        Part to its share of the images; the shares are scaled to a sum of 1. Default train 0.7, validation 0.1,
        test 0.2.
    folds : int, optional
        Number of equal parts ``fold_0`` ... to make instead.
    repeats : int
        Repetitions, each with another shuffle.
    target : mapping of str to float, optional
        Labels of each stratum per image in other data: all parts but the first are to have these shares.
    max_rows : int
        Most pairs of unit and stratum that the driver holds, about 100 bytes each.

    Raises
    ------
    OptionError
        An option is out of range, there are fewer units than parts, strata are asked for and there are none, or
        there are more than ``max_rows`` pairs.

    References
    ----------
    scikit-learn 1.9, ``model_selection``. Sechidis et al. 2011 (iterative stratification).

    Examples
    --------
    >>> by_class = strata_of(["class_name"], targets=targets)
    >>> assignment = assign(members_of(images, strata=by_class), fractions={"train": 0.8, "test": 0.2})
    >>> assignment.rows.groupBy("split").count().orderBy("split").show()
    +-----+-----+
    |split|count|
    +-----+-----+
    | test|   34|
    |train|  138|
    +-----+-----+
    """
    OptionError.unless_one_of("split.method", method, METHODS)
    within("split.repeats", repeats)
    units = _collected(members, seed, max_rows)
    if units.sizes.size == 0:
        raise OptionError("split: there are no images to split.\nHint: dataeval-spark ingest SOURCE")
    if method in ("stratified", "stratified_group"):
        _require_strata(units.names, method)
    names, shares = parts_of(fractions, _fold_count(method, folds, units))
    if units.sizes.size < len(names):
        raise OptionError(
            f"split: {len(names)} parts are asked for, and the images form {units.sizes.size} units that stay together."
            "\nHint: ask for fewer parts, or group by something finer"
        )
    earlier_parts = _earlier_parts(members, units, names, max_rows)
    assignments, explanations = [], []
    for repeat in range(repeats):
        shuffled = units if repeat == 0 else units.reshuffled(seed + repeat)
        fixed_parts = earlier_parts if repeat == 0 else None
        quotas, notes = _target_counts(shuffled, shares, names, target)
        parts = _parts(shuffled, method, quotas, folds is not None, shuffle, fixed_parts, target is not None)
        assignments.append(parts)
        explanations.append(explain(shuffled, names, quotas, counts_of(shuffled, parts, len(names)), repeat, notes))
    return Assigned(_rows(members, units, assignments, names, method, earlier_parts=earlier_parts), tuple(explanations))


def parts_of(fractions: Fractions | None, folds: int | None) -> tuple[list[str], _Floats]:
    """Check and return the names of the parts and their shares of the images, which sum to 1.

    Raises
    ------
    OptionError
        Both fractions and folds are given, fewer than two parts, a share is not above 0, or they do not sum to 1.
    """
    if folds is not None:
        if fractions is not None:
            raise OptionError(
                "split: fractions and folds are both given; expected one of them.\nHint: --folds 5, without --fractions"
            )
        if not isinstance(folds, int):
            raise OptionError(f"split.folds is {folds!r}; expected a whole number.\nHint: --folds 5")
        within("split.folds", folds)
        return [f"fold_{fold}" for fold in range(folds)], np.full(folds, 1 / folds)
    parts = DEFAULT_FRACTIONS if fractions is None else fractions
    if not 2 <= len(parts) <= MAX_PARTS:
        raise OptionError(
            f"split.fractions has {len(parts)} parts; expected 2 to {MAX_PARTS:,}.\n"
            "Hint: --fractions train=0.8 test=0.2"
        )
    for name, share in parts.items():
        if name == EXCLUDED or not name:
            raise OptionError(
                f"split.fractions names a part {name!r}; expected a name other than that of images that are left out.\n"
                "Hint: --fractions train=0.8 test=0.2"
            )
        if not isinstance(share, int | float) or not 0 < share < float("inf"):
            raise OptionError(
                f"split.fractions of {name} is {share!r}; expected a number above 0.\n"
                "Hint: --fractions train=0.8 test=0.2"
            )
    total = math.fsum(parts.values())
    if abs(total - 1) > ROUNDING:
        scaled = " ".join(f"{name}={share / total:.4g}" for name, share in parts.items())
        raise OptionError(
            f"split.fractions sum to {total:.6g}; expected 1.\n"
            f"Hint: --fractions {scaled}, or a part more for the images that are left"
        )
    return list(parts), np.array([float(share) for share in parts.values()]) / total


def _fold_count(method: str, folds: int | None, units: Units) -> int | None:
    if method == "leave_one_group_out":
        if units.sizes.size > MAX_PARTS:
            raise OptionError(
                f"split.method is {method!r} and the images form {units.sizes.size:,} units that stay together; "
                f"expected at most {MAX_PARTS:,}.\nHint: --method group --folds 10, or group by something coarser"
            )
        return int(units.sizes.size)
    return folds


def _require_strata(names: Sequence[str], method: str) -> None:
    """Raise OptionError where there is nothing to stratify by, or too much."""
    if not names:
        raise OptionError(
            f"split.method is {method!r} and no image has a class or factor to stratify by.\n"
            "Hint: --method random, or dataeval-spark ingest SOURCE --annotations FILE"
        )
    if len(names) > MAX_STRATA:
        raise OptionError(
            f"split: there are {len(names):,} strata; expected at most {MAX_STRATA:,}.\n"
            "Hint: stratify by fewer factors, or by factors with fewer bins"
        )


def _target_counts(
    units: Units, shares: _Floats, names: Sequence[str], target: Mapping[str, float] | None
) -> tuple[_Floats, dict[tuple[int, int], str]]:
    """Compute the images and labels wanted in each part, (parts, 1 + strata), with notes where they are too few.

    With a target all parts but the first want ``images x labels per image there``; the first has the rest. Where
    they want more of a stratum than there is, all of it is shared out among them.
    """
    quotas = wanted_counts(units, shares)
    notes: dict[tuple[int, int], str] = {}
    if target is None:
        return quotas, notes
    rates = np.array([target.get(name, 0.0) for name in units.names])
    quotas[1:, 1:] = quotas[1:, :1] * rates[None, :]
    totals = units.totals.astype(np.float64)
    expected = quotas[1:, 1:].sum(axis=0)
    for stratum in np.flatnonzero(expected > totals).tolist():
        quotas[1:, 1 + stratum] *= totals[stratum] / expected[stratum]
        text = (
            f"{', '.join(names[1:])} should have {expected[stratum]:,.0f} of {units.names[stratum]!r} to be like the "
        )
        for part in range(1, len(names)):
            notes[part, 1 + stratum] = f"{text}target; there are {totals[stratum]:,.0f} in all"
    quotas[0, 1:] = totals - quotas[1:, 1:].sum(axis=0)
    return quotas, notes


def _parts(
    units: Units,
    method: str,
    quotas: _Floats,
    is_folds: bool,
    shuffle: bool,
    fixed_parts: NDArray[np.int32] | None,
    has_target: bool,
) -> NDArray[np.int32]:
    count = quotas.shape[0]
    if method == "leave_one_group_out":
        return np.arange(count, dtype=np.int32)
    strata = units if method.startswith("stratified") else units.without_strata()
    quotas = quotas if method.startswith("stratified") else quotas[:, :1]
    is_single = bool((units.sizes == 1).all())
    is_plain = is_folds and fixed_parts is None and not has_target
    if strata.names and is_single and not units.is_single_label:
        return by_iterative_stratification(strata, quotas, fixed_parts=fixed_parts, shuffle=shuffle)
    if not is_plain:
        return by_quotas(strata, quotas, fixed_parts=fixed_parts, shuffle=shuffle)
    if not strata.names:
        rule = kfold if is_single else group_kfold
        return rule(strata, count, shuffle=shuffle)
    if is_single and method == "stratified":
        return stratified_kfold(strata, count, shuffle=shuffle)
    return stratified_group_kfold(strata, count, shuffle=shuffle)


def _collected(members: DataFrame, seed: int, max_rows: int) -> Units:
    """Units with their labels: one row per unit and stratum (null: images without), no more than ``max_rows``."""
    # One row per label; an image counts in its first one, and in a row of its own where it has none.
    is_first = F.coalesce(F.col("position"), F.lit(0)) == 0
    long = members.select("unit_id", F.posexplode_outer("strata").alias("position", "stratum", "n"))
    counts = long.groupBy("unit_id", "stratum").agg(
        F.sum("n").alias("n"), F.count(F.when(is_first, True)).alias("images")
    )
    key = F.xxhash64("unit_id", F.lit(seed).cast("bigint")).alias("key")
    table = bounded_arrow(counts.select("unit_id", key, "stratum", "n", "images").limit(max_rows + 1), "units x strata")
    if table.num_rows > max_rows:
        raise OptionError(
            f"split: there are more than {max_rows:,} pairs of unit and stratum, which the driver would hold.\n"
            "Hint: --method hash, or in Python a larger max_rows of assign (about 100 bytes of memory per pair)"
        )
    return units_of(table)


def _earlier_parts(members: DataFrame, units: Units, names: list[str], max_rows: int) -> NDArray[np.int32] | None:
    """Part that each unit had, by most of its images; None where no image had one."""
    earlier = members.where("previous IS NOT NULL").groupBy("unit_id", "previous").agg(F.count("*").alias("n"))
    table = bounded_arrow(earlier.limit(max_rows + 1), "units x parts")
    if table.num_rows == 0:
        return None
    unknown = sorted(set(table["previous"].unique().to_pylist()) - set(names))
    if unknown:
        raise OptionError(
            f"split: images were given the parts {', '.join(unknown)} earlier; now the parts are {', '.join(names)}.\n"
            "Hint: --renew to assign all images anew, the same parts as before, or another name of the split"
        )
    return units.most_common(table["unit_id"], table["previous"], table["n"], names)


def _rows(
    members: DataFrame,
    units: Units,
    assignments: list[NDArray[np.int32]],
    names: list[str],
    method: str,
    *,
    earlier_parts: NDArray[np.int32] | None,
) -> DataFrame:
    spark = members.sparkSession
    columns = {
        f"part_{repeat}": pa.array(names, pa.string()).take(pa.array(parts)) for repeat, parts in enumerate(assignments)
    }
    table = pa.table({"unit_id": units.ids, **columns})
    parts = spark.createDataFrame(table)
    # Parts are sent to each task where they are few enough: the other way, all images are sorted.
    parts = F.broadcast(parts) if len(units.ids) <= BROADCAST_UNITS else parts
    # unit_id is unique on the right.
    joined = members.join(parts, on="unit_id", how="inner")
    repeats = F.array(
        *(F.struct(F.lit(i).alias("repeat"), F.col(f"part_{i}").alias("part")) for i in range(len(assignments)))
    )
    long = joined.select("*", F.inline(repeats))
    part, was = F.col("part"), F.col("previous")
    is_kept = (F.col("repeat") == 0) & was.isNotNull()
    reason = (
        F.when(is_kept & (was != part), "kept; its unit ties parts together, which leaks")
        .when(is_kept, "kept from before")
        .otherwise(F.lit(method))
    )
    if earlier_parts is not None:
        followers = units.ids.filter(pa.array(earlier_parts >= 0))
        flags = spark.createDataFrame(pa.table({"unit_id": followers})).select("unit_id", F.lit(True).alias("follows"))
        long = long.join(flags, on="unit_id", how="left")
        follows = (F.col("repeat") == 0) & was.isNull() & F.col("follows")
        reason = F.when(follows, "with its unit, which had a part").otherwise(reason)
    return assignment_rows(long, F.when(is_kept, was).otherwise(part), reason, repeat=F.col("repeat"))


def assignment_rows(
    members: DataFrame, split: Column, reason: Column, *, repeat: Column | None = None, fold: Column | None = None
) -> DataFrame:
    """Rows of `Assigned` from members, and the part and reason of each; without ``fold`` there are none over time."""
    return members.select(
        (F.lit(0) if repeat is None else repeat).alias("repeat"),
        (F.lit(None).cast("int") if fold is None else fold).alias("fold"),
        "image_id",
        split.alias("split"),
        "unit_id",
        F.when(F.size("strata") > 0, F.concat_ws(", ", F.map_keys("strata"))).alias("stratum"),
        reason.alias("reason"),
    )
