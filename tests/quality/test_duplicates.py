"""Duplicates: each kind of pair, the groups they form, and which image is kept."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.image_profile import profile_image
from dataeval_spark.quality.duplicates import duplicates
from dataeval_spark.tables import DUPLICATE_GROUPS, DUPLICATE_PAIRS, HASHES, IMAGES
from tests.stats.rows import image_stats

# image, file_hash, content_hash, phash, dhash, size, sharpness, std, split
SCENE = [
    ("copy-1", "F", "C", "p-copy", "d-copy", 100.0, 5.0, 50.0, "train"),
    ("copy-2", "F", "C", "p-copy", "d-copy", 100.0, 5.0, 50.0, "test"),
    # too small for a perceptual hash: re-encoded without loss
    ("encoded-1", "f1", "E", None, None, 64.0, None, 50.0, None),
    ("encoded-2", "f2", "E", None, None, 64.0, None, 50.0, "train"),
    # a ~ b by phash and b ~ c by dhash
    ("chain-a", "f3", "c3", "p-chain", "d3", 100.0, 1.0, 50.0, "train"),
    ("chain-b", "f4", "c4", "p-chain", "d-chain", 400.0, 1.0, 50.0, "train"),
    ("chain-c", "f5", "c5", "p5", "d-chain", 400.0, 9.0, 50.0, "train"),
    *((f"star-{n}", f"s{n}", f"cs{n}", "p-star", f"ds{n}", 100.0, 1.0, 50.0, "train") for n in (1, 2, 3, 4)),
    # blank images and an image of equal hash that is not blank; std 2.0 is the first that is not
    ("blank-1", "b1", "cb1", "0", "0", 100.0, 0.0, 0.0, "train"),
    ("blank-2", "b2", "cb2", "0", "0", 100.0, 0.0, 1.99, "train"),
    ("faint-1", "b3", "cb3", "0", "d-f1", 100.0, 0.0, 2.0, "train"),
    ("faint-2", "b4", "cb4", "0", "d-f2", 100.0, 0.0, 50.0, "train"),
    ("alone", "f9", "c9", "p9", "d9", 100.0, 1.0, 50.0, "train"),
]
# Two boxes with the hashes of images.
BOXES = [
    ("alone", 0, None, "C", "p-copy", "d-copy", None, None, "f", "r"),
    ("alone", 1, None, "C", "p-copy", "d-copy", None, None, "f", "r"),
]


def inputs(frame, rows, boxes=()):
    hashes = [(row[0], None, *row[1:5], None, None, "f", "r") for row in rows]
    stats = [{"image_id": row[0], "size": row[5], "sharpness": row[6], "std": row[7]} for row in rows]
    stats += [{"image_id": box[0], "target_index": box[1], "size": 1.0, "std": 50.0} for box in boxes]
    images = [(row[0], None, None, None, None, None, None, row[8], "d", "s", None, "r") for row in rows]
    return frame(HASHES, [*hashes, *boxes]), image_stats(frame, stats), frame(IMAGES, images)


def pairs_of(frame):
    return sorted((row.image_id_a, row.image_id_b, row.kind) for row in frame.collect())


def groups_of(frame):
    rows = sorted(frame.collect(), key=lambda row: row.image_id)
    return {group: [row for row in rows if row.group_id == group] for group in sorted({row.group_id for row in rows})}


@pytest.fixture(scope="module")
def scene(frame):
    pairs, groups = duplicates(*inputs(frame, SCENE, BOXES))
    return pairs, groups, pairs_of(pairs), groups_of(groups)


def test_the_columns_are_those_of_the_contracts(scene):
    pairs, groups, _, _ = scene

    assert [(n, t) for n, t in pairs.dtypes] == [
        (c.name, c.type.replace(": ", ":")) for c in DUPLICATE_PAIRS.columns if c.name != "run_id"
    ]
    assert [(n, t) for n, t in groups.dtypes] == [
        (c.name, c.type.replace(": ", ":")) for c in DUPLICATE_GROUPS.columns if c.name != "run_id"
    ]
    assert {row.distance for row in pairs.collect()} == {0.0}


def test_each_kind_of_equal_hash_is_a_pair_with_the_smallest_id(scene):
    assert scene[2] == [
        ("blank-1", "blank-2", "low_information"),
        ("chain-a", "chain-b", "phash"),
        ("chain-b", "chain-c", "dhash"),
        ("copy-1", "copy-2", "dhash"),
        ("copy-1", "copy-2", "exact_file"),
        ("copy-1", "copy-2", "exact_pixels"),
        ("copy-1", "copy-2", "phash"),
        ("encoded-1", "encoded-2", "exact_pixels"),
        ("faint-1", "faint-2", "phash"),
        ("star-1", "star-2", "phash"),
        ("star-1", "star-3", "phash"),
        ("star-1", "star-4", "phash"),
    ]


def test_pairs_that_share_an_image_form_one_group(scene):
    members = {group: [row.image_id for row in rows] for group, rows in scene[3].items()}

    assert members == {
        "blank-1": ["blank-1", "blank-2"],
        "chain-a": ["chain-a", "chain-b", "chain-c"],
        "copy-1": ["copy-1", "copy-2"],
        "encoded-1": ["encoded-1", "encoded-2"],
        "faint-1": ["faint-1", "faint-2"],
        "star-1": ["star-1", "star-2", "star-3", "star-4"],
    }
    assert {row.group_size for row in scene[3]["star-1"]} == {4}


def test_a_member_names_the_kinds_that_tie_it_to_the_group(scene):
    kinds = {row.image_id: row.kinds for group in ("chain-a", "copy-1") for row in scene[3][group]}

    assert kinds == {
        "chain-a": ["phash"],
        "chain-b": ["dhash", "phash"],
        "chain-c": ["dhash"],
        "copy-1": ["dhash", "exact_file", "exact_pixels", "phash"],
        "copy-2": ["dhash", "exact_file", "exact_pixels", "phash"],
    }


def test_one_image_is_kept_the_largest_then_the_sharpest_then_the_smallest_id(scene):
    chosen = {row.image_id: (row.is_kept, row.reason) for rows in scene[3].values() for row in rows}

    kept = (True, "kept: largest, then sharpest, then smallest id")
    assert {name: chosen[name] for name in ("chain-a", "chain-b", "chain-c", "copy-1", "copy-2")} == {
        "chain-a": (False, "smaller than chain-c"),
        "chain-b": (False, "less sharp than chain-c"),
        "chain-c": kept,
        "copy-1": kept,
        "copy-2": (False, "same size and sharpness as copy-1"),
    }
    assert (chosen["encoded-1"], chosen["encoded-2"][0]) == (kept, False)
    assert all(sum(row.is_kept for row in rows) == 1 for rows in scene[3].values())


def test_a_group_spans_splits_when_its_known_splits_differ(scene):
    assert [group for group, rows in scene[3].items() if all(row.spans_splits for row in rows)] == ["copy-1"]
    assert not any(row.spans_splits for group, rows in scene[3].items() if group != "copy-1" for row in rows)


@pytest.mark.parametrize("partitions", [1, 7])
def test_without_near_only_exact_copies_are_found(frame, partitions):
    hashes, stats, images = inputs(frame, SCENE)

    pairs, _ = duplicates(hashes.repartition(partitions), stats.repartition(partitions), images, near=False)

    assert pairs_of(pairs) == [
        ("copy-1", "copy-2", "exact_file"),
        ("copy-1", "copy-2", "exact_pixels"),
        ("encoded-1", "encoded-2", "exact_pixels"),
    ]


def test_one_image_has_no_pairs_and_no_groups(frame):
    pairs, groups = duplicates(*inputs(frame, SCENE[:1]))

    assert pairs.collect() == []
    assert groups.collect() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_information_std": -1.0}, r"duplicates\.low_information_std is -1\.0; expected a number in"),
        ({"max_edges": 0}, r"duplicates\.max_edges is 0; expected a number in \[1, 1000000000\]"),
    ],
)
def test_a_wrong_option_names_itself(frame, options, message):
    with pytest.raises(OptionError, match=message):
        duplicates(*inputs(frame, SCENE[:1]), **options)


@pytest.mark.shared
def test_groups_equal_dataeval_but_for_blank_images_of_different_colours(frame, shared):
    with np.load(shared / "reference" / "parity_inputs.npz") as found:
        pictures = found["synth60"].transpose(0, 2, 3, 1)
    reference = json.loads((shared / "reference" / "parity_reference.json").read_text())
    table = reference["expected"]["Duplicates/default"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert rows[2]["item_indices"] == [7, 19]  # black and white

    _, groups = duplicates(*inputs(frame, [profiled(number, picture) for number, picture in enumerate(pictures)]))
    found = {tuple(int(row.image_id) for row in members): members[0].kinds for members in groups_of(groups).values()}

    assert set(found) == {tuple(row["item_indices"]) for row in rows[:2]} == {(12, 33), (3, 50)}
    assert found[3, 50] == rows[1]["methods"] == ["dhash", "phash"]
    assert "exact_pixels" in found[12, 33]


def profiled(number, picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    image = profile_image(file.getvalue()).image
    stats = (image.stats[name] for name in ("size", "sharpness", "std"))
    hashes = (image.hashes[name] for name in ("file_hash", "content_hash", "phash", "dhash"))
    return f"{number:02}", *hashes, *stats, None
