"""Pascal VOC files: rows of targets, a finding for what cannot be taken, and hostile XML."""

from __future__ import annotations

import json

import pytest

from dataeval_spark.kernels.formats.voc import parse_voc

OBJECT = (
    "<object><name>{name}</name><pose>Left</pose><truncated>0</truncated><difficult>1</difficult>"
    "<bndbox><xmin>{0}</xmin><ymin>{1}</ymin><xmax>{2}</xmax><ymax>{3}</ymax></bndbox></object>"
)
SIZE = "<size><width>100</width><height>50</height><depth>3</depth></size>"


def thing(*corners, name="cat"):
    return OBJECT.format(*corners, name=name)


def parse(*objects, size=SIZE, **options):
    text = f"<annotation><filename>a.jpg</filename>{size}{''.join(objects)}</annotation>"
    return list(parse_voc(text.encode(), **options))


def test_an_object_becomes_a_target_and_what_it_says_besides_becomes_attributes():
    image, target = parse(thing(10, 20.5, 40, 25))

    assert image == {"element": "image", "name": "a.jpg", "width": 100, "height": 50}
    assert json.loads(target.pop("attributes")) == {"pose": "Left", "truncated": 0, "difficult": 1}
    assert target == {
        "element": "target",
        "target_index": 0,
        "class_name": "cat",
        "box": {"x0": 10.0, "y0": 20.5, "x1": 40.0, "y1": 25.0},
        "is_crowd": None,
        "location": "object[0]",
    }


def test_coordinates_that_count_from_one_become_half_open_ones_that_count_from_zero():
    _, target = parse(thing(1, 1, 100, 50), one_based=True)

    assert target["box"] == {"x0": 0.0, "y0": 0.0, "x1": 100.0, "y1": 50.0}


def test_parts_of_an_object_are_kept():
    part = "<part><name>head</name><bndbox><xmin>1</xmin></bndbox></part>"

    _, target = parse(thing(1, 1, 5, 5).replace("</object>", f"{part}{part}</object>"))

    assert json.loads(target["attributes"])["part"] == [{"name": "head", "bndbox": {"xmin": 1}}] * 2


@pytest.mark.parametrize(
    ("element", "kind", "found", "kept"),
    [
        (thing("x", 2, 3, 4), "not_numeric_box", '["x", "2", "3", "4"]', False),
        (thing("", 2, 3, 4), "not_numeric_box", '[null, "2", "3", "4"]', False),
        (thing("nan", 2, 3, 4), "not_numeric_box", '["nan", "2", "3", "4"]', False),
        (thing("1_0", 2, 30, 4), "not_numeric_box", '["1_0", "2", "30", "4"]', False),
        ("<object><name>cat</name></object>", "not_numeric_box", "null", False),
        (thing(5, 2, 5, 4), "inverted_box", "[5.0, 2.0, 5.0, 4.0]", True),
        (thing(5, 9, 7, 4), "inverted_box", "[5.0, 9.0, 7.0, 4.0]", True),
        (thing(5, 9, 102, 14), "outside_box", "[5.0, 9.0, 102.0, 14.0]", True),
        (thing(-2, 9, 10, 14), "outside_box", "[-2.0, 9.0, 10.0, 14.0]", True),
        (thing(1, 2, 3, 4, name=" "), "unknown_class", "null", True),
    ],
)
def test_a_bad_object_is_a_finding_with_what_was_found(element, kind, found, kept):
    rows = parse(element, thing(1, 1, 2, 2))

    (bad,) = (row for row in rows if row["element"] == "finding")
    assert (bad["kind"], bad["found"], bad["location"], bad["target_index"]) == (kind, found, "object[0]", 0)
    assert [row["target_index"] for row in rows if row["element"] == "target"] == ([0, 1] if kept else [1])


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_without_a_size_no_box_is_outside(size):
    assert [row["element"] for row in parse(thing(0, 0, 1e6, 1e6), size=size)] == ["image", "target"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not well-formed XML: no element found"),
        (b"<annotation>", "not well-formed XML"),
        (b"{}", "not well-formed XML"),
        (b"\xff\xfe\x00", "not well-formed XML"),
        (
            b'<?xml version="1.0" encoding="nonsense"?><annotation/>',
            "not well-formed XML: the encoding 'nonsense' is not known",
        ),
        (b"<svg/>", "expected a root element 'annotation', found 'svg'"),
        (
            b'<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;">]><annotation><filename>&c;</filename></annotation>',
            "declares the entity 'b'; entities are refused",
        ),
        (
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><annotation><filename>&b;</filename></annotation>',
            "declares the entity 'b'; entities are refused",
        ),
    ],
)
def test_what_is_no_voc_file_is_a_value_error(data, message):
    with pytest.raises(ValueError, match=message):
        list(parse_voc(data))


def test_an_external_document_type_is_not_opened(tmp_path):
    (tmp_path / "a.dtd").write_text('<!ENTITY b "text">')
    document = f'<!DOCTYPE annotation SYSTEM "file://{tmp_path}/a.dtd"><annotation><filename>a</filename></annotation>'

    assert list(parse_voc(document.encode())) == [{"element": "image", "name": "a", "width": None, "height": None}]


def test_a_deeply_nested_file_does_no_harm():
    depth = 100_000
    nested = b"<a>" * depth + b"</a>" * depth

    rows = list(parse_voc(b"<annotation><object><name>x</name>" + nested + b"</object></annotation>"))

    assert [row.get("kind") for row in rows] == [None, "not_numeric_box"]
