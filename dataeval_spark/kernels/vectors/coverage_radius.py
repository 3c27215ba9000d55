"""The radius within which a covered place of the unit cube has its neighbours, in any number of dimensions."""

from __future__ import annotations

from math import exp, lgamma, log, pi, sqrt


def naive_coverage_radius(n: int, dimensions: int, observations: int) -> float:
    r"""Radius of a ball that holds ``observations`` of n uniform points of the unit cube, twice over.

    :math:`\frac{1}{\sqrt\pi} \left(\frac{2 k\, \Gamma(d/2 + 1)}{n}\right)^{1/d}`, in logarithms: the gamma function
    itself overflows beyond 340 dimensions.

    Parameters
    ----------
    n, dimensions, observations : int
        Points, their dimensions d, and k.

    References
    ----------
    DataEval 1.1.4, ``core.coverage_naive``, which fails at 512 dimensions and answers infinity at 340.

    Examples
    --------
    >>> round(naive_coverage_radius(100, 2, 10), 6)
    0.252313
    """
    return exp((log(2 * observations) + lgamma(dimensions / 2 + 1) - log(n)) / dimensions) / sqrt(pi)
