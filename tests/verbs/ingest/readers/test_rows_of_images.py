"""Rows about known images: the image that each row means, its box, and the rows that are left out."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.rows_of_images import (
    box_column,
    id_column,
    left_out_findings,
    open_rows,
    with_image,
    with_likely_image,
)

# The id of the last image is what follows the dataset in that of the first.
IMAGES = [("d/a.png", "d"), ("d/sub/b.png", "d"), ("e/a.png", "e"), ("a.png", "x")]


@pytest.fixture
def images(frame):
    return frame("image_id string, dataset string", IMAGES)


def images_of(rows):
    return {row["given_id"]: row["image_id"] for row in rows.collect()}


def test_an_id_is_an_images_own_before_it_is_the_rest_of_anothers(frame, images):
    rows = frame("given_id string", [("a.png",), ("sub/b.png",), ("d/a.png",), ("e/a.png",), (None,)])

    assert images_of(with_image(rows, images, "d")) == {
        "a.png": "a.png",
        "sub/b.png": "d/sub/b.png",
        "d/a.png": "d/a.png",
        "e/a.png": "e/a.png",
        None: None,
    }
    assert images_of(with_image(rows, images, None))["sub/b.png"] is None


def test_an_id_that_is_written_otherwise_means_the_one_image_that_it_is_like(frame, images, checkpoint):
    rows = with_image(frame("given_id string", [("D\\SUB\\B.png",), ("d/a.png",), ("zebra",)]), images, None)

    likely, matches = with_likely_image(rows, images, None, checkpoint)
    elsewhere, _ = with_likely_image(rows, images, "e", checkpoint)

    assert images_of(likely) == {"D\\SUB\\B.png": "d/sub/b.png", "d/a.png": "d/a.png", "zebra": None}
    assert {row["name"]: row["how"] for row in matches.where("path IS NOT NULL").collect()} == {"D\\SUB\\B.png": "case"}
    assert images_of(elsewhere)["D\\SUB\\B.png"] is None
    known = with_image(frame("given_id string", [("d/a.png",)]), images, None)
    assert with_likely_image(known, images, None, checkpoint) == (known, None)


def test_a_box_is_a_struct_or_four_columns_and_without_either_null(frame):
    corners = "x0 double, y0 double, x1 double, y1 double"
    struct = frame("box struct<y1: int, x0: int, y0: int, x1: int>", [((4, 1, 2, 3),)])
    texts = frame("x0 string, y0 string, x1 string, y1 string", [("1", "2", "3", "4"), (None, "2", "3", "4")])

    def boxes(rows):
        return [
            row["box"] and tuple(row["box"])
            for row in rows.select(box_column(dict(rows.dtypes)).alias("box")).collect()
        ]

    assert boxes(struct) == [(1.0, 2.0, 3.0, 4.0)]
    assert boxes(texts) == [(1.0, 2.0, 3.0, 4.0), None]
    assert boxes(frame(corners, [(1.0, 2.0, 3.0, 4.0)]).drop("x0")) == [None]


def test_rows_are_read_from_text_or_parquet_and_what_is_missing_is_named(spark, frame, tmp_path):
    (tmp_path / "a.csv").write_text("file,n\na.png,1\n")
    frame("file string", [("b.png",)]).write.parquet(str(tmp_path / "p"))

    assert [row["file"] for name in ("a.csv", "p") for row in open_rows(spark, str(tmp_path / name)).collect()] == [
        "a.png",
        "b.png",
    ]
    assert id_column(["n", "file", "image_id"], "s") == "image_id"
    with pytest.raises(
        IngestError, match=r"s has no column that names the image; it has n, m; expected one of image_id, id"
    ):
        id_column(["n", "m"], "s")
    with pytest.raises(IngestError, match=r"Table .*none cannot be read: .*\nHint: "):
        open_rows(spark, str(tmp_path / "none"))


def test_rows_that_were_left_out_are_a_finding_for_each_place_and_kind(frame):
    ddl = "image_id string, given_id string, target_index int, who string, what string, kind string"
    rows = [
        ("d/a", "d/a", 0, "ann", "cat", None),
        ("d/a", "d/a", 1, "ann", "dog", "odd_class"),
        ("d/a", "d/a", 1, "ann", "cow", "odd_class"),
        (None, None, None, "bob", "hen", "unknown_image"),
    ]

    found = left_out_findings(frame(ddl, rows), "f.csv", "s", "Row", F.lit("e"), place=("who",), found="what").collect()

    assert sorted((row["location"], row["message"], row["found"], row["target_index"]) for row in found) == [
        ("(no id) bob", "Row left out: unknown image", "hen", None),
        ("d/a 1 ann", "Row left out: odd class", "cow", 1),
    ]
    assert {(row["dataset"], row["source_file"], row["severity"]) for row in found} == {("s", "f.csv", "error")}
