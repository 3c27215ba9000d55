"""The first neighbours of lists that are long enough."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.neighbor_lists import first_of_lists
from tests.analyses.similarity.test_image_values import graph


def test_fewer_neighbours_than_the_lists_hold_may_be_taken_but_not_more(frame):
    lists = graph(frame, [0, 2, 5, 50], 2)

    assert {row["rank"] for row in first_of_lists(lists, 1, "step.k").collect()} == {1}
    assert first_of_lists(lists, None, "step.k") is lists
    with pytest.raises(OptionError, match=r"step\.k is 3, and the table neighbors has k = 2.\nHint: neighbors\.k = 3"):
        first_of_lists(lists, 3, "step.k")
