"""Tests of independence equal SciPy's where that holds, and keep their level where it does not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, hypergeom

from dataeval_spark.kernels.factors.independence import (
    ImageSums,
    design_effect,
    fixed_design_effect,
    fixed_distribution_p_value,
    independence,
)

EVEN, TAIL = np.full(10, 0.1), 1 / np.arange(1, 101) / (1 / np.arange(1, 101)).sum()
RARE = np.array([0.996, 0.001, 0.001, 0.001, 0.001])


def image_sums(boxes):
    """Sums of an array of shape (images, classes)."""
    size = boxes.sum(axis=1)
    return ImageSums(
        boxes.sum(axis=0),
        (boxes**2).sum(axis=0),
        (boxes * size[:, None]).sum(axis=0),
        int((size**2).sum()),
        int((size > 0).sum()),
    )


@settings(max_examples=60, deadline=None)
@given(rows=st.integers(2, 4), columns=st.integers(2, 6), high=st.integers(2, 60), seed=st.integers(0))
def test_statistic_and_p_value_equal_scipy(rows, columns, high, seed):
    table = np.random.default_rng(seed).integers(0, high, (rows, columns))
    table[0, :] += 1  # no empty column
    table[:, 0] += 1
    scipy = chi2_contingency(table, correction=False)

    found = independence(table)

    assert (found.statistic, found.p_value) == pytest.approx((scipy.statistic, scipy.pvalue), rel=1e-9, abs=1e-12)
    assert found.is_low.tolist() == (scipy.expected_freq < 5).any(axis=0).tolist()
    if not found.is_low.any():
        assert found.robust_p_value == found.p_value


def test_with_small_counts_the_p_value_is_that_of_all_tables_with_the_same_margins():
    table = np.array([[4, 1], [2, 30]])
    # Exact: one cell decides the table, hypergeometrically.
    cells = np.arange(6)
    weight = hypergeom(37, 6, 5).pmf(cells)
    chi = [independence(np.array([[k, 5 - k], [6 - k, 26 + k]])).statistic for k in cells]
    exact = weight[np.array(chi) >= independence(table).statistic * (1 - 1e-9)].sum()

    assert independence(table).robust_p_value == pytest.approx(exact, abs=0.005)
    assert independence(table).is_low.tolist() == [True, True]
    assert independence(table * [[1, 40], [1, 40]]).is_low.tolist() == [True, False]
    assert independence(table.T).robust_p_value == pytest.approx(exact, abs=0.005)


def test_with_many_rare_classes_the_fitted_distribution_agrees_with_random_tables():
    random = np.random.default_rng(0)
    both = random.multinomial(80, TAIL) + (np.arange(100) < 50)  # 50 classes or more: too many to draw
    one = random.multivariate_hypergeometric(both, 30)
    found = independence(np.stack([one, both - one]))
    draws = random.multivariate_hypergeometric(both, 30, size=4_000, method="marginals")
    share = both[both > 0] * 30 / both.sum()
    drawn = ((draws[:, both > 0] - share) ** 2 / share).sum(axis=1) * (both.sum() / (both.sum() - 30))

    assert found.robust_p_value == pytest.approx(np.mean(drawn >= found.statistic * (1 - 1e-9)), abs=0.03)


@pytest.mark.parametrize("sizes", [(50, 50), (200, 200), (30, 3_000), (100, 1_000)])
@pytest.mark.parametrize("shares", [EVEN, TAIL, RARE], ids=["even", "tail", "rare"])
def test_two_samples_of_one_population_differ_as_often_as_the_level_says(shares, sizes):
    random = np.random.default_rng(1)
    draws = 400
    tables = (np.stack([random.multinomial(n, shares) for n in sizes]) for _ in range(draws))

    found = sum(independence(table).robust_p_value < 0.05 for table in tables)

    assert found <= 33  # 20 are expected; as many or more have a probability of .004


@pytest.mark.parametrize("sizes", [(100, 100), (60, 400)])
def test_boxes_of_one_image_that_are_alike_do_not_make_two_samples_differ(sizes):
    random = np.random.default_rng(2)

    def sample(images):
        return np.stack(
            [random.multinomial(1 + random.poisson(5), random.dirichlet(np.full(6, 0.1))) for _ in range(images)]
        )

    naive = robust = 0
    for _ in range(300):
        a, b = (image_sums(sample(images)) for images in sizes)
        found = independence(np.stack([a.counts, b.counts]), design_effect(a, b))
        naive += found.p_value < 0.05
        robust += found.robust_p_value < 0.05

    assert robust <= 27  # 15 are expected
    assert naive > 150


def test_labels_repeated_within_each_image_say_no_more_than_one_of_them():
    random = np.random.default_rng(3)
    a, b = (np.eye(3, dtype=np.int64)[random.integers(0, 3, n)] for n in (300, 500))
    single = independence(np.stack([a.sum(axis=0), b.sum(axis=0)]), design_effect(image_sums(a), image_sums(b)))
    effect = design_effect(image_sums(a * 4), image_sums(b * 4))
    repeated = independence(np.stack([a.sum(axis=0), b.sum(axis=0)]) * 4, effect)

    assert design_effect(image_sums(a), image_sums(b)) == 1.0
    assert effect == pytest.approx(4, rel=0.02)
    assert repeated.statistic == pytest.approx(4 * single.statistic)
    assert repeated.robust_p_value == pytest.approx(single.robust_p_value, rel=0.05)
    assert fixed_design_effect(image_sums(b * 4), np.full(3, 1 / 3)) == pytest.approx(4, rel=0.05)


def test_labels_of_one_image_alone_have_no_robust_test():
    one, many = image_sums(np.array([[3, 2]])), image_sums(np.eye(2, dtype=np.int64)[[0, 1, 0, 1]])

    assert np.isnan(design_effect(one, many))
    found = independence(np.stack([one.counts, many.counts]), np.nan)
    assert np.isnan(found.robust_p_value)
    assert found.p_value == pytest.approx(chi2_contingency([[3, 2], [2, 2]], correction=False).pvalue)


@pytest.mark.parametrize("classes", [5, 100])
def test_against_a_fixed_distribution_small_counts_keep_the_level_too(classes):
    random = np.random.default_rng(4)
    shares = 1 / np.arange(1, classes + 1)
    expected = 20 * shares / shares.sum()
    draws = random.multinomial(20, expected / 20, size=400)

    found = sum(fixed_distribution_p_value(((d - expected) ** 2 / expected).sum(), expected) < 0.05 for d in draws)

    assert found <= 33


@pytest.mark.parametrize("table", [[[5, 5]], [[5], [5]], [[0, 0], [0, 0]], [[5, 0], [7, 0]]])
def test_one_row_or_column_is_no_test(table):
    found = independence(np.array(table))

    assert (found.statistic, found.p_value, found.robust_p_value, found.is_low.any()) == (0.0, 1.0, 1.0, False)


@pytest.mark.parametrize("counts", [[[3, 9], [4, 40]], [[2, 1], [60, 30]], [[1, 7], [30, 900]]])
def test_draws_that_end_early_agree_with_the_exact_distribution(counts):
    table = np.array(counts)
    rows, columns = table.sum(axis=1), table.sum(axis=0)
    expected = np.outer(rows, columns) / table.sum()
    first = np.arange(max(0, rows[0] - columns[1]), min(rows[0], columns[0]) + 1)
    statistics = (first - expected[0, 0]) ** 2 * (1 / expected).sum()
    weights = hypergeom(table.sum(), columns[0], rows[0]).pmf(first)
    found = independence(table)

    exact = weights[statistics >= found.statistic * (1 - 1e-9)].sum()
    assert found.robust_p_value == pytest.approx(exact, rel=0.35)  # 100 draws: a standard error of 10 %
