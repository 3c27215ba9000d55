"""Pascal VOC files with images: which file is about which image, what is a finding, and splits."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.source import (
    COUNTED_FINDINGS_DDL,
    FILES_DDL,
    LISTING_DDL,
    TARGETS_DDL,
    Reading,
)
from dataeval_spark.verbs.ingest.readers.voc import read_voc
from tests.verbs.ingest.readers.pictures import findings, ids, known_of, marked, tree


def xml(*boxes, filename=None):
    objects = "".join(
        f"<object><name>cat</name><bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax>"
        "</bndbox></object>"
        for x0, y0, x1, y1 in boxes
    )
    name = f"<filename>{filename}</filename>" if filename else ""
    size = "<size><width>4</width><height>3</height></size>"
    return f"<annotation>{name}{size}{objects}</annotation>".encode()


FILES = {
    "V/JPEGImages/a.png": 1,
    "V/JPEGImages/sub/b.png": 2,
    "V/JPEGImages/bare.png": 3,
    "V/JPEGImages/renamed.png": 4,
    "V/JPEGImages/x/twice.png": 5,
    "V/JPEGImages/y/twice.png": 6,
    "V/JPEGImages/broken.png": 7,
    "V/SegmentationClass/a.png": 8,  # a mask is no image of the data set
    "V/Annotations/a.xml": xml((1, 1, 3, 2), (1, 1, 1, 2), (1, 1, 9, 2)),
    "V/Annotations/sub/b.xml": xml((1, 1, 2, 3), filename="other.jpg"),
    "V/Annotations/7.xml": xml((0, 0, 1, 1), filename="renamed.png"),
    "V/Annotations/8.xml": xml(filename="renamed.png"),
    "V/Annotations/twice.xml": xml(filename="twice.png"),
    "V/Annotations/gone.xml": xml((0, 0, 1, 1), filename="gone.png"),
    "V/Annotations/broken.xml": b"<annotation>",
    "ImageSets/Main/train.txt": b"a\nb\n",
    "ImageSets/Main/val.txt": b"b\r\nbare\r\n\r\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tree(tmp_path_factory.mktemp("voc"), FILES)


@pytest.fixture(scope="module")
def source(spark, checkpoint, root):
    return read_voc(Reading(spark, root, dataset="d", checkpoint=checkpoint, split="rest"), one_based=True)


def boxes(source):
    return sorted((row["image_id"], row["target_index"], *row["box"]) for row in source.targets.collect())


def test_the_frames_have_the_columns_that_ingestion_writes(spark, source):
    expected = {
        "images": LISTING_DDL,
        "targets": TARGETS_DDL,
        "findings": COUNTED_FINDINGS_DDL,
        "files": FILES_DDL,
    }
    for name, ddl in expected.items():
        assert sorted(getattr(source, name).dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)


def test_a_file_is_about_the_image_of_its_name_else_about_the_one_it_names(source):
    assert boxes(source) == [
        ("d/V/JPEGImages/a.png", 0, 0.0, 0.0, 3.0, 2.0),
        ("d/V/JPEGImages/a.png", 1, 0.0, 0.0, 1.0, 2.0),
        ("d/V/JPEGImages/a.png", 2, 0.0, 0.0, 9.0, 2.0),
        ("d/V/JPEGImages/renamed.png", 0, -1.0, -1.0, 1.0, 1.0),
        ("d/V/JPEGImages/sub/b.png", 0, 0.0, 0.0, 2.0, 3.0),
    ]


def test_images_are_those_in_the_folder_for_images_with_the_split_of_the_lists(source):
    splits = {row["image_id"].removeprefix("d/V/JPEGImages/"): row["split"] for row in source.images.collect()}

    assert splits == {
        "a.png": "train",
        "sub/b.png": "train",
        "bare.png": "val",
        "renamed.png": "rest",
        "x/twice.png": "rest",
        "y/twice.png": "rest",
        "broken.png": "rest",
    }
    assert ids(source.present) == ids(source.images)


def test_everything_that_could_not_be_taken_is_a_finding(source):
    assert [(kind, location, image_id) for kind, location, image_id, _, _ in findings(source)] == [
        ("ambiguous_image", "file", None),
        ("broken_file", "file", "d/V/JPEGImages/broken.png"),
        ("duplicate_image", "file", None),
        ("missing_image", "file", None),
        ("outside_box", "object[2]", "d/V/JPEGImages/a.png"),
    ]


def test_files_that_were_read_are_remembered_and_broken_ones_are_not(source, root):
    remembered = {row["path"].removeprefix(f"{root}/V/Annotations/") for row in source.files.collect()}

    assert remembered == {"a.xml", "sub/b.xml"}


def test_files_that_are_as_they_were_are_not_read_again_and_other_options_read_them_all(
    spark, checkpoint, root, source
):
    known = known_of(source, targets=marked(source.targets))

    again = read_voc(Reading(spark, root, dataset="d", checkpoint=checkpoint, known_rows=known), one_based=True)
    otherwise = read_voc(Reading(spark, root, dataset="d", checkpoint=checkpoint, known_rows=known))

    names = {row["image_id"].rpartition("/")[2]: row["class_name"] for row in again.targets.collect()}
    assert names == {"a.png": "old cat", "b.png": "old cat", "renamed.png": "cat"}  # found by what is in the file
    assert (findings(again), sorted(again.files.collect())) == (findings(source), sorted(source.files.collect()))
    assert otherwise.targets.where("class_name = 'cat'").count() == source.targets.count()


def test_a_folder_elsewhere_mirrors_the_images(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "photos", {"s/a.png": 1, "b.png": 2})
    tree(tmp_path / "xml", {"s/a.xml": xml((0, 0, 1, 1)), "b.xml": xml((0, 0, 2, 2))})

    source = read_voc(Reading(spark, root, dataset="d", checkpoint=checkpoint, limit=1), str(tmp_path / "xml"))

    assert boxes(source) == [("d/b.png", 0, 0.0, 0.0, 2.0, 2.0)]
    assert (ids(source.present), findings(source)) == (["d/b.png", "d/s/a.png"], [])


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.png": 1}, r"There is no \.xml file below .*\.\nHint: --annotations FOLDER"),
        ({"a.png": 1, "a.xml": b"?"}, r"No annotation file below .* can be read; .*a\.xml: not well-formed XML"),
    ],
)
def test_a_source_of_which_nothing_can_be_read_is_an_error(spark, checkpoint, tmp_path, files, message):
    with pytest.raises(IngestError, match=message):
        read_voc(Reading(spark, tree(tmp_path, files), dataset="d", checkpoint=checkpoint))


@pytest.mark.shared
def test_the_degenerate_boxes_of_a_real_set_are_findings(spark, checkpoint, shared):
    source = read_voc(Reading(spark, str(shared / "data" / "bccd_voc"), dataset="d", checkpoint=checkpoint))

    counts = {row["class_name"]: row["count"] for row in source.targets.groupBy("class_name").count().collect()}
    assert counts == {"WBC": 372, "RBC": 4155, "Platelets": 361}
    assert [(kind, location) for kind, location, *_ in findings(source)] == [
        ("inverted_box", "object[12]"),
        ("inverted_box", "object[3]"),
    ]
    assert source.images.count() == 364
