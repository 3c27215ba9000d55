"""Fractions of a split: its parts and their shares, strata, and the shares of other data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.splits.quotas import wanted_counts
from dataeval_spark.kernels.splits.units import Units

Fractions = Mapping[str, float]
Floats = NDArray[np.float64]
DEFAULT_FRACTIONS: Fractions = {"train": 0.7, "validation": 0.1, "test": 0.2}
MAX_PARTS = 1_000
MAX_STRATA = 10_000
EXCLUDED = "excluded"


def parts_of(fractions: Fractions | None, folds: int | None) -> tuple[list[str], Floats]:
    """Check and return the names of the parts and their shares of the images, which sum to 1.

    Raises
    ------
    OptionError
        Both fractions and folds are given, fewer than two parts, or a share is not above 0.
    """
    if folds is not None:
        if fractions is not None:
            raise OptionError("split: fractions and folds are both given; expected one of them.")
        if not isinstance(folds, int):
            raise OptionError(f"split.folds is {folds!r}; expected a whole number.")
        OptionError.unless_between("split.folds", folds, 2, MAX_PARTS)
        return [f"fold_{fold}" for fold in range(folds)], np.full(folds, 1 / folds)
    parts = DEFAULT_FRACTIONS if fractions is None else fractions
    if not 2 <= len(parts) <= MAX_PARTS:
        raise OptionError(
            f"split.fractions has {len(parts)} parts; expected 2 to {MAX_PARTS:,}.\n"
            "Hint: --fractions train=0.8 test=0.2"
        )
    for name, share in parts.items():
        if name == EXCLUDED or not name:
            raise OptionError(f"split.fractions names a part {name!r}, which means something else.")
        if not isinstance(share, int | float) or not 0 < share < float("inf"):
            raise OptionError(f"split.fractions of {name} is {share!r}; expected a number above 0.")
    shares = np.array([float(share) for share in parts.values()])
    return list(parts), shares / shares.sum()


def require_strata(names: Sequence[str], method: str) -> None:
    """Raise OptionError where there is nothing to stratify by, or too much."""
    if not names:
        raise OptionError(
            f"split.method is {method!r} and no image has a class or factor to stratify by.\n"
            "Hint: --method random or group, or ingest labels"
        )
    if len(names) > MAX_STRATA:
        raise OptionError(
            f"split: there are {len(names):,} strata; expected at most {MAX_STRATA:,}.\n"
            "Hint: stratify by fewer factors, or factors with fewer bins"
        )


def target_counts(
    units: Units, shares: Floats, names: Sequence[str], target: Mapping[str, float] | None
) -> tuple[Floats, dict[tuple[int, int], str]]:
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
