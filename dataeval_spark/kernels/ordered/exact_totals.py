"""Exact sums of doubles, which tasks add up in any order: a whole number times a power of two, of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dataeval_spark.kernels.ordered.bucket import Floats

_MANTISSA, _HALF = 53, 26


@dataclass(frozen=True)
class ExactTotal:
    """The number ``whole * 2 ** exponent``.

    Examples
    --------
    >>> total = ExactTotal.of(np.array([0.1, 1e300]), np.array([3, 1]))
    >>> float(total + ExactTotal.of(np.array([-1e300]), np.array([1])))
    0.30000000000000004
    """

    whole: int = 0
    exponent: int = 0

    @classmethod
    def of(cls, values: Floats, counts: Floats) -> ExactTotal:
        """The sum of finite values, each of which counts so many times."""
        mantissas, exponents = np.frexp(values)
        digits = (mantissas * 2.0**_MANTISSA).astype(np.int64)
        counts = counts.astype(np.int64)
        total = cls()
        for exponent in np.unique(exponents).tolist():
            here = exponents == exponent
            # In two halves, so that no sum of fewer than 2^35 of them is beyond 64 bits.
            high, low = digits[here] >> _HALF, digits[here] & (2**_HALF - 1)
            whole = (int((high * counts[here]).sum()) << _HALF) + int((low * counts[here]).sum())
            total += cls(whole, exponent - _MANTISSA)
        return total

    @classmethod
    def of_whole(cls, number: float) -> ExactTotal:
        """A whole number."""
        return cls() + cls(int(number), 0)

    @classmethod
    def read(cls, text: str) -> ExactTotal:
        """The number that `written` gave as a text."""
        whole, _, exponent = text.partition("p")
        return cls(int(whole, 16), int(exponent))

    def written(self) -> str:
        """The number as a text, hexadecimal digits and a power of two."""
        return f"{self.whole:x}p{self.exponent}"

    def __add__(self, other: ExactTotal) -> ExactTotal:
        low = min(self.exponent, other.exponent)
        whole = (self.whole << (self.exponent - low)) + (other.whole << (other.exponent - low))
        zeros = (whole & -whole).bit_length() - 1 if whole else 0
        return ExactTotal(whole >> zeros, low + zeros if whole else 0)

    def __float__(self) -> float:
        # A quotient of whole numbers is rounded once.
        return self.whole / (1 << -self.exponent) if self.exponent < 0 else float(self.whole << self.exponent)


def is_whole(weights: Floats, counts: Floats) -> bool:
    """Whether all weights are whole numbers whose sum, with such counts, is exact as a double."""
    return bool((weights == np.rint(weights)).all() and (counts @ np.abs(weights) < 2**_MANTISSA).all())


def added(one: Sequence[ExactTotal], other: Sequence[ExactTotal]) -> list[ExactTotal]:
    """Sums of the totals in the same places."""
    return [each + of_other for each, of_other in zip(one, other, strict=True)]


def read_totals(texts: Sequence[str]) -> list[ExactTotal]:
    """Totals that were written as texts."""
    return [ExactTotal.read(text) for text in texts]
