"""A user's own statistics: found by name, called with pixels, and never the end of an image."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.images.custom_statistics import CustomStatistic, measure_custom

PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
SOURCE = """
def red(pixels):
    return pixels[:, :, 0].mean()

def per_channel(pixels):
    return {f"c{i}": pixels[:, :, i].max() for i in range(pixels.shape[2])}

def broken(pixels):
    raise KeyError("no such thing")

def not_finite(pixels):
    return float("inf")

def badly_named(pixels):
    return {"a b": 1.0}

number = 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    name = f"statistics_of_{tmp_path.name}"  # a module is imported once in a process
    (tmp_path / f"{name}.py").write_text(SOURCE)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_number_is_one_column_and_a_dict_one_for_each_key(module):
    statistics = [
        CustomStatistic.from_reference(f"{module}:red"),
        CustomStatistic.from_reference(f"{module}:per_channel"),
    ]

    values, errors = measure_custom(statistics, PIXELS)

    expected = {"custom_red": 4.5, "custom_per_channel_c0": 9.0, "custom_per_channel_c1": 10.0}
    assert values == expected | {"custom_per_channel_c2": 11.0}
    assert errors == {}


def test_one_that_fails_costs_its_own_values_only(module):
    names = ("broken", "badly_named", "not_finite", "red")

    values, errors = measure_custom([CustomStatistic.from_reference(f"{module}:{name}") for name in names], PIXELS)

    assert values == {"custom_not_finite": None, "custom_red": 4.5}
    assert errors["custom_broken"] == "KeyError: 'no such thing'"
    assert "is not a name for a column" in errors["custom_badly_named"]


def test_the_digest_tells_a_changed_module(module, tmp_path):
    before = CustomStatistic.from_reference(f"{module}:red")
    (tmp_path / f"{module}.py").write_text(SOURCE + "\n")

    assert CustomStatistic.from_reference(f"{module}:red").digest != before.digest
    assert before.folder == str(tmp_path)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("red", "expected module:function"),
        ("no_such_module_here:red", "(?s)ModuleNotFoundError.*current folder"),
        ("math:no_such_function", "AttributeError"),
        ("math:pi", "of type float; expected a function"),
    ],
)
def test_a_name_that_cannot_be_used_says_why(reference, message):
    with pytest.raises(OptionError, match=message):
        CustomStatistic.from_reference(reference)
