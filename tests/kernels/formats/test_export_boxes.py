"""Any box, through any format: what is read again is inside the image, and what had no area there is counted."""

from __future__ import annotations

import io
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats import coco
from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.formats.export import Layout, table_rows, written_files, written_shards
from dataeval_spark.kernels.formats.export_boxes import LEAST_SIDE, clipped_polygon, extent, fitted
from dataeval_spark.kernels.formats.objects import parse_objects
from dataeval_spark.kernels.formats.voc import parse_voc
from dataeval_spark.kernels.formats.webdataset import read_shard
from dataeval_spark.kernels.formats.yolo import parse_yolo
from tests.kernels.formats.literals import SIZE, sample, target

CLASSES = ("cat", "dog")
# Inside, at an edge or beyond one, far away, too thin, and upside down.
edge = st.one_of(
    st.floats(-100, 200),
    st.sampled_from([0.0, 61.0, 37.0, -0.0, 1e-9, 60.9999999999, 1e300, -1e300, math.inf, -math.inf, 20.5, 20.50001]),
    st.floats(allow_nan=False),
)
boxes = st.lists(st.tuples(edge, edge, edge, edge), min_size=1, max_size=5)


def exported(tmp_path_factory, format, targets, **others):
    """What became of one image, and the boxes that are read of it again."""
    root = tmp_path_factory.mktemp(format)
    first = 1 if format == "coco" else 0
    layout = Layout(str(root), format, {name: n for n, name in enumerate(CLASSES, first)}, with_lost_labels=True)
    rows = [sample(targets, **others)]
    if format == "parquet":
        (found,) = table_rows(rows, layout)
        return found, [each["box"] for each in parse_objects(found["objects"]) if each.get("box")]
    if format == "webdataset":
        (found,) = written_shards(rows, layout)
        read, _ = read_shard(io.BytesIO((root / "shard-000000.tar").read_bytes()))
        return found, [each["box"] for each in read["targets"] if each["box"]]
    (found,) = written_files(rows, layout)
    if format == "yolo":
        text = (root / "labels/all/a.txt").read_bytes()
        return found, [each["box"] for each in parse_yolo(text, width=SIZE[0], height=SIZE[1]) if each.get("box")]
    if format == "voc":
        rows = parse_voc((root / "Annotations/a.xml").read_bytes())
        return found, [row["box"] for row in rows if row["element"] == "target"]
    parts = [
        coco.head_text("t"),
        found["image_text"],
        coco.between_text(),
        found["annotations_text"] or "",
    ]
    document = "".join([*parts, coco.tail_text(CLASSES)]).encode()
    return found, [row["box"] for row in parse_coco(document) if row["element"] == "target"]


def corners_of(box):
    return tuple(box.values()) if isinstance(box, dict) else tuple(box)


@pytest.mark.parametrize("format", ["coco", "yolo", "voc", "parquet", "webdataset"])
@given(boxes)
def test_a_box_that_is_read_again_is_inside_the_image(tmp_path_factory, format, given_boxes):
    found, read = exported(tmp_path_factory, format, [target(each) for each in given_boxes])

    width, height = SIZE
    kept = fitted([target(each) for each in given_boxes], SIZE)
    assert len(read) == len(kept.targets) == len(given_boxes) - found["boxes_left_out"]
    for box, each in zip(read, kept.targets, strict=True):
        x0, y0, x1, y1 = corners_of(box)
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert (x0, y0, x1, y1) == pytest.approx(tuple(each["box"].values()), abs=1e-7)


@given(boxes)
def test_clipping_is_the_common_part_of_box_and_image(given_boxes):
    kept = iter(fitted([target(each) for each in given_boxes], SIZE).targets)

    for x0, y0, x1, y1 in given_boxes:
        common = (max(x0, 0), max(y0, 0), min(x1, SIZE[0]), min(y1, SIZE[1]))
        is_finite = all(map(math.isfinite, (x0, y0, x1, y1)))
        if is_finite and common[2] - common[0] >= LEAST_SIDE and common[3] - common[1] >= LEAST_SIDE:
            assert tuple(next(kept)["box"].values()) == common
    assert next(kept, None) is None


def test_clipped_and_left_out_are_counted():
    given_boxes = [(0, 0, 61, 37), (-1, 0, 5, 5), (0, 0, 61.000001, 5), (70, 0, 80, 5), (5, 5, 5, 9), (9, 9, 5, 12)]

    kept = fitted([*(target(each) for each in given_boxes), target(None)], SIZE)

    assert (len(kept.targets), kept.clipped, kept.left_out) == (4, 1, 3)


@given(st.floats(0, 1), st.floats(0, 1))
def test_start_and_extent_do_not_add_up_to_more_than_the_end(a, b):
    start, end = sorted((a * 61, b * 61))

    assert end - 1e-12 <= start + extent(start, end, end) <= end


@given(st.lists(st.tuples(st.floats(-50, 150), st.floats(-50, 100)), min_size=3, max_size=8))
def test_a_polygon_is_clipped_to_the_image(corners):
    points = [value for corner in corners for value in corner]
    (line,) = [target((0, 0, 61, 37), polygon=points)]

    clipped = clipped_polygon(points, SIZE)

    if clipped is not None:
        assert all(0 <= x <= 61 for x in clipped[::2])
        assert all(0 <= y <= 37 for y in clipped[1::2])
    if all(0 <= x <= 61 and 0 <= y <= 37 for x, y in corners) and clipped is not None:
        assert clipped == points
    assert line["box"] is not None


def test_the_clipped_part_of_a_triangle_has_the_area_that_is_in_the_image():
    clipped = clipped_polygon([-10, 0, 10, 0, 10, 20], (40, 40))

    corners = list(zip(clipped[::2], clipped[1::2], strict=True))
    pairs = zip(corners, [*corners[1:], corners[0]], strict=True)
    assert abs(sum(x * v - u * y for (x, y), (u, v) in pairs)) / 2 == pytest.approx(200 - 50)


def test_a_polygon_in_yolo_is_within_the_image(tmp_path_factory):
    polygon = [-10.0, 0.0, 10.0, 0.0, 10.0, 50.0]
    _, read = exported(tmp_path_factory, "yolo", [target((-10, 0, 10, 50), polygon=polygon)])

    ((x0, y0, x1, y1),) = map(corners_of, read)
    assert 0 <= x0 < x1 <= 61
    assert 0 <= y0 < y1 <= 37
