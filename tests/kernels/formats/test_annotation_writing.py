"""What the writers of COCO, YOLO, VOC and WebDataset write is what the readers read."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats import coco
from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.formats.voc import annotation_text, parse_voc
from dataeval_spark.kernels.formats.webdataset import ShardWriter, document_of, read_shard
from dataeval_spark.kernels.formats.yolo import data_text, label_text, parse_data_file, parse_yolo

SIZE = (640, 480)
CLASSES = ("cat", "dog")


def target(class_name="cat", box=(1.5, 2.0, 30.25, 40.0), *, is_crowd=False, **attributes):
    corners = None if box is None else dict(zip(("x0", "y0", "x1", "y1"), box, strict=True))
    text = json.dumps(attributes, sort_keys=True) if attributes else None
    return {"class_name": class_name, "box": corners, "is_crowd": is_crowd, "attributes": text}


def coco_file(images, labels):
    """A whole file: images are texts, labels are texts."""
    parts = [coco.head_text("test"), ",\n".join(images), coco.between_text(), ",\n".join(labels)]
    return "".join([*parts, coco.tail_text(CLASSES)]).encode()


def test_coco_keeps_boxes_crowds_and_what_else_the_source_said():
    numbers = {name: number for number, name in enumerate(CLASSES, start=1)}
    given_targets = [
        target(segmentation=[[1, 2, 3, 4, 5, 6]], area=2.5),
        target("dog", (0.1, 0.2, 0.30000000000000004, 7.0), is_crowd=True),
        target("dog", None, difficult=1, pose="left"),
        target("cow"),
    ]
    image = coco.image_text(1, "a/1.jpg", SIZE, datetime(2024, 5, 1, 12, tzinfo=UTC))
    texts = coco.annotation_texts(1, 1, given_targets, numbers)

    rows = list(parse_coco(coco_file([image], texts)))

    assert rows[0]["name"] == "a/1.jpg"
    assert rows[0]["captured_at"] == "2024-05-01T12:00:00+00:00"
    found = [row for row in rows if row["element"] == "target"]
    assert [row["element"] for row in rows] == ["image", *["target"] * len(found), "count"]
    for row, expected in zip(found, given_targets[:3], strict=True):
        assert (row["class_name"], row["is_crowd"], row["attributes"]) == (
            expected["class_name"],
            expected["is_crowd"],
            expected["attributes"],
        )
        if expected["box"] is None:
            assert row["box"] is None
        else:
            assert row["box"] == pytest.approx(expected["box"], rel=1e-14)


def test_coco_annotations_have_what_its_tools_ask_for():
    (text,) = coco.annotation_texts(7, 3, [target()], {"cat": 1})

    entry = json.loads(text)
    assert entry["bbox"] == [1.5, 2.0, 28.75, 38.0]
    assert (entry["id"], entry["image_id"], entry["category_id"], entry["iscrowd"]) == (7, 3, 1, 0)
    assert entry["area"] == 28.75 * 38.0


def test_a_coco_file_without_annotations_is_one():
    document = json.loads(coco_file([], []))

    assert document["images"] == document["annotations"] == []
    assert document["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]


corner = st.floats(0, 400, allow_nan=False)


@given(st.tuples(corner, corner, st.floats(1, 200), st.floats(1, 70)))
def test_a_yolo_box_comes_back_within_a_ten_thousandth_of_a_pixel(numbers):
    x, y, width, height = numbers
    box = (x, y, x + width, y + height)

    (row,) = parse_yolo(label_text([target(box=box)], SIZE, {"cat": 0}).encode(), width=SIZE[0], height=SIZE[1])

    assert list(row["box"].values()) == pytest.approx(box, abs=1e-4)
    assert row["class_name"] == "0"


def test_in_a_yolo_file_with_a_polygon_boxes_are_polygons_too():
    polygon = [0.0, 0.0, 64.0, 0.0, 64.0, 48.0]
    given_targets = [target(box=(8, 4, 16, 12)), target("dog", (0, 0, 64, 48), polygon=polygon)]
    text = label_text(given_targets, SIZE, {"cat": 0, "dog": 1})

    boxed, shaped = parse_yolo(text.encode(), width=SIZE[0], height=SIZE[1], names={0: "cat", 1: "dog"})

    assert list(boxed["box"].values()) == pytest.approx([8, 4, 16, 12], abs=1e-4)
    assert json.loads(shaped["attributes"]) == {"polygon": polygon}
    assert shaped["class_name"] == "dog"


@pytest.mark.parametrize("polygon", [[[0, 0], [5, 0], [5, 5], [1, 1], [2, 2], [3, 3]], [1, 2, 3, 4, 5, 6, 7], "none"])
def test_what_is_no_polygon_is_written_as_a_box_of_five_numbers(polygon):
    (line,) = label_text([target(polygon=polygon, score=0.5)], SIZE, {"cat": 0}).splitlines()

    assert len(line.split()) == 5


def test_yolo_leaves_out_what_its_lines_cannot_hold():
    assert label_text([target(box=None), target("cow")], SIZE, {"cat": 0}) == ""


def test_the_data_set_file_names_classes_and_splits():
    text = data_text(["no", "1"], {"train": "images/train", "validation": "images/validation", "extra": "images/extra"})

    found = parse_data_file(text.encode())
    assert found.names == {0: "no", 1: "1"}
    assert found.splits == {"train": ("images/train",), "val": ("images/validation",)}
    assert yaml.safe_load(text)["extra"] == "images/extra"
    assert yaml.safe_load(data_text(["a"], {"names": "images/names"}))["names"] == {0: "a"}


def test_training_images_are_validated_on_where_there_are_no_others():
    assert yaml.safe_load(data_text(["a"], {None: "images/all"})) == {
        "names": {0: "a"},
        "train": "images/all",
        "val": "images/all",
    }


text = st.text(max_size=8)
said = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(["pose", "difficult", "part", "name", "bndbox", "iscrowd", "attributes", "xmlns"]) | text


@given(st.dictionaries(keys, said, max_size=4), st.booleans())
def test_voc_keeps_boxes_crowds_and_whatever_else_the_source_said(attributes, is_crowd):
    given_target = target('a<b & "c"', (0.1, 2, 30.25, 40), is_crowd=is_crowd, **attributes)

    image, row = parse_voc(annotation_text("a & b/1.jpg", SIZE, [given_target, target(box=None)]).encode())

    assert (image["name"], image["width"], image["height"]) == ("a & b/1.jpg", *SIZE)
    assert row["class_name"] == given_target["class_name"]
    assert row["box"] == given_target["box"]
    assert bool(row["is_crowd"]) == is_crowd
    # None says nothing, and no reader keeps it.
    assert json.loads(row["attributes"] or "{}") == {
        key: value for key, value in attributes.items() if value is not None
    }


def test_voc_has_elements_for_what_its_tools_know():
    text = annotation_text("1.jpg", SIZE, [target(box=(1, 2, 3, 4.5), difficult=1, pose="Left", occluded=0.5)])

    assert text == (
        "<annotation>\n"
        "  <folder>JPEGImages</folder>\n"
        "  <filename>1.jpg</filename>\n"
        "  <size><width>640</width><height>480</height></size>\n"
        "  <object><name>cat</name><difficult>1</difficult><pose>Left</pose>"
        '<attributes>{"occluded": 0.5}</attributes>'
        "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4.5</ymax></bndbox></object>\n"
        "</annotation>\n"
    )


def test_a_shard_is_read_back_with_labels_boxes_and_metadata(tmp_path):
    boxed = [target(difficult=1), target("dog", is_crowd=True)]
    samples = [
        (
            "a/1.png",
            b"one",
            document_of([target(box=None, is_crowd=None)], "train", None, {"camera": "A", "gain": 1.5}),
        ),
        ("a/2.png", b"two", document_of(boxed, None, "2024-05-01T12:00:00+00:00", {})),
        ("3.jpg", b"three", document_of([], "test", None, {})),
    ]
    file = io.BytesIO()
    with ShardWriter(file) as shard:
        for path, content, document in samples:
            shard.add(path, content, document)

    one, two, three, _ = read_shard(io.BytesIO(file.getvalue()))

    assert [each["member"] for each in (one, two, three)] == ["a/1.png", "a/2.png", "3.jpg"]
    assert [each["content"] for each in (one, two, three)] == [b"one", b"two", b"three"]
    assert [row["class_name"] for row in one["targets"]] == ["cat"]
    assert dict(one["factors"])["gain"] == {"type": "double", "text": "1.5"}
    assert one["split"] == "train"
    assert two["captured_at"] == "2024-05-01T12:00:00+00:00"
    assert [(row["class_name"], row["box"], row["is_crowd"], row["attributes"]) for row in two["targets"]] == [
        (each["class_name"], each["box"], each["is_crowd"], each["attributes"]) for each in boxed
    ]
    assert three["targets"] == []


def test_the_same_samples_make_the_same_shard():
    files = [io.BytesIO(), io.BytesIO()]
    for file in files:
        with ShardWriter(file) as shard:
            shard.add("1.png", b"one", {"class_name": "cat"})

    assert files[0].getvalue() == files[1].getvalue()
