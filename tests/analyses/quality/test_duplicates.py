"""Duplicates: each kind of pair, the groups they form, and which image is kept."""

from __future__ import annotations

import io
import json
from itertools import combinations

import numpy as np
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality import duplicates as module
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import HASHES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS
from dataeval_spark.tables.similarity import NEIGHBORS
from tests.analyses.profile.rows import image_stats


def duplicates(*tables, **options):
    """The function, with pairs kept in memory: otherwise each use of them is a plan of its own; equal hashes only."""
    options = {"phash_distance": 0, **options}
    pairs, groups, _, findings = module.duplicates(*tables, checkpoint=lambda frame: frame.localCheckpoint(), **options)
    return pairs, groups, findings


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
    ("alone", 0, None, "C", "p-copy", "d-copy"),
    ("alone", 1, None, "C", "p-copy", "d-copy"),
]


COLORS = {"red": (255, 0, 0), "green": (0, 130, 0), "blue": (0, 0, 255), "white": (255, 255, 255)}
NAMES = ("file_hash", "content_hash", "phash", "dhash", "phash_d4", "dhash_d4")


def filled(frame, table, rows):
    """A frame of a table whose rows, as dicts, name only the columns a test is about."""
    required = {"fingerprint": "f", "run_id": "r", "dataset": "d", "source": "s"}
    return frame(table, [tuple({**required, **row}.get(name) for name in table.column_names) for row in rows])


def hashed(name, hashes, target=None):
    return {"image_id": name, "target_index": target, "content_scope": "all", **dict(zip(NAMES, hashes, strict=False))}


def inputs(frame, rows, boxes=()):
    hashes = [hashed(row[0], row[1:5]) for row in rows] + [hashed(box[0], box[2:], box[1]) for box in boxes]
    stats = [{"image_id": row[0], "size": row[5], "sharpness": row[6], "std": row[7]} for row in rows]
    stats += [{"image_id": box[0], "target_index": box[1], "size": 1.0, "std": 50.0} for box in boxes]
    images = [{"image_id": row[0], "split": row[8]} for row in rows]
    return filled(frame, HASHES, hashes), image_stats(frame, stats), filled(frame, IMAGES, images)


def pairs_of(frame):
    return sorted((row.image_id_a, row.image_id_b, row.kind) for row in frame.collect())


def groups_of(frame):
    rows = sorted(frame.collect(), key=lambda row: row.image_id)
    return {group: [row for row in rows if row.group_id == group] for group in sorted({row.group_id for row in rows})}


@pytest.fixture(scope="module")
def scene(frame):
    pairs, groups, _ = duplicates(*inputs(frame, SCENE, BOXES))
    return pairs, groups, pairs_of(pairs), groups_of(groups)


def test_the_columns_are_those_of_the_contracts(scene):
    pairs, groups, _, _ = scene

    assert [(n, t) for n, t in pairs.dtypes] == [
        (c.name, c.type.replace(": ", ":")) for c in DUPLICATE_PAIRS.result_columns
    ]
    assert [(n, t) for n, t in groups.dtypes] == [
        (c.name, c.type.replace(": ", ":")) for c in DUPLICATE_GROUPS.result_columns
    ]
    assert {row.distance for row in pairs.collect()} == {0.0}


def test_equal_pixels_of_files_of_which_less_was_decoded_are_no_exact_copies(frame):
    rows = [
        (name, f"f-{name}", "C" if name[0] == "c" else "D", None, None, 100.0, 1.0, 50.0, None)
        for name in ("c1", "c2", "c3", "d1", "d2")
    ]
    hashes, stats, images = inputs(frame, rows)
    scope = F.expr("CASE image_id WHEN 'c1' THEN 'first_frame' WHEN 'c2' THEN 'fewer_bits' ELSE 'all' END")
    hashes = hashes.withColumn("content_scope", scope)

    pairs, _, _ = duplicates(hashes, stats, images)
    exact, _, _ = duplicates(hashes, stats, images, near=False)

    assert pairs_of(pairs) == [("c1", "c2", "decoded_pixels"), ("d1", "d2", "exact_pixels")]
    assert pairs_of(exact) == [("d1", "d2", "exact_pixels")]


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


