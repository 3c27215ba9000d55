"""Ten images for the tests of selections: two datasets, three classes, a metadata column and a statistic."""

from __future__ import annotations

from dataeval_spark.tables.images import TARGETS
from dataeval_spark.verbs.select.recipe import apply
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


def tables_of_scene(frame):
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
            "image_id string, target_index int, is_kept boolean, is_exact_copy boolean, kinds array<string>",
            [
                ("a0", None, True, False, ["exact", "phash"]),
                ("b0", None, False, True, ["exact"]),
                ("b1", None, False, False, ["dhash", "phash"]),
                ("b2", 0, False, True, ["exact"]),
            ],
        ),
        "outliers": frame(
            "image_id string, target_index int, statistic string, position int",
            [("a2", None, "mean", 1), ("b3", None, "size", 1), ("b3", None, "entropy", 2)],
        ),
        "image_findings": frame(
            "image_id string, target_index int, rule string",
            [("b4", None, "dark"), ("b4", None, "blurry"), ("a1", 0, "dark")],
        ),
        "unreadable_images": frame(
            "image_id string, stage string, error_class string",
            [("a3", "decode", "OSError"), ("b1", "read", "FileNotFoundError"), ("b2", "encode", "ValueError")],
        ),
        "split_assignments": frame(
            "split_name string, repeat int, fold int, image_id string, split string",
            [("s", 0, None, "a0", "x"), ("s", 0, None, "b1", "x"), ("s", 1, None, "a3", "x")],
        ),
    }
    return {name: rows.cache() for name, rows in found.items()}


def selected(tables, *recipe):
    return [row.image_id for row in apply(recipe, tables)[-1].members.orderBy(*ORDER).collect()]
