"""WebDataset shards: samples, their metadata as factors, and damaged shards."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.source import FILES_DDL, FINDINGS_DDL, LISTING_DDL, TARGETS_DDL, Reading
from dataeval_spark.verbs.ingest.readers.webdataset import read_webdataset
from tests.kernels.formats.test_webdataset import shard
from tests.verbs.ingest.readers.pictures import captured, classes, findings, ids, known_of, marked, png, touch, tree

FILES = {
    "train/0.tar": shard(
        [
            ("a.png", png(1)),
            ("a.cls", b"cat"),
            ("a.json", {"gain": 2, "on": True, "image_id": "x", "captured_at": "2024-05-01T12:00:00Z"}),
            ("b.png", png(2)),
            (
                "b.json",
                {"gain": 2.5, "code": "007", "Gain": 1, "annotations": [{"bbox": [0, 0, 2, 2], "label": "dog"}]},
            ),
        ]
    ),
    "train/1.tar": shard([("a.png", png(3)), ("a.json", {"code": 8, "split": "val"})]),
    "damaged.tar": shard([("c.png", png(4)), ("d.png", png(5))])[:1200],
    "other.bin": b"",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("shards"), FILES)


@pytest.fixture(scope="module")
def source(spark, checkpoint, root):
    return read_webdataset(Reading(spark, root, dataset="d", checkpoint=checkpoint, split="rest"))


def test_the_frames_have_the_columns_that_ingestion_writes(spark, source):
    expected = {"images": LISTING_DDL, "targets": TARGETS_DDL, "findings": FINDINGS_DDL, "files": FILES_DDL}
    for name, ddl in expected.items():
        assert sorted(getattr(source, name).dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)


def test_images_have_the_shard_as_a_folder_in_their_id_and_their_bytes(source, root):
    rows = {row["image_id"]: (bytes(row["content"]), row["split"], row["uri"]) for row in source.images.collect()}

    assert rows == {
        "d/train/0.tar/a.png": (png(1), "rest", f"tar://a.png::{root}/train/0.tar"),
        "d/train/0.tar/b.png": (png(2), "rest", f"tar://b.png::{root}/train/0.tar"),
        "d/train/1.tar/a.png": (png(3), "val", f"tar://a.png::{root}/train/1.tar"),
        "d/damaged.tar/c.png": (png(4), "rest", f"tar://c.png::{root}/damaged.tar"),
    }
    assert captured(source)["d/train/0.tar/a.png"] == 1_714_564_800
    assert ids(source.present) == sorted(rows)


def test_classes_and_boxes_are_targets(source):
    assert classes(source) == {"d/train/0.tar/a.png": "cat", "d/train/0.tar/b.png": "dog"}
    (dog,) = source.targets.where("class_name = 'dog'").collect()
    assert (tuple(dog["box"]), dog["source"]) == ((0.0, 0.0, 2.0, 2.0), "0.tar:b.json:annotations[0]")


def test_metadata_are_factors_of_the_narrowest_type_and_names_are_unique(source):
    types = dict(source.factors.dtypes)
    rows = {row["image_id"]: row.asDict() for row in source.factors.collect()}

    del types["image_id"], types["target_index"]
    assert types == {
        "code": "string",
        "gain": "double",
        "Gain_2": "bigint",
        "on": "boolean",
        "source_image_id": "string",
    }
    assert [rows[f"d/train/{image}.png"]["code"] for image in ("0.tar/b", "1.tar/a")] == ["007", "8"]
    assert [rows[f"d/train/0.tar/{image}.png"]["gain"] for image in "ab"] == [2.0, 2.5]


def test_a_damaged_shard_is_a_finding_and_read_again_next_time(source, root):
    assert [(kind, location) for kind, location, *_ in findings(source)] == [("broken_file", "tar")]
    assert {row["path"].removeprefix(f"{root}/train/") for row in source.files.collect()} == {"0.tar", "1.tar"}


def test_a_shard_that_is_as_it_was_is_not_read_again(spark, checkpoint, tmp_path):
    def members(name, gain):
        return [(f"{name}.png", png()), (f"{name}.cls", b"cat"), (f"{name}.json", {"gain": gain})]

    first = {"0.tar": shard(members("a", 1)), "1.tar": shard(members("b", 2)), "2.tar": shard(members("c", 3))}
    root = tree(tmp_path, first)
    before = read_webdataset(Reading(spark, root, dataset="d", checkpoint=checkpoint))
    touch(tmp_path / "1.tar", shard(members("b", 2.5)))
    (tmp_path / "2.tar").unlink()

    after = read_webdataset(
        Reading(
            spark, root, dataset="d", checkpoint=checkpoint, known_rows=known_of(before, targets=marked(before.targets))
        )
    )

    assert classes(after) == {"d/0.tar/a.png": "old cat", "d/1.tar/b.png": "cat"}
    assert {row["image_id"]: row["gain"] for row in after.factors.collect()} == {
        "d/0.tar/a.png": 1,
        "d/1.tar/b.png": 2.5,
    }
    assert {row["image_id"]: row["content"] is None for row in after.images.collect()} == {
        "d/0.tar/a.png": True,
        "d/1.tar/b.png": False,
    }
    assert ids(after.present) == ["d/0.tar/a.png", "d/1.tar/b.png"]


def test_the_images_of_a_shard_that_cannot_be_read_this_time_are_still_present(spark, checkpoint, tmp_path):
    root = tree(tmp_path, {"0.tar": shard([("a.png", png())]), "1.tar": shard([("b.png", png())])})
    known = known_of(read_webdataset(Reading(spark, root, dataset="d", checkpoint=checkpoint)))
    touch(tmp_path / "1.tar", b"?")

    after = read_webdataset(Reading(spark, root, dataset="d", checkpoint=checkpoint, known_rows=known))

    assert (ids(after.images), ids(after.present)) == (["d/0.tar/a.png"], ["d/0.tar/a.png", "d/1.tar/b.png"])


def test_one_shard_a_glob_and_a_limit_take_some(spark, checkpoint, root):
    one = read_webdataset(Reading(spark, f"{root}/train/1.tar", dataset="d", checkpoint=checkpoint))
    some = read_webdataset(Reading(spark, root, dataset="d", checkpoint=checkpoint, glob="train/**", limit=2))

    assert ids(one.images) == ["d/1.tar/a.png"]
    assert ids(some.images) == ["d/train/0.tar/a.png", "d/train/0.tar/b.png"]
    assert (len(ids(some.present)), some.files) == (4, None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": 1}, r"has no shards \(\.tar, \.tar\.gz, \.tgz\)"),
        ({"a.tar": b"no tar"}, r"No sample can be read from the shards of .*; .*a\.tar: "),
        ({"a.tar": shard([("a.txt", b"cat")])}, r"No sample of the shards of .* has an image"),
    ],
)
def test_a_source_of_which_nothing_can_be_read_is_an_error(spark, checkpoint, tmp_path, files, message):
    with pytest.raises(IngestError, match=message):
        read_webdataset(Reading(spark, tree(tmp_path, files), dataset="d", checkpoint=checkpoint))
