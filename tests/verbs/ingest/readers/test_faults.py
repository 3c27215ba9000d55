"""Small datasets as other tools write them: each is read as its format's own tools would, or says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest import accounting
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.detect import detect_format
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.source import Reading
from dataeval_spark.verbs.ingest.readers.table import read_table
from dataeval_spark.verbs.ingest.readers.text_rows import TableOptions
from dataeval_spark.verbs.ingest.readers.voc import read_voc
from dataeval_spark.verbs.ingest.readers.yolo import read_yolo
from dataeval_spark.verbs.ingest.sizes import size_findings

FAULTS = Path(__file__).parent / "data" / "faults"
CAT_AND_DOG = {("a.png", "cat"), ("b.png", "dog")}
# Folder: name and class of each image (None: no label), its split where one is expected, and the kinds of findings.
EXPECTED = {
    "coco_backslash": (CAT_AND_DOG, {}, {"matched_names"}),
    "coco_text_ids": (CAT_AND_DOG, {}, {"matched_ids"}),
    "coco_float_ids": (CAT_AND_DOG, {}, set()),
    "coco_float_class_ids": (CAT_AND_DOG, {}, set()),
    "coco_polygon_only": (CAT_AND_DOG, {}, {"box_from_segmentation"}),
    "coco_no_categories": ({("a.png", "1"), ("b.png", "2")}, {}, {"class_ids_for_names"}),
    "coco_crowd_text": ({("a.png", "cat"), ("b.png", "dog"), ("b.png", "cat")}, {}, set()),
    "coco_percent": ({("my cat.png", "cat"), ("b.png", "dog")}, {}, {"matched_names"}),
    "coco_case": (CAT_AND_DOG, {}, {"matched_names"}),
    "coco_unicode_form": (None, {}, {"matched_names"}),
    "coco_wrong_size": (CAT_AND_DOG, {}, set()),
    "voc_encoding_and_size": (
        {("exif.jpg", "cat"), ("gbk.jpg", "猫"), ("plain.jpg", "cat"), ("wrongsize.jpg", "cat")},
        {},
        {"decoded_text"},
    ),
    "voc_same_base_name": ({("cam0/1.jpg", "c0"), ("cam1/1.jpg", "c1"), ("solo.jpg", "solo")}, {}, set()),
    "yolo_lists": (
        {(f"{name}.png", "cat") for name in "abcdef"},
        {**{f"{name}.png": "train" for name in "abc"}, **{f"{name}.png": "val" for name in "def"}},
        {"matched_names"},
    ),
    "folder_splits": (
        {(f"{split}/{name}/{split}{name}.png", name) for split in ("train", "val", "test") for name in ("cat", "dog")},
        {f"{split}/{name}/{split}{name}.png": split for split in ("train", "val", "test") for name in ("cat", "dog")},
        set(),
    ),
    "folder_one": ({(f"{number}.png", None) for number in range(3)}, {}, {"one_folder"}),
    "parquet_img": (["airplane", "automobile", "airplane", "automobile"], "train", set()),
    "parquet_struct_order": (["cat", "dog", "cat"], "train", set()),
    "parquet_labels": (["angular_leaf_spot", "bean_rust", "healthy", "bean_rust"], "train", set()),
    "parquet_many_labels": (["cat", "dog", "dog"], "train", set()),
    "parquet_minus_one": (["dog", None], "test", {"unknown_class"}),
}


def read(spark, checkpoint, name):
    """A fault as the format that its files show, which is the one in its name."""
    place = FAULTS / name
    options = {"dataset": "d", "checkpoint": checkpoint}
    if name.startswith("coco"):
        assert detect_format(str(place), str(place / "ann.json"))[0] == "coco"
        return read_coco(Reading(spark, str(place / "images"), **options), str(place / "ann.json"))
    format = name.split("_")[0].replace("parquet", "table")
    assert detect_format(str(place), None)[0] == format
    readers = {"voc": read_voc, "yolo": read_yolo, "folder": read_folder, "table": read_table}
    return readers[format](Reading(spark, str(place), **options))


def short(image_id):
    """An id without the folders that the layout of a format has."""
    path = image_id.removeprefix("d/")
    for folder in ("JPEGImages/", "images/"):
        path = path.removeprefix(folder)
    return path


@pytest.mark.parametrize("name", [name for name in EXPECTED if not name.startswith("parquet")])
def test_a_fault_is_read_as_its_own_tools_would(spark, checkpoint, name):
    labels, splits, kinds = EXPECTED[name]
    source = read(spark, checkpoint, name)

    found = {short(row["image_id"]): row["split"] for row in source.images.select("image_id", "split").collect()}
    of_class = {(short(row["image_id"]), row["class_name"]) for row in source.targets.collect()}
    unlabelled = {(image, None) for image in found if image not in {image for image, _ in of_class}}
    if labels is None:  # one of the names is in one Unicode form, one in the other
        assert {class_name for _, class_name in of_class} == {"cat", "dog"}
    else:
        assert of_class | unlabelled == labels
    for image, split in splits.items():
        assert found[image] == split
    assert {row["kind"] for row in source.findings.collect()} == kinds


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.startswith("parquet")])
def test_a_parquet_fault_is_read_by_its_features(spark, checkpoint, name):
    labels, split, kinds = EXPECTED[name]
    source = read(spark, checkpoint, name)

    rows = source.targets.orderBy("image_id", "target_index").collect()
    assert [row["class_name"] for row in rows] == labels
    assert {row["split"] for row in source.images.collect()} == {split}
    assert {row["kind"] for row in source.findings.collect()} == kinds


def test_two_columns_of_classes_are_asked_about(spark, checkpoint):
    with pytest.raises(IngestError, match=r"fine_label, coarse_label(.|\n)*--label-column fine_label"):
        read(spark, checkpoint, "parquet_fine_label")

    options = TableOptions(label_column="fine_label")
    place = str(FAULTS / "parquet_fine_label")
    source = read_table(Reading(spark, place, dataset="d", checkpoint=checkpoint, columns=options))

    names = [row["class_name"] for row in source.targets.orderBy("image_id").collect()]
    assert names == ["apple", "pear", "apple", "pear"]
    assert {row["coarse_label"] for row in source.factors.collect()} == {"fruit"}


@pytest.mark.parametrize(
    ("name", "file", "fits"),
    [
        ("coco_wrong_size", "a.png", "declared"),
        ("voc_encoding_and_size", "JPEGImages/wrongsize.jpg", "declared"),
        ("voc_encoding_and_size", "JPEGImages/exif.jpg", "declared, stored"),
    ],
)
def test_sizes_that_differ_say_in_which_the_boxes_fit(spark, checkpoint, name, file, fits):
    sizes = {
        "a.png": (64, 48, 64, 48),
        "JPEGImages/wrongsize.jpg": (64, 48, 64, 48),
        "JPEGImages/exif.jpg": (64, 48, 48, 64),
    }
    source = read(spark, checkpoint, name)
    of_file = spark.createDataFrame(
        [(f"d/{path}", *size) for path, size in sizes.items()],
        "image_id string, stored_width int, stored_height int, upright_width int, upright_height int",
    )
    images = source.images.selectExpr("image_id", "'root' AS source").join(of_file, "image_id")
    images = images.join(source.declared, "image_id", "left")

    rows = {row["location"]: row for row in size_findings(images, source.targets, "d").collect()}

    assert rows[file]["message"].endswith(f"its boxes fit: {fits}")
    assert rows[file]["severity"] == "warning"


def with_metadata(spark, checkpoint, file):
    place = FAULTS / "metadata"
    return read_folder(
        Reading(spark, str(place / "imgs"), dataset="d", checkpoint=checkpoint, metadata=str(place / file))
    )


def test_json_lines_are_metadata(spark, checkpoint):
    source = read_folder(
        Reading(
            spark,
            str(FAULTS / "metadata" / "imgs"),
            dataset="d",
            checkpoint=checkpoint,
            metadata=str(FAULTS / "metadata/metadata.jsonl"),
        )
    )

    assert {row["class_name"] for row in source.targets.collect()} == {"cat"}
    assert dict(source.factors.dtypes)["n"] == "bigint"
    assert source.factors.count() == 6


def test_text_that_is_no_utf8_is_decoded_and_says_so(spark, checkpoint):
    source = with_metadata(spark, checkpoint, "latin.csv")

    assert {row["ville"] for row in source.factors.collect()} == {"Orléans", "Nîmes"}
    (row,) = source.findings.where("kind = 'decoded_text'").collect()
    assert (row["found"], row["severity"]) == ("cp1252", "warning")


def test_odd_values_and_paths_of_a_csv_are_read_as_they_are(spark, checkpoint):
    source = with_metadata(spark, checkpoint, "odd.csv")

    rows = {row["image_id"]: row.asDict() for row in source.factors.collect()}
    assert sorted(rows) == ["d/0.png", "d/1.png", "d/2.png", "d/3.png"]
    assert [rows[f"d/{n}.png"]["code"] for n in range(4)] == ["007", "010", "011", "012"]
    assert rows["d/0.png"]["nl"] == "line1\nline2"
    kinds = {row["kind"] for row in source.findings.collect()}
    assert {"unmatched_metadata", "duplicate_metadata", "matched_names"} <= kinds
    account = {(row["location"], row["kind"]): row["n"] for row in accounting.account(source.accounting).collect()}
    assert account["metadata rows", "description"] == 4
    assert account["metadata rows: repeated", "skipped"] == 1
    assert account["metadata rows: unmatched", "skipped"] == 1
