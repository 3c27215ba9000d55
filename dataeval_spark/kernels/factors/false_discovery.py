"""P-values of several tests, adjusted so that few of the significant ones are significant by chance."""

from __future__ import annotations

from collections.abc import Iterable
from typing import overload


@overload
def adjusted_p_values(p_values: Iterable[float]) -> list[float]: ...
@overload
def adjusted_p_values(p_values: Iterable[float | None]) -> list[float | None]: ...
def adjusted_p_values(p_values: Iterable[float | None]) -> list[float] | list[float | None]:
    """Adjust the p-values of a family of tests by Benjamini and Hochberg (1995); None, for no test, does not count.

    References
    ----------
    SciPy's ``false_discovery_control``.

    Examples
    --------
    >>> adjusted_p_values([0.02, None, 0.5])
    [0.04, None, 0.5]
    """
    from scipy.stats import false_discovery_control

    family = list(p_values)
    tested = [value for value in family if value is not None]
    adjusted = iter(false_discovery_control(tested).tolist() if tested else [])
    return [None if value is None else next(adjusted) for value in family]
