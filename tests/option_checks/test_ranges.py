"""Ranges of options."""

from __future__ import annotations

import inspect

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.option_checks.ranges import RANGES, within
from dataeval_spark.options import SearchOptions, options_from
from dataeval_spark.verbs import config


def test_every_range_is_of_an_option_that_there_is_and_holds_its_default():
    of_search = {f"search.{name}": default for name, default in config.options_of(SearchOptions).items()}
    of_predictions = {"ingest.tolerance": 1e-3}
    options = of_search | of_predictions
    for section, function in config.FUNCTIONS.items():
        options |= {f"{section}.{name}": default for name, default in config.options_of(function).items()}

    for name, (low, high) in RANGES.items():
        default = options[name]
        if default is not None and default is not inspect.Parameter.empty:
            assert low <= default <= high, name


@pytest.mark.parametrize(("value", "nearest"), [(0, 1), (20_000, 10_000)])
def test_a_value_out_of_range_is_refused_where_it_is_given_and_where_it_is_used(value, nearest):
    hint = f"Hint: neighbors.k = {nearest}"

    with pytest.raises(OptionError, match=hint):
        within("neighbors.k", value)
    with pytest.raises(OptionError, match=hint):
        config.load(None, [f"neighbors.k={value}"], config.FUNCTIONS)
    with pytest.raises(OptionError, match=r"search\.k is 0"):
        options_from(SearchOptions, {"k": 0})
