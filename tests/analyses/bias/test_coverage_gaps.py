"""Gaps that were planted are found by name, whatever the partitions."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.bias.coverage_gaps import coverage_gaps
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.bias import COVERAGE_GAPS
from tests.analyses.bias.rows import binned

EDGES = "factor string, bin int, label string, rule string"


@pytest.fixture(scope="module")
def tables(frame):
    """60 rows: every class in every weather by day and by night, but no dog in the snow and no cat on a snowy night."""
    rows = [
        (name, weather, night)
        for name in ("cat", "dog")
        for weather in (0, 1)
        for night in (0, 1)
        for _ in range(9)
        if not (weather == 1 and (name == "dog" or night == 1))
    ]
    rows += [("cat", 2, 0)]  # its weather is missing
    names, weather, night = zip(*rows, strict=True)
    edges = [("weather", 0, "sun"), ("weather", 1, "snow"), ("weather", 2, "missing")]
    edges += [("night", 0, "no"), ("night", 1, "yes"), ("night", 2, "missing")]
    rules = [(*edge, "discrete" if edge[0] == "night" else "categorical") for edge in edges]
    rules += [("mean", 1, "< 3", "uniform_width"), ("mean", 2, "missing", "uniform_width")]
    bins = binned(frame, names, {"weather": weather, "night": night, "mean": [1] * len(names)})
    return bins, frame(EDGES, rules)


def test_planted_gaps_are_found_with_the_images_they_need(tables):
    bins, edges = tables

    found = coverage_gaps(bins.repartition(5), edges, threshold=5)

    assert [name for name, _ in found.dtypes] == list(COVERAGE_GAPS.result_names)
    rows = found.orderBy("rank").collect()
    assert [(row.pattern, row.level, row.n, row.images_needed, row.found) for row in rows] == [
        ("class_name = dog, weather = snow", 2, 0, 5, 2),
        ("night = yes, weather = snow", 2, 0, 5, 2),
    ]
    assert rows[0].expected == pytest.approx(46 * (18 / 46) * (9 / 46))
    assert [tuple(part) for part in rows[1].parts] == [("night", "yes"), ("weather", "snow")]


def test_factors_can_be_named_and_the_most_missed_kept(tables):
    rows = coverage_gaps(*tables, factors=["weather", "night"], threshold=20, max_patterns=1).collect()

    # 9 rows have snow, 18 a night, and 18 sun by day
    assert [(row.pattern, row.n, row.images_needed, row.found) for row in rows] == [("night = yes", 18, 2, 3)]


def test_a_bin_that_nothing_fell_into_is_a_gap(tables, frame):
    bins, edges = tables
    fog = frame(EDGES, [("weather", 7, "fog", "categorical"), ("weather", 8, "missing", "categorical")])

    rows = coverage_gaps(
        bins, edges.where("label != 'missing' OR factor != 'weather'").union(fog), max_level=1, threshold=1
    )

    assert [(row.pattern, row.n) for row in rows.collect()] == [("weather = fog", 0)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": ["wether"]}, r"coverage_gaps\.factors is 'wether'.*Hint: .* 'weather'"),
        ({"max_level": 9}, r"coverage_gaps\.max_level is 9"),
    ],
)
def test_a_wrong_option_says_what_to_write(tables, options, message):
    with pytest.raises(OptionError, match=f"(?s){message}"):
        coverage_gaps(*tables, **options)


def test_more_combinations_than_the_bound_are_refused(tables):
    with pytest.raises(Exception, match=r"coverage_gaps\.max_combinations is 2"):
        coverage_gaps(*tables, max_combinations=2).collect()


@pytest.mark.parametrize(("value", "column"), [("dog", "class_name"), ("snow", "weather")])
def test_a_value_in_place_of_a_factor_gets_the_name_of_its_column(tables, value, column):
    with pytest.raises(OptionError, match=f"is '{value}', a value of {column}; .*\nHint: .* = '{column}'"):
        coverage_gaps(*tables, factors=[value])
