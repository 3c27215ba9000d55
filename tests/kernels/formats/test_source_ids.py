"""Ids and flags: one reading of all ways to write them."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.formats.source_ids import NamesById, class_number, flag, id_key


@pytest.mark.parametrize("written", [1, 1.0, "1", " 1 ", "1.0", "+1", "01"])
def test_a_whole_number_is_one_id_however_it_is_written(written):
    assert id_key(written) == "1"
    assert class_number(written) == 1


@pytest.mark.parametrize("written", [True, None, 1.5, float("nan"), "", " ", [1]])
def test_what_is_no_id(written):
    assert id_key(written) is None


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        *((no, False) for no in (0, 0.0, "0", "false", "False", "NO", False)),
        *((yes, True) for yes in (1, 1.0, "1", "true", "Yes", True)),
        *((neither, None) for neither in (None, "", "perhaps", 2, 0.5, [])),
    ],
)
def test_flags(written, expected):
    assert flag(written) is expected


def test_an_id_that_stands_exactly_so_comes_before_one_that_means_the_same():
    names = NamesById({"01": "a", "1": "b", 7: "c"})

    assert [names.get(key) for key in ("01", "1", "7", 7.0, 1, "x")] == ["a", "b", "c", "c", None, None]