def test_blank_is_measured_on_the_scale_of_the_values(frame):
    def kinds(bit_depth, std):
        hashes = [hashed(name, (name, name, "0", "0")) for name in ("a", "b")]
        stats = [{"image_id": name, "size": 1.0, "std": std, "bit_depth": bit_depth} for name in ("a", "b")]
        images = filled(frame, IMAGES, [{"image_id": name} for name in ("a", "b")])
        pairs, _, _ = duplicates(filled(frame, HASHES, hashes), image_stats(frame, stats), images)
        return {row.kind for row in pairs.collect()}

    assert kinds(1, 0.288) == {"phash", "dhash"}  # noise in [0, 1]
    assert kinds(1, 0.007) == {"low_information"}
    assert kinds(16, 20.0) == {"low_information"}
    assert kinds(None, 1.9) == {"low_information"}  # the range is not known


def test_pairs_that_share_an_image_form_one_group_but_blank_images_are_no_duplicates(scene):
    members = {group: [row.image_id for row in rows] for group, rows in scene[3].items()}

    assert members == {
        "chain-b": ["chain-b", "chain-c"],  # chain-a is a pair of chain-b, but not of chain-c, which is kept
        "copy-1": ["copy-1", "copy-2"],
        "encoded-1": ["encoded-1", "encoded-2"],
        "faint-1": ["faint-1", "faint-2"],
        "star-1": ["star-1", "star-2", "star-3", "star-4"],
    }
    assert {row.group_size for row in scene[3]["star-1"]} == {4}


def test_a_member_names_the_kinds_that_tie_it_to_the_group(scene):
    kinds = {row.image_id: row.kinds for group in ("chain-b", "copy-1") for row in scene[3][group]}

    assert kinds == {
        "chain-b": ["dhash", "phash"],
        "chain-c": ["dhash"],
        "copy-1": ["dhash", "exact_file", "exact_pixels", "phash"],
        "copy-2": ["dhash", "exact_file", "exact_pixels", "phash"],
    }


def test_one_image_is_kept_the_largest_then_the_sharpest_then_the_smallest_id(scene):
    chosen = {row.image_id: (row.is_kept, row.reason) for rows in scene[3].values() for row in rows}

    kept = (True, "kept: largest, then sharpest, then smallest id")
    assert {name: chosen[name] for name in ("chain-b", "chain-c", "copy-1", "copy-2")} == {
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


def test_without_near_only_exact_copies_are_found(frame):
    pairs, _, _ = duplicates(*inputs(frame, SCENE), near=False)

    assert pairs_of(pairs) == [
        ("copy-1", "copy-2", "exact_file"),
        ("copy-1", "copy-2", "exact_pixels"),
        ("encoded-1", "encoded-2", "exact_pixels"),
    ]


def test_pictures_whose_hashes_hang_on_noise_are_in_no_near_group_but_their_copies_are_found(frame):
    pictures = {
        **{f"flat-{name}": np.full((64, 64, 3), color, np.uint8) for name, color in COLORS.items()},
        **{f"ramp-{n}": np.tile(np.linspace(20 + n, 200 + n, 64), (64, 1)).astype(np.uint8) for n in (0, 40, 55)},
        "ramp-copy": np.tile(np.linspace(20, 200, 64), (64, 1)).astype(np.uint8),
    }
    profiles = {name: profile_image(png(pixels)).image for name, pixels in pictures.items()}
    hashes = [{"image_id": name, **image.hashes} for name, image in profiles.items()]
    stats = [
        {"image_id": name, **{key: image.stats[key] for key in ("size", "sharpness", "std", "bit_depth")}}
        for name, image in profiles.items()
    ]
    tables = (
        filled(frame, HASHES, hashes),
        image_stats(frame, stats),
        filled(frame, IMAGES, [{"image_id": name} for name in pictures]),
    )

    pairs, groups, findings = duplicates(*tables, phash_distance=8, dhash_distance=8, d4=True)
    all_of_them, _, _ = duplicates(*tables, d4=True, phash_noise_bits=64, dhash_noise_bits=64, low_information_std=0.0)

    assert {row.image_id for row in groups.collect()} == {"ramp-0", "ramp-copy"}
    assert {row.kind for row in pairs.collect()} == {"exact_file", "exact_pixels", "low_information"}
    # By their hashes alone they would be one group.
    assert {"flat-red", "flat-blue"} <= {row.image_id_a for row in all_of_them.collect()} | {
        row.image_id_b for row in all_of_them.collect()
    }
    (finding,) = findings.collect()
    assert (finding.rule, finding.subject, finding.value) == ("without_structure", "images", 8.0)
    assert finding.message.startswith("8 images are flat, or so smooth that noise decides their perceptual hashes")


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_one_image_has_no_pairs_and_no_groups(frame):
    pairs, groups, findings = duplicates(*inputs(frame, SCENE[:1]))

    assert pairs.collect() == []
    assert groups.collect() == []
    assert findings.collect() == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low_information_std": -1.0}, r"duplicates\.low_information_std is -1\.0; expected a number in"),
        ({"one_task_edges": 0}, r"duplicates\.one_task_edges is 0; expected a number in \[1, 1000000000\]"),
        ({"phash_distance": 65}, r"duplicates\.phash_distance is 65; expected a number in \[0, 64\]"),
        ({"keep": "label"}, r"(?s)duplicates\.keep is 'label'; expected one of .*Hint: duplicates\.keep = 'labelled'"),
        ({"grouping": "chain"}, r"duplicates\.grouping is 'chain'; expected one of \['components', 'medoid'\]"),
        ({"compat": "dataeval", "dhash_distance": 1}, "allows equal hashes only; .* dhash_distance is 1, expected 0"),
        ({"embedding_distance": 0.1}, "(?s)there is no table neighbors.*analyze --workspace WS neighbors"),
        ({"phash_noise_bits": 65}, r"duplicates\.phash_noise_bits is 65; expected a number in \[0, 64\]"),
        ({"dhash_noise_bits": -1}, r"duplicates\.dhash_noise_bits is -1; expected a number in \[0, 64\]"),
    ],
)
def test_a_wrong_option_names_itself(frame, options, message):
    with pytest.raises(OptionError, match=message):
        duplicates(*inputs(frame, SCENE[:1]), **options)


