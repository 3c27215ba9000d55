"""Predictions from tables and numpy files: what is taken, and what is left out and why."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.tables.predictions import PREDICTIONS
from dataeval_spark.verbs.ingest.readers.predictions import check_predictions, prediction_findings, read_predictions
from dataeval_spark.verbs.ingest.readers.rows_of_images import good_rows, with_image

NAMES = ("ant", "bee", "cat")
IMAGES = ("d/a.png", "d/b.png", "e/c.png")


@pytest.fixture
def images(spark):
    return spark.createDataFrame([(name, name[0]) for name in IMAGES], "image_id string, dataset string")


def checked(spark, images, path, dataset="d", names=NAMES, **options):
    given = read_predictions(spark, str(path), **options)
    return check_predictions(given, with_image(given.rows, images, dataset), names, 1e-3).cache()


def test_probabilities_of_a_table_become_labels_and_bad_rows_findings(spark, images, tmp_path):
    nan, infinity = float("nan"), float("inf")
    rows = [
        ("d/a.png", [0.2, 0.5, 0.3]),
        ("b.png", [0.5, 0.5, 0.0]),  # relative to dataset d; the first of equal classes
        ("e/c.png", [0.5, 0.5]),
        ("e/c.png", [0.5, nan, 0.5]),
        ("e/c.png", [0.5, infinity, 0.5]),
        ("e/c.png", [-0.5, 1.0, 0.5]),
        ("e/c.png", [0.5, 0.3, 0.1]),
        ("c.png", [1.0, 0.0, 0.0]),  # of dataset e
        ("d/a.png", [0.1, 0.1, 0.8]),  # a second time
    ]
    spark.createDataFrame(rows, "path string, pred_probs array<double>").write.parquet(str(tmp_path / "p"))

    found = checked(spark, images, tmp_path / "p")
    good = good_rows(found, PREDICTIONS, model="m")
    bad = prediction_findings(found, "m", "p")

    assert good.columns == list(PREDICTIONS.result_names)
    assert bad.columns == list(INGEST_FINDINGS.result_names)
    assert {(r.image_id, r.target_index, r.model, r.label, r.score, r.box) for r in good.collect()} == {
        ("d/a.png", 0, "m", "cat", 0.8, None),
        ("d/b.png", 0, "m", "ant", 0.5, None),
    }
    assert sorted((r.location, r.kind, r.found) for r in bad.collect()) == [
        ("c.png 0", "unknown_image", "c.png"),
        ("d/a.png 0", "duplicate_prediction", "bee"),
        ("e/c.png 0", "not_finite", "null, NaN or infinity"),
        ("e/c.png 0", "not_summing", "0.9"),
        ("e/c.png 0", "out_of_range", "1.0"),
        ("e/c.png 0", "wrong_length", "2"),
    ]


def test_boxes_are_numbered_by_falling_score(spark, images, tmp_path):
    file = tmp_path / "boxes.csv"
    file.write_text(
        "image_id,class_name,score,x0,y0,x1,y1\n"
        "d/a.png,bee,0.5,0,0,5,5\n"
        "d/a.png,2,0.9,1,1,6,6\n"
        "d/a.png,cat,1.5,1,1,6,6\n"
        "d/a.png,cat,0.7,6,1,6,6\n"
        "d/b.png,,0.7,1,1,6,6\n"
    )

    found = checked(spark, images, file)

    assert [
        (r.target_index, r.label, r.score, tuple(r.box))
        for r in good_rows(found, PREDICTIONS, model="m").orderBy("score").collect()
    ] == [
        (1, "bee", 0.5, (0.0, 0.0, 5.0, 5.0)),
        (0, "cat", 0.9, (1.0, 1.0, 6.0, 6.0)),
    ]
    assert {(row.kind, row.found) for row in prediction_findings(found, "m", "f").collect()} == {
        ("bad_score", "1.5"),
        ("bad_box", "6.0, 1.0, 6.0, 6.0"),
        ("missing_class", None),
    }


def test_scores_and_corners_must_be_finite_and_lists_must_be_of_numbers(spark, images, tmp_path):
    nan, infinity = float("nan"), float("inf")
    rows = [
        *(("d/a.png", "cat", nan, (0.0, 0.0, 1.0, 1.0)), ("d/a.png", "cat", None, (0.0, 0.0, 1.0, 1.0))),
        *(("d/a.png", "cat", 1e-5, (0.0, nan, 1.0, 1.0)), ("d/a.png", "cat", 0.5, (-nan, 0.0, 1.0, 1.0))),
        *(("d/a.png", "ant", 0.5, (0.0, 0.0, infinity, 1e7)), ("d/b.png", "cat", 1e-5, (0.0, 0.0, 1e7, 1.0))),
    ]
    ddl = "image_id string, class_name string, score double, box struct<x0: double, y0: double, x1: double, y1: double>"
    spark.createDataFrame(rows, ddl).write.parquet(str(tmp_path / "p"))
    (tmp_path / "lists.csv").write_text(
        'image_id,class_name,probabilities\nd/a.png,,"[0.5, 0.25, 0.25]"\nd/b.png,,"[0.5, 0.25, x]"\ne/c.png,,none\n'
    )

    found = checked(spark, images, tmp_path / "p").collect()
    of_lists = checked(spark, images, tmp_path / "lists.csv").collect()

    assert sorted((row.kind or "", row.found or "") for row in found) == [
        ("", ""),
        ("bad_box", "0.0, 0.0, Infinity, 10000000"),
        ("bad_box", "0.0, NaN, 1.0, 1.0"),
        ("bad_box", "NaN, 0.0, 1.0, 1.0"),
        ("bad_score", ""),
        ("bad_score", "NaN"),
    ]
    assert {(row.image_id, row.label, row.kind) for row in of_lists} == {
        ("d/a.png", "ant", None),
        ("d/b.png", None, "missing_class"),
        ("e/c.png", None, "missing_class"),
    }


@pytest.mark.parametrize("kind", ["npy", "npz"])
def test_a_matrix_is_read_with_its_ids(spark, images, tmp_path, kind):
    matrix = np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float16)
    ids = np.array(["d/a.png", "d/b.png"])
    if kind == "npy":
        np.save(tmp_path / "p.npy", matrix)
        (tmp_path / "ids.txt").write_text("d/a.png\nd/b.png\n")
        options = {"ids": str(tmp_path / "ids.txt")}
    else:
        np.savez(tmp_path / "p.npz", probabilities=matrix, image_ids=ids, class_names=np.array(NAMES))
        options = {}

    found = good_rows(checked(spark, images, tmp_path / f"p.{kind}", **options), PREDICTIONS, model="m").collect()

    assert {(row.image_id, row.label, tuple(row.probabilities)) for row in found} == {
        ("d/a.png", "bee", (0.25, 0.5, 0.25)),
        ("d/b.png", "cat", (0.125, 0.125, 0.75)),
    }
    assert read_predictions(spark, str(tmp_path / f"p.{kind}"), **options).class_names == (
        NAMES if kind == "npz" else None
    )


def test_a_matrix_without_ids_is_refused_with_the_option_that_names_them(spark, tmp_path):
    np.save(tmp_path / "p.npy", np.ones((2, 3)))
    (tmp_path / "ids.txt").write_text("a\n")

    with pytest.raises(IngestError, match=r"is a matrix without ids\.\nHint: --ids FILE"):
        read_predictions(spark, str(tmp_path / "p.npy"))
    with pytest.raises(IngestError, match=r"has shape \(2, 3\) and 1 ids; expected \(images, classes\)"):
        read_predictions(spark, str(tmp_path / "p.npy"), ids=str(tmp_path / "ids.txt"))


def test_objects_in_a_numpy_file_are_never_loaded(spark, tmp_path):
    np.save(tmp_path / "p.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)

    with pytest.raises(IngestError, match="cannot be read"):
        read_predictions(spark, str(tmp_path / "p.npy"), ids="x")


def test_a_table_without_what_is_needed_names_the_columns_it_has(spark, tmp_path):
    (tmp_path / "a.csv").write_text("picture,value\nx,1\n")
    (tmp_path / "b.csv").write_text("image_id,value\nx,1\n")

    with pytest.raises(IngestError, match="no column that names the image; it has picture, value"):
        read_predictions(spark, str(tmp_path / "a.csv"))
    with pytest.raises(IngestError, match=r"neither probabilities .* nor a class"):
        read_predictions(spark, str(tmp_path / "b.csv"))
