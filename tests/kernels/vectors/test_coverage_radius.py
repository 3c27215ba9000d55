"""The radius of coverage, also where the gamma function overflows."""

from __future__ import annotations

import math

import pytest

from dataeval_spark.kernels.vectors.coverage_radius import naive_coverage_radius


@pytest.mark.parametrize(("n", "dimensions", "k"), [(100, 2, 10), (300, 64, 20), (1000, 300, 5)])
def test_it_equals_the_formula(n, dimensions, k):
    expected = (2 * k * math.gamma(dimensions / 2 + 1) / n) ** (1 / dimensions) / math.sqrt(math.pi)

    assert naive_coverage_radius(n, dimensions, k) == pytest.approx(expected, rel=1e-12)


def test_it_is_finite_in_high_dimensions():
    # Stirling: the radius grows as sqrt(d / 2 pi e)
    assert naive_coverage_radius(10_000, 4096, 20) == pytest.approx(math.sqrt(4096 / (2 * math.pi * math.e)), rel=0.01)