@pytest.mark.parametrize(
    ("metric", "options", "message"),
    [
        ("cosine", {"embedding_distance": -1.0}, r"embedding_distance is -1\.0; expected a number in"),
        ("cosine", {"embedding_distance": 0.1, "embedding_encoder": "typo"}, r"'typo'; expected one of \['e'\]"),
        ("cosine", {"embedding_distance": 0.1, "boxes": True}, "neighbors holds none of boxes"),
        ("inner_product", {"embedding_distance": 0.1}, "(?s)holds inner products.*neighbors.metric=cosine"),
    ],
)
def test_what_the_graph_cannot_tell_is_an_error(frame, metric, options, message):
    row = {"encoder": "e", "k": 1, "metric": metric, "method": "exact", "encoder_version": "1", "image_id": "a"}
    graph = filled(frame, NEIGHBORS, [{**row, "rank": 1, "neighbor_id": "b", "distance": 0.5}])
    with pytest.raises(OptionError, match=message):
        duplicates(*inputs(frame, SCENE[:1]), None, graph, **options)


def test_an_image_whose_neighbours_are_all_duplicates_is_a_finding(frame):
    near = [("a", 1, 0.01), ("a", 2, 0.02), ("b", 1, 0.01), ("b", 2, 0.5)]
    rows = [
        {"encoder": "e", "k": 2, "metric": "cosine", "method": "exact", "encoder_version": "1", "image_id": image,
         "rank": rank, "neighbor_id": "n", "distance": distance}
        for image, rank, distance in near
    ]  # fmt: skip

    _, _, findings = duplicates(
        *inputs(frame, SCENE[:1]),
        neighbors=filled(frame, NEIGHBORS, [*rows, {**rows[1], "encoder": "other"}]),
        embedding_distance=0.1,
        embedding_encoder="e",
    )

    (finding,) = findings.collect()
    assert (finding.rule, finding.subject, finding.value) == ("embedding_list_full", "e", 1.0)
    assert finding.message == (
        "e: all 2 neighbours of 1 images are duplicates of them; there may be more. Raise neighbors.k."
    )


