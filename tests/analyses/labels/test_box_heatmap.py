"""Where boxes lie in their images."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.analyses.labels.box_heatmap import box_heatmap
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.labels import BOX_HEATMAP

SIZES = {"a": (100, 50), "b": (40, 40), "c": (None, None)}


def images(frame, sizes):
    names = IMAGES.column_names
    given = {"dataset": "d", "source": "s", "run_id": "r"}
    rows = [{**given, "image_id": i, "upright_width": w, "upright_height": h} for i, (w, h) in sizes.items()]
    return frame(IMAGES, [tuple(row.get(name) for name in names) for row in rows])


def targets(frame, boxes):
    rows = [(i, number, name, box, None, None, None, "r") for number, (i, name, box) in enumerate(boxes)]
    return frame(TARGETS, rows)


def tiles(found):
    return {
        (row.class_name, row.row, row.column): (row.boxes, row.centers, row.share)
        for row in found.select(*BOX_HEATMAP.result_names).collect()
    }


def test_a_box_counts_in_each_tile_that_it_covers_and_its_centre_in_one(frame):
    found = box_heatmap(
        targets(frame, [("a", "cat", (0.0, 0.0, 60.0, 25.0)), ("b", "dog", (20.0, 20.0, 40.0, 40.0))]),
        images(frame, SIZES),
        grid=2,
    )

    assert tiles(found) == {
        ("cat", 0, 0): (1, 1, 1.0),
        ("cat", 0, 1): (1, 0, 1.0),
        ("dog", 1, 1): (1, 1, 1.0),
        (None, 0, 0): (1, 1, 0.5),
        (None, 0, 1): (1, 0, 0.5),
        (None, 1, 1): (1, 1, 0.5),
    }


def test_boxes_are_clipped_and_those_outside_or_without_area_or_size_are_left_out(frame):
    boxes = [
        ("b", "cat", (-10.0, -10.0, 50.0, 50.0)),
        ("b", "cat", (40.0, 0.0, 50.0, 10.0)),
        ("b", "cat", (5.0, 5.0, 5.0, 9.0)),
        ("b", "cat", (float("nan"), 0.0, 9.0, 9.0)),
        ("b", "cat", (0.0, 0.0, 9.0, float("nan"))),
        ("b", "cat", None),
        ("b", "cat", (0.0, None, 9.0, 9.0)),
        ("c", "cat", (0.0, 0.0, 5.0, 5.0)),
    ]

    found = box_heatmap(targets(frame, boxes), images(frame, SIZES), grid=1)

    assert tiles(found) == {("cat", 0, 0): (1, 1, 1.0), (None, 0, 0): (1, 1, 1.0)}


def test_a_label_of_unknown_class_counts_in_all_boxes_alone(frame):
    found = box_heatmap(targets(frame, [("b", None, (0.0, 0.0, 40.0, 40.0))]), images(frame, SIZES), grid=1)

    assert tiles(found) == {(None, 0, 0): (1, 1, 1.0)}


@pytest.mark.parametrize("partitions", [1, 7])
def test_counts_are_those_of_pixels_however_the_boxes_are_partitioned(frame, partitions):
    rng = np.random.default_rng(7)
    side, grid = 40, 10
    corners = np.sort(rng.integers(0, side + 1, (200, 2, 2)), axis=2)
    boxes = [("b", "cat", (float(x0), float(y0), float(x1), float(y1))) for (x0, x1), (y0, y1) in corners.tolist()]
    expected = np.zeros((grid, grid), int)
    for (x0, x1), (y0, y1) in corners.tolist():
        pixels = np.zeros((side, side), bool)
        pixels[y0:y1, x0:x1] = True
        expected += pixels.reshape(grid, side // grid, grid, side // grid).any((1, 3))

    found = box_heatmap(targets(frame, boxes).repartition(partitions), images(frame, SIZES), grid=grid)

    rows = tiles(found)
    counts = [[rows.get(("cat", row, column), (0, 0))[0] for column in range(grid)] for row in range(grid)]
    assert counts == expected.tolist()


def test_a_wrong_grid_names_itself(frame):
    with pytest.raises(OptionError, match=r"box_heatmap\.grid is 0; expected"):
        box_heatmap(targets(frame, []), images(frame, SIZES), grid=0)
