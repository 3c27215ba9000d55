"""Wanted counts beside the actual ones, with the reasons where a part cannot have what is wanted."""

from __future__ import annotations

import numpy as np

from dataeval_spark.kernels.splits.explanation import explain
from tests.kernels.split_rows import units

WANTED = np.array([[2.0, 1.0, 1.0], [2.0, 1.0, 1.0]])
GOT = np.array([[3, 2, 1], [1, 0, 1]])
"""Of images, of labels "cat" and of labels "dog", in each of two parts."""


def test_a_deviation_is_a_share_of_all_images_or_labels():
    explanation = explain(units(["a", "b", "c", "d"], ["cat", "cat", "dog", "dog"]), ["train", "test"], WANTED, GOT)

    cells = {(cell.split, cell.stratum): (cell.wanted, cell.got, cell.deviation) for cell in explanation.cells}
    assert cells == {
        ("train", None): (2.0, 3, 0.25),
        ("test", None): (2.0, 1, -0.25),
        ("train", "cat"): (1.0, 2, 0.5),
        ("test", "cat"): (1.0, 0, -0.5),
        ("train", "dog"): (1.0, 1, 0.0),
        ("test", "dog"): (1.0, 1, 0.0),
    }
    assert explanation.largest_deviation == 0.5
    assert explanation.notes == ()


def test_a_stratum_in_fewer_units_than_parts_is_noted_where_it_is_lacking():
    made = units(["a", "a", "b", "c"], ["cat", "cat", "dog", "dog"])

    explanation = explain(made, ["train", "test"], WANTED, GOT)

    note = "'cat' is in 1 unit of images that stay together: 2 parts cannot all have it"
    assert explanation.notes == (note,)
    assert {(cell.split, cell.stratum) for cell in explanation.cells if cell.note} == {("test", "cat")}
    assert [cell.units for cell in explanation.cells] == [3, 3, 1, 1, 2, 2]


def test_reasons_that_are_given_stand_at_their_cells_and_in_the_notes():
    made = units(["a", "b", "c", "d"], ["cat", "cat", "dog", "dog"])

    explanation = explain(made, ["train", "test"], WANTED, GOT, 3, {(1, 2): "too few dogs"})

    assert explanation.repeat == 3
    assert explanation.notes == ("too few dogs",)
    assert [(cell.split, cell.stratum) for cell in explanation.cells if cell.note == "too few dogs"] == [
        ("test", "dog")
    ]
