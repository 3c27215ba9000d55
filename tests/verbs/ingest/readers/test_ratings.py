"""Ratings of several people: one row each, or one column per person."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.tables.images import INGEST_FINDINGS, TARGETS
from dataeval_spark.tables.predictions import ANNOTATIONS
from dataeval_spark.verbs.ingest.readers.ratings import (
    check_ratings,
    matched_to_labels,
    rating_findings,
    read_ratings,
)
from dataeval_spark.verbs.ingest.readers.rows_of_images import good_rows, with_image


@pytest.fixture
def images(spark):
    return spark.createDataFrame([("d/a.png", "d"), ("d/b.png", "d")], "image_id string, dataset string")


def test_one_row_per_rating_the_latest_of_a_person_counts(spark, images, tmp_path):
    file = tmp_path / "ratings.csv"
    file.write_text(
        "image_id,rater,class_name,labelled_at\n"
        "d/a.png,ann,cat,2024-05-01 10:00:00\n"
        "d/a.png,ann,dog,2024-05-02 10:00:00\n"
        "d/a.png,bob,cat,\n"
        "d/x.png,bob,cat,\n"
        "d/b.png,bob,,\n"
    )

    checked = check_ratings(with_image(read_ratings(spark, str(file)), images, None)).cache()
    good, bad = good_rows(checked, ANNOTATIONS, source="ratings.csv"), rating_findings(checked, "ratings.csv")

    assert good.columns == list(ANNOTATIONS.result_names)
    assert bad.columns == list(INGEST_FINDINGS.result_names)
    assert {(r.image_id, r.target_index, r.rater, r.class_name) for r in good.collect()} == {
        ("d/a.png", 0, "ann", "dog"),
        ("d/a.png", 0, "bob", "cat"),
    }
    assert {(r.location, r.kind) for r in bad.collect()} == {
        ("d/a.png 0 ann", "duplicate_rating"),
        ("d/x.png 0 bob", "unknown_image"),
        ("d/b.png 0 bob", "missing_class"),
    }


def test_one_column_per_person_empty_cells_are_no_ratings(spark, images, tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text("file,truth,ann,bob\na.png,x,cat,dog\nb.png,x,,cat\n")

    rows = read_ratings(spark, str(file), raters=["ann", "bob"])
    good = good_rows(check_ratings(with_image(rows, images, "d")), ANNOTATIONS, source="w")

    assert {(row.image_id, row.rater, row.class_name) for row in good.collect()} == {
        ("d/a.png", "ann", "cat"),
        ("d/a.png", "bob", "dog"),
        ("d/b.png", "bob", "cat"),
    }


def test_what_is_missing_is_named(spark, tmp_path):
    file = tmp_path / "wide.csv"
    file.write_text("file,truth,ann,bob\na.png,x,cat,dog\n")

    with pytest.raises(IngestError, match="has no column with the rater; it has file, truth, ann, bob"):
        read_ratings(spark, str(file))
    with pytest.raises(IngestError, match=r"unknown rater 'bop'.*\nHint: did you mean 'bob'"):
        read_ratings(spark, str(file), raters=["ann", "bop"])


def test_a_box_without_target_index_is_about_the_labelled_box_that_it_overlaps_most(spark, images, frame, tmp_path):
    labelled = [(0.0, 0.0, 10.0, 10.0), (5.0, 0.0, 15.0, 10.0), (50.0, 50.0, 60.0, 60.0)]
    targets = frame(TARGETS, [("d/a.png", n, "cat", b, None, None, None, "r") for n, b in enumerate(labelled)])
    file = tmp_path / "boxes.csv"
    file.write_text(
        "image_id,rater,class_name,x0,y0,x1,y1\n"
        "d/a.png,ann,cat,0,0,10,9\nd/a.png,ann,dog,6,0,15,10\n"
        "d/a.png,bob,dog,5,0,15,10\nd/a.png,bob,cat,0,0,10,10\n"
        "d/a.png,bob,cow,50,50,60,61\nd/a.png,bob,hen,50,50,60,58\n"  # the second overlaps the same label less
        "d/a.png,eve,cat,0,0,3,3\n"
    )

    resolved = matched_to_labels(with_image(read_ratings(spark, str(file)), images, None), targets)
    checked = check_ratings(resolved).cache()

    assert {(r.target_index, r.rater, r.class_name) for r in good_rows(checked, ANNOTATIONS, source="f").collect()} == {
        (0, "ann", "cat"),
        (1, "ann", "dog"),
        (0, "bob", "cat"),
        (1, "bob", "dog"),
        (2, "bob", "cow"),
    }
    bad = rating_findings(checked, "f").collect()
    assert {(r.kind, r.found) for r in bad} == {("unmatched_box", "hen"), ("unmatched_box", "cat")}
    assert {r.expected for r in bad} == {"target_index, or a box that overlaps a labelled one by half"}