def test_groups_are_the_components_of_all_images_within_the_distance(frame):
    numbers = [int(number) for number in np.random.default_rng(0).integers(0, 2**11, 30)]
    rows = [(f"{i:02}", f"f{i}", f"c{i}", f"{n:016x}", None, 1.0, 1.0, 50.0, None) for i, n in enumerate(numbers)]
    hashes, stats, images = inputs(frame, rows)

    _, groups, _ = duplicates(hashes.repartition(7), stats, images, phash_distance=2, grouping="components")

    smallest = list(range(len(numbers)))
    for _ in numbers:
        for i, j in combinations(range(len(numbers)), 2):
            if (numbers[i] ^ numbers[j]).bit_count() <= 2:
                smallest[i] = smallest[j] = min(smallest[i], smallest[j])
    expected = {f"{i:02}": f"{least:02}" for i, least in enumerate(smallest) if smallest.count(least) > 1}
    assert 1 < len(set(expected.values())) < len(expected) < len(numbers)
    assert {row.image_id: row.group_id for row in groups.collect()} == expected


def near_and_exact(pairs):
    """Groups as DataEval makes them: near ones and exact ones apart, near ones within an exact one left out."""

    def merged(rows):
        group_of = {}
        for row in rows:
            both = group_of.get(row.image_id_a, {row.image_id_a}) | group_of.get(row.image_id_b, {row.image_id_b})
            group_of |= dict.fromkeys(both, both)
        return {frozenset(int(name) for name in group) for group in group_of.values()}

    rows = pairs.collect()
    exact = merged(row for row in rows if row.kind.startswith("exact"))
    near = merged(row for row in rows if not row.kind.startswith("exact"))
    return exact, {group for group in near if not any(group <= other for other in exact)}


@pytest.mark.shared
@pytest.mark.parametrize("d4", [False, True])
def test_groups_equal_dataeval(frame, shared, d4):
    with np.load(shared / "reference" / "parity_inputs.npz") as found:
        pictures = found["synth60"].transpose(0, 2, 3, 1)
    reference = json.loads((shared / "reference" / "parity_reference.json").read_text())
    table = reference["expected"]["Duplicates/d4" if d4 else "Duplicates/default"]
    expected = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    tables = inputs_of(frame, [profiled(number, picture) for number, picture in enumerate(pictures)])

    pairs, _, _ = duplicates(*tables, d4=d4, compat="dataeval")
    exact, near = near_and_exact(pairs)

    assert (
        exact
        == {frozenset(row["item_indices"]) for row in expected if row["dup_type"] == "exact"}
        == {frozenset({12, 33})}
    )
    assert near == {frozenset(row["item_indices"]) for row in expected if row["dup_type"] == "near"}
    for row in expected:
        names = {f"{index:02}" for index in row["item_indices"]}
        of_group = [pair for pair in pairs.collect() if {pair.image_id_a, pair.image_id_b} <= names]
        if row["dup_type"] == "near":
            kinds = {pair.kind for pair in of_group if not pair.kind.startswith("exact")}
            assert set(row["methods"]) <= kinds
        if row.get("orientation"):
            assert row["orientation"] in {pair.orientation for pair in of_group}


@pytest.mark.shared
def test_blank_images_of_different_colours_are_apart_unless_dataeval_is_asked_for(frame, shared):
    with np.load(shared / "reference" / "parity_inputs.npz") as found:
        pictures = found["synth60"].transpose(0, 2, 3, 1)
    tables = inputs_of(frame, [profiled(number, pictures[number]) for number in (7, 19)])

    assert pairs_of(duplicates(*tables)[0]) == []
    assert pairs_of(duplicates(*tables, compat="dataeval")[0]) == [("07", "19", "dhash")]


def inputs_of(frame, profiles):
    hashes = [hashed(name, found) for name, found, _ in profiles]
    stats = [{"image_id": name, **measured} for name, _, measured in profiles]
    images = [{"image_id": name} for name, _, _ in profiles]
    return filled(frame, HASHES, hashes), image_stats(frame, stats), filled(frame, IMAGES, images)


def profiled(number, picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    image = profile_image(file.getvalue()).image
    hashes = [image.hashes[name] for name in NAMES]
    return f"{number:02}", hashes, {name: image.stats[name] for name in ("size", "sharpness", "std")}
