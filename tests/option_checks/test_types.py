"""Values against the type hints of options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from dataeval_spark.option_checks.types import choices, expected, kinds

GROUPS = Mapping[str, Sequence[int]] | None
RULES = Mapping[str, Sequence[float] | int] | None


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (3, int),
        (np.int64(3), int),
        (3, float),
        (0.5, float | None),
        (None, float | None),
        (True, bool),
        ("a", str),
        (Path("a"), str | None),
        (["a", "b"], Sequence[str]),
        ((), Sequence[str]),
        (["a", 1], tuple),
        (np.array([1.0, 2.0]), Sequence[float]),
        ({"visible": [0, 1]}, GROUPS),
        ({"a": 3, "b": [0.5, 1]}, RULES),
        ("zscore", Literal["iqr"]),  # the choices have an error of their own
        ({"a": 1}, str | Mapping[str, int]),
    ],
)
def test_what_fits(value, hint):
    assert expected(value, hint) is None


@pytest.mark.parametrize(
    ("value", "hint", "words"),
    [
        (True, int, "a whole number"),
        (3.5, int, "a whole number"),
        ("3", float | None, "a number"),
        (1, bool, "true or false"),
        (7, str | None, "a text"),
        ("a", Sequence[str], "a list of texts"),
        ("a", tuple, "a list"),
        (["a"], Sequence[float] | None, "a list of numbers"),
        ([True], Sequence[int], "a list of whole numbers"),
        ({"visible": ["a"]}, GROUPS, "a table"),
        ({"a": "b"}, Mapping[str, float], "a table of numbers"),
        ([1], str | Mapping[str, str], "a text or a table of texts"),
        (3, Literal["iqr", "zscore"], "one of 'iqr', 'zscore'"),
    ],
)
def test_what_does_not_fit_gets_the_expected_type_in_words(value, hint, words):
    assert expected(value, hint) == words


def test_a_hint_without_its_none():
    assert kinds(int | None) == (int,)
    assert choices(Literal["a", "b"] | None) == ("a", "b")
    assert choices(str) == ()
