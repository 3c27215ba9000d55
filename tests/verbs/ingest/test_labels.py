"""Predictions and ratings into a workspace whose images are known."""

from __future__ import annotations

import numpy as np
import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.cli.main import main, parser
from dataeval_spark.errors import IngestError
from tests.verbs.ingest.readers.pictures import png


@pytest.fixture(scope="module")
def audit(spark, tmp_path_factory):
    place = tmp_path_factory.mktemp("labels")
    rows = [(f"i{n}", bytearray(png(n)), "ant" if n % 2 else "bee") for n in range(4)]
    spark.createDataFrame(rows, "image_id string, image binary, label string").write.parquet(str(place / "t"))
    lines = []
    made = Audit(str(place / "ws"), spark, echo=lines.append)
    made.ingest(str(place / "t"), format="table", dataset="d")
    made.lines = lines
    return made


def test_predictions_replace_those_of_their_model_only(audit, tmp_path):
    ids = tmp_path / "ids.txt"
    ids.write_text("i0\ni1\ni2\ni9\n")
    for model, value in (("one", 0.9), ("two", 0.8), ("one", 0.6)):
        np.save(tmp_path / "p.npy", np.tile([value, 1 - value], (4, 1)))
        audit.ingest_predictions(str(tmp_path / "p.npy"), model=model, ids=str(ids))

    found = audit.table("predictions").collect()
    assert sorted((row.model, row.image_id, row.label, row.score) for row in found) == [
        *(("one", f"i{n}", "ant", 0.6) for n in range(3)),
        *(("two", f"i{n}", "ant", 0.8) for n in range(3)),
    ]
    classes = audit.table("prediction_classes").where("model = 'one'").orderBy("class_index").collect()
    assert [row.class_name for row in classes] == ["ant", "bee"]
    assert (
        "model one: 3 predictions (left out: 1 unknown_image); classes in the order of their names: none was given"
        in audit.lines[-1]
    )


def test_without_an_order_of_classes_nothing_is_guessed(audit, tmp_path):
    np.savez(tmp_path / "p.npz", probabilities=np.full((1, 3), 1 / 3), image_ids=np.array(["i0"]))

    with pytest.raises(IngestError, match="has 3 probabilities per row and 2 classes are known") as error:
        audit.ingest_predictions(str(tmp_path / "p.npz"), model="m")
    assert "--class-names FILE" in str(error.value)


def test_predicted_classes_that_no_label_has_are_said(audit, tmp_path):
    (tmp_path / "p.csv").write_text("image_id,label,score\ni0,ant,0.9\ni1,0,0.8\ni2,1,0.8\n")

    audit.ingest_predictions(str(tmp_path / "p.csv"), model="by number")

    assert "predicted classes that no label has: 0, 1 (--class-names FILE names them)" in audit.lines[-1]


def test_ratings_of_a_file_replace_those_of_that_file(audit, tmp_path):
    file = tmp_path / "ratings.csv"
    for classes in ("cat,dog", "cat,cat"):
        file.write_text(f"image_id,ann,bob\ni0,{classes}\n")
        audit.ingest_ratings(str(file), raters="ann,bob")

    found = audit.table("annotations").collect()
    assert {(row.image_id, row.rater, row.class_name) for row in found} == {("i0", "ann", "cat"), ("i0", "bob", "cat")}


def test_the_steps_about_labels_run_on_what_was_ingested(audit):
    audit.analyze("confident_learning", "object_label_errors", "raters", "labelling_queue")

    findings = audit.table("dataset_findings").where("step IN ('confident_learning', 'raters')").collect()
    assert {(row.step, row.subject) for row in findings} == {
        ("confident_learning", "one"),
        ("confident_learning", "two"),
        ("raters", "annotations"),
    }
    assert audit.table("class_noise").count() == 4  # two models, two classes
    assert audit.table("label_consensus").collect()[0].consensus_class == "cat"
    assert audit.table("labelling_queue").isEmpty()  # every image has a label
    assert audit.table("object_label_errors").isEmpty()


def test_the_command_line_takes_predictions_in_place_of_a_source(capsys):
    args = parser().parse_args(["ingest", "--workspace", "w", "--predictions", "p.npz", "--model", "m"])

    assert (args.source, args.predictions, args.model) == (None, "p.npz", "m")
    assert main(["ingest", "--workspace", "w"]) == 2
    assert "ingest needs a SOURCE" in capsys.readouterr().err
