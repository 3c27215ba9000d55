"""Each operation of a selection on ten images, and recipes of several."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.verbs.select.recipe import apply, check, targets_of
from dataeval_spark.verbs.select.state import ORDER
from tests.analyses.bias.rows import images, table

# Image, dataset, classes of its targets, weather, brightness
SCENE = [
    ("a0", "a", ["cat"], "sun", 0.1),
    ("a1", "a", ["cat", "dog"], "rain", 0.2),
    ("a2", "a", ["dog"], "sun", 0.3),
    ("a3", "a", ["cat"], None, 0.4),
    ("a4", "a", [], "sun", 0.5),
    ("b0", "b", ["cat"], "sun", 0.6),
    ("b1", "b", ["car"], "rain", 0.7),
    ("b2", "b", ["cat", "cat"], "sun", 0.8),
    ("b3", "b", ["cat"], "sun", 0.9),
    ("b4", "b", ["cat"], "rain", 1.0),
]


@pytest.fixture(scope="module")
def tables(frame):
    ids = [row[0] for row in SCENE]
    rows = [
        {"image_id": row[0], "target_index": index, "class_name": name, "attributes": f'{{"at": {index}}}'}
        for row in SCENE
        for index, name in enumerate(row[2])
    ]
    found = {
        "images": images(frame, ids, dataset=[row[1] for row in SCENE], split=["train"] * 5 + ["test"] * 5),
        "targets": table(frame, TARGETS, rows),
        "factors": frame("image_id string, target_index int, weather string", [(r[0], None, r[3]) for r in SCENE]),
        "image_stats": frame(
            "image_id string, target_index int, brightness double", [(r[0], None, r[4]) for r in SCENE]
        ),
        "duplicate_groups": frame(
            "image_id string, target_index int, is_kept boolean, is_exact_copy boolean",
            [("a0", None, True, False), ("b0", None, False, True), ("b1", None, False, False), ("b2", 0, False, True)],
        ),
        "outliers": frame(
            "image_id string, target_index int, statistic string", [("a2", None, "mean"), ("b3", None, "size")]
        ),
        "image_findings": frame(
            "image_id string, target_index int, rule string", [("b4", None, "dark"), ("a1", 0, "dark")]
        ),
        "split_assignments": frame(
            "split_name string, repeat int, fold int, image_id string, split string",
            [("s", 0, None, "a0", "x"), ("s", 0, None, "b1", "x"), ("s", 1, None, "a3", "x")],
        ),
    }
    return {name: rows.cache() for name, rows in found.items()}


def selected(tables, *recipe):
    return [row.image_id for row in apply(recipe, tables).members.orderBy(*ORDER).collect()]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"operation": "datasets", "names": ["b"]}, "b0 b1 b2 b3 b4"),
        ({"operation": "split", "name": "given", "part": "train"}, "a0 a1 a2 a3 a4"),
        ({"operation": "split", "name": "s", "part": "x"}, "a0 b1"),
        ({"operation": "where", "condition": "dataset = 'a' AND factors.weather = 'sun'"}, "a0 a2 a4"),
        ({"operation": "where", "condition": "stats.brightness > 0.75"}, "b2 b3 b4"),
        ({"operation": "classes", "keep": ["dog", "car"]}, "a1 a2 b1"),
        ({"operation": "drop_duplicates"}, "a0 a1 a2 a3 a4 b1 b2 b3 b4"),
        ({"operation": "drop_duplicates", "near": True}, "a0 a1 a2 a3 a4 b2 b3 b4"),
        ({"operation": "drop_outliers", "statistics": ["mean"]}, "a0 a1 a3 a4 b0 b1 b2 b3 b4"),
        ({"operation": "drop_outliers"}, "a0 a1 a3 a4 b0 b1 b2 b4"),
        ({"operation": "drop_findings", "rules": ["dark"]}, "a0 a1 a2 a3 a4 b0 b1 b2 b3"),
        ({"operation": "limit", "n": 3}, "a0 a1 a2"),
        ({"operation": "indices", "positions": [9, 0, 4]}, "a0 a4 b4"),
        ({"operation": "relabel", "classes": {"car": "vehicle"}, "unmatched": "drop"}, "b1 a4"),
    ],
    ids=lambda value: value["operation"] if isinstance(value, dict) else None,
)
def test_operations_that_choose(tables, step, expected):
    assert selected(tables, step) == sorted(expected.split())


def test_a_shuffle_is_the_same_each_time_and_what_follows_sees_its_order(tables):
    shuffled = selected(tables, {"operation": "shuffle", "seed": 3})
    first = selected(tables, {"operation": "shuffle", "seed": 3}, {"operation": "limit", "n": 4})

    assert sorted(shuffled) == [row[0] for row in SCENE]
    assert shuffled != sorted(shuffled)
    assert first == shuffled[:4]
    assert selected(tables, {"operation": "shuffle", "seed": 4}) != shuffled


def test_a_relabeled_class_is_what_later_operations_see(tables):
    relabel = {"operation": "relabel", "classes": {"cat": "pet", "dog": "pet"}}
    recipe = [relabel, {"operation": "classes", "keep": ["pet"]}, {"operation": "limit", "n": 2}]
    chosen = apply(recipe, tables)
    targets = targets_of(recipe, chosen.members, tables)

    assert {(row.image_id, row.target_index, row.class_name, row.attributes) for row in targets.collect()} == {
        ("a0", 0, "pet", '{"at": 0}'),
        ("a1", 0, "pet", '{"at": 0}'),
        ("a1", 1, "pet", '{"at": 1}'),
    }


def test_labels_of_other_classes_go_or_stay_as_is_said(tables):
    for keeps, expected in ((True, {"dog"}), (False, {"cat", "dog"})):
        recipe = [{"operation": "classes", "keep": ["dog"], "filter_targets": keeps}]
        targets = targets_of(recipe, apply(recipe, tables).members, tables)

        assert {row.class_name for row in targets.collect()} == expected


def test_a_stratified_sample_has_the_same_share_of_each_stratum(tables):
    found = selected(tables, {"operation": "stratified_sample", "fraction": 0.5, "by": "weather"})
    weather = {row[0]: row[3] for row in SCENE}

    # Six of sun, three of rain (Spark rounds 1.5 up), one without.
    assert sorted(str(weather[image]) for image in found) == ["None", "rain", "rain", "sun", "sun", "sun"]


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ([{"operation": "limti", "n": 1}], ConfigError, "did you mean 'limit'"),
        ([{"operation": "limit", "m": 1}], ConfigError, "unknown option 'm'"),
        ([{"operation": "limit"}], OptionError, "limit lacks n"),
        ([{"n": 1}], OptionError, "expected operation = 'NAME'"),
    ],
)
def test_recipes_that_cannot_be_are_refused(recipe, error, message):
    with pytest.raises(error, match=message):
        check(recipe)


def test_operations_without_their_table_or_beyond_the_end_are_refused(tables):
    few = {name: tables[name] for name in ("images", "targets")}

    with pytest.raises(OptionError, match="needs the table duplicate_groups"):
        selected(few, {"operation": "drop_duplicates"})
    old = {
        **tables,
        "duplicate_groups": tables["duplicate_groups"].withColumn("is_exact_copy", F.lit(None).cast("boolean")),
    }
    with pytest.raises(OptionError, match="does not tell copies from near duplicates"):
        selected(old, {"operation": "drop_duplicates"})
    for step, message in (
        ({"operation": "split", "name": "s", "part": "y"}, r"select\.split\.part is 'y'; expected one of \['x'\]"),
        ({"operation": "split", "name": "r", "part": "x"}, r"select\.split\.name is 'r'; expected one of \['s'\]"),
        ({"operation": "split", "name": "given", "part": "x"}, r"select\.split\.part is 'x'; expected one of"),
        ({"operation": "datasets", "names": ["a", "c"]}, r"select\.datasets\.names is 'c'; expected one of"),
        ({"operation": "classes", "keep": ["unicorn"]}, r"select\.classes\.keep is 'unicorn'; expected one of"),
    ):
        with pytest.raises(OptionError, match=message):
            selected(tables, step)
    folds = tables["split_assignments"].withColumn("fold", F.lit(0))
    with pytest.raises(OptionError, match="differ from fold to fold over time"):
        selected({**tables, "split_assignments": folds}, {"operation": "split", "name": "s", "part": "x"})
    with pytest.raises(OptionError, match="1 of them are beyond the last image"):
        selected(tables, {"operation": "indices", "positions": [0, 10]})
    with pytest.raises(OptionError, match="names no class for car, dog"):
        selected(tables, {"operation": "relabel", "classes": {"cat": "pet"}, "unmatched": "raise"})


def test_a_relabelling_need_know_only_the_labels_of_the_images_that_were_chosen(tables):
    recipe = [
        {"operation": "where", "condition": "image_id = 'a0'"},
        {"operation": "relabel", "classes": {"cat": "pet"}, "unmatched": "raise"},
    ]
    chosen = apply(recipe, tables)

    assert [row.class_name for row in targets_of(recipe, chosen.members, tables).collect()] == ["pet"]
