"""Each operation of a selection on ten images."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.verbs.select.recipe import apply
from tests.verbs.select.scene import SCENE, selected


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
        ({"operation": "drop_unreadable"}, "a0 a1 a2 a4 b0 b2 b3 b4"),  # b2 has no vector, but is a picture
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


def test_a_stratified_sample_has_the_same_share_of_each_stratum(tables):
    found = selected(tables, {"operation": "stratified_sample", "fraction": 0.5, "by": "weather"})
    weather = {row[0]: row[3] for row in SCENE}

    # Six of sun, three of rain (Spark rounds 1.5 up), one without.
    assert sorted(str(weather[image]) for image in found) == ["None", "rain", "rain", "sun", "sun", "sun"]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ({"operation": "drop_duplicates", "near": True}, {"b0": "exact copy", "b1": "near duplicate: dhash, phash"}),
        ({"operation": "drop_outliers"}, {"a2": "mean", "b3": "size"}),
        ({"operation": "drop_outliers", "statistics": ["entropy"]}, {"b3": "entropy"}),
        ({"operation": "drop_findings"}, {"b4": "blurry, dark"}),
        ({"operation": "drop_unreadable"}, {"a3": "decode: OSError", "b1": "read: FileNotFoundError"}),
    ],
    ids=lambda value: value.get("operation"),
)
def test_operations_that_drop_by_a_table_say_why_of_each_image(tables, step, expected):
    reasons = apply([step], tables)[-1].reasons

    assert {row["image_id"]: row["reason"] for row in reasons.collect()} == expected


def test_operations_without_their_table_or_beyond_the_end_are_refused(tables):
    few = {name: tables[name] for name in ("images", "targets")}

    with pytest.raises(OptionError, match="needs table duplicate_groups, which has not been filled"):
        selected(few, {"operation": "drop_duplicates"})
    with pytest.raises(
        OptionError, match=r"unreadable_images, which has not been filled\.\nHint: dataeval-spark profile"
    ):
        selected(few, {"operation": "drop_unreadable"})
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
    with pytest.raises(OptionError, match="1 of 2 positions are beyond the last image"):
        selected(tables, {"operation": "indices", "positions": [0, 10]})
    with pytest.raises(OptionError, match="has no new name for car, dog"):
        selected(tables, {"operation": "relabel", "classes": {"cat": "pet"}, "unmatched": "raise"})
