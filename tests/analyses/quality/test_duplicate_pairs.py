"""Which images and boxes are pairs, by hashes that are near and by embeddings."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.quality.duplicate_pairs import WHOLE, pairs_by_embedding, pairs_by_hash

ITEMS = (
    "image_id string, target int, is_blank boolean, file_hash string, content_hash string, content_scope string, "
    "phash string, dhash string, phash_d4 string, dhash_d4 string"
)
# a, b and c are a chain in steps of 4 bits, e is d turned; two boxes that are 1 bit apart.
PHASHES = {
    "a": "000000000000000f",
    "b": "00000000000000ff",
    "b-copy": "00000000000000ff",
    "c": "0000000000000fff",
    "d": "ffffffff00000000",
    "e": "ffff00000000ffff",
    "blank": "000000000000000f",
}
TURNED = {"a": "a" * 16, "b": "b" * 16, "c": "c" * 16, "d": "d" * 16, "e": "d" * 16}


def items(frame):
    rows = [
        (name, WHOLE, name == "blank", None, None, "all", phash, None, TURNED[name[0]], None)
        for name, phash in PHASHES.items()
    ]
    rows += [
        ("a", 7, False, None, "box", "all", "000000000000000f", None, None, None),
        ("e", 0, False, None, "box", "all", "000000000000001f", None, None, None),
    ]
    return frame(ITEMS, rows)


@pytest.fixture(scope="module")
def found(frame):
    kinds = ("exact_pixels", "phash", "phash_d4", "low_information")
    rows = pairs_by_hash(items(frame), kinds, {"phash": 4, "dhash": 4, "phash_d4": 0}).collect()
    turned = {(r.image_id_a, r.image_id_b): r.orientation for r in rows if r.kind == "phash_d4"}
    return sorted(((r.kind, *ends(r), r.distance) for r in rows), key=repr), turned


def ends(row):
    return row.image_id_a, row.target_index_a, row.image_id_b, row.target_index_b


def test_near_hashes_are_pairs_of_their_smallest_images_and_boxes_are_pairs_of_boxes(found):
    assert [row for row in found[0] if row[0] != "phash_d4"] == [
        ("exact_pixels", "a", 7, "e", 0, 0.0),
        ("phash", "a", 7, "e", 0, 1.0),
        ("phash", "a", None, "b", None, 4.0),
        ("phash", "b", None, "b-copy", None, 0.0),
        ("phash", "b", None, "c", None, 4.0),
    ]


def test_a_rotated_copy_is_found_by_its_d4_hash_and_said_to_be_rotated(found):
    assert found[1] == {("b", "b-copy"): "same", ("d", "e"): "rotated"}


def test_near_d4_hashes_are_the_same_way_round_when_the_images_are_as_near(frame):
    rows = [
        ("x", WHOLE, False, None, None, "all", None, "0" * 16, None, "0" * 16),
        ("y", WHOLE, False, None, None, "all", None, "0" * 15 + "3", None, "0" * 15 + "1"),
        ("z", WHOLE, False, None, None, "all", None, "f" * 16, None, "0" * 15 + "2"),
    ]

    pairs = pairs_by_hash(frame(ITEMS, rows), ("dhash_d4",), {"dhash_d4": 2}).collect()

    assert {(r.image_id_a, r.image_id_b): (r.distance, r.orientation) for r in pairs} == {
        ("x", "y"): (1.0, "same"),
        ("x", "z"): (1.0, "rotated"),
        ("y", "z"): (2.0, "rotated"),
    }


def test_near_embeddings_are_pairs_unless_an_image_is_blank(frame):
    graph = "image_id string, target_index int, neighbor_id string, neighbor_target_index int, distance double"
    near = [
        ("a", None, "b", None, 0.01),
        ("b", None, "a", None, 0.01),
        ("c", None, "blank", None, 0.0),
        ("c", None, "a", None, 0.2),
        ("e", 0, "a", 7, 0.05),
    ]

    pairs = pairs_by_embedding(frame(graph, near), items(frame), 0.1).collect()

    assert {(*ends(row), row.distance) for row in pairs} == {("a", None, "b", None, 0.01), ("a", 7, "e", 0, 0.05)}
    assert len(pairs) == 2
    assert {r.kind for r in pairs} == {"embedding"}
