"""Class balance: how often each image is taken, by DataEval's definitions."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from dataeval_spark.verbs.select.recipe import apply
from tests.analyses.bias.rows import image_labels, images


@pytest.fixture(scope="module")
def tables(frame):
    """Ninety images of class a, nine of b, one of c, and four without a label."""
    classes = {f"i{n:03d}": "a" if n < 90 else "b" if n < 99 else "c" for n in range(100)}
    given = images(frame, [*classes, *(f"x{n}" for n in range(4))])
    return {"images": given.cache(), "targets": image_labels(frame, classes).cache()}


def taken(tables, **options):
    rows = apply([{"operation": "balance", **options}], tables)[-1].members.collect()
    assert len({(row.image_id, row.copy) for row in rows}) == len(rows)
    return Counter(row.image_id for row in rows)


def test_global_takes_each_image_as_often_as_dataeval_expects_to(tables):
    found = taken(tables, oversample_factor=0.5, n=1000)
    shares = np.array([90, 9, 1]) / 104
    repeat = np.maximum(1, np.sqrt(0.5 / shares))
    weights = np.repeat(repeat, [90, 9, 1])
    expected = 1000 * weights / weights.sum()

    assert found.total() == 1000
    times = np.array([found[f"i{n:03d}"] for n in range(100)])
    assert np.abs(times - expected).max() < 1  # rounded down or up
    assert not any(image.startswith("x") for image in found)


def test_interclass_takes_as_many_of_each_class(tables):
    found = taken(tables, method="interclass", n=60)
    times = [found[f"i{n:03d}"] for n in range(100)]

    assert [sum(times[:90]), sum(times[90:99]), times[99]] == [20, 20, 20]
    assert max(times[:90]) == 1
    assert {*times[90:99]} == {2, 3}


def test_the_background_is_not_sampled_for_and_empty_images_are_taken_where_asked_for(tables):
    found = taken(tables, method="interclass", n=20, background="a", num_empty=4)

    assert sum(count for image, count in found.items() if image.startswith("x")) == 4
    assert sum(found[f"i{n:03d}"] for n in range(90)) == 0
    assert found.total() == 20
    assert found["i099"] == 8
