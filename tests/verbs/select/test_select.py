"""The verb `select`: a selection is saved, done again, and has a new version only for other images."""

from __future__ import annotations

import pytest
from pyspark.sql import functions as F

from dataeval_spark.audit import Audit
from dataeval_spark.errors import OptionError
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.tables.selections import SELECTION_MEMBERS, SELECTION_REMOVALS
from dataeval_spark.verbs.select.select import members_of, newest
from dataeval_spark.workspace.delta import Writer
from tests.analyses.bias.rows import table


@pytest.fixture(scope="module")
def audit(spark, tables, frame, tmp_path_factory):
    """A workspace with the ten images and their labels."""
    audit = Audit(str(tmp_path_factory.mktemp("select") / "audit"), spark, echo=lambda line: None)
    writer = Writer("r", "test", "w", "0")
    audit.workspace.write(IMAGES, tables["images"], writer)
    audit.workspace.write(TARGETS, tables["targets"], writer)
    broken = {
        "image_id": "a3",
        "stage": "decode",
        "error_class": "OSError",
        "message": "ends early",
        "fingerprint": "f",
    }
    audit.workspace.write(UNREADABLE_IMAGES, table(frame, UNREADABLE_IMAGES, [broken]), writer, are_new=True)
    return audit


def test_a_selection_has_a_new_version_only_where_it_gives_other_images(audit):
    lines = []
    loud = Audit(audit.workspace.location, audit.spark, echo=lines.append)
    loud.select("few", [{"operation": "limit", "n": 3}]).select("few").select("few", [{"operation": "limit", "n": 2}])

    first = "limit: 7 images removed, 3 left (n = 3: 7, such as a3, a4, b0)"
    assert [line.split("selection few: ")[1] for line in lines] == [
        f"version 1, 3 images\n  {first}",
        f"version 1 is as it was, 3 images\n  {first}",
        "version 2, 2 images\n  limit: 8 images removed, 2 left (n = 2: 8, such as a2, a3, a4)",
    ]
    assert audit.table("selection_members").where("selection_name = 'few'").count() == 5


def test_what_a_killed_run_wrote_of_a_version_is_no_part_of_it(audit, frame):
    left = frame(SELECTION_MEMBERS, [("it's", 1, "a0", 0, 0, "killed"), ("it's", 1, "b9", 0, 0, "killed")])
    audit.workspace.write(SELECTION_MEMBERS, left, Writer("killed", "select", "other work", "0"))
    removed = frame(SELECTION_REMOVALS, [("it's", 1, 1, "limit", "n = 2", 8, 2, ["a3"], "killed")])
    audit.workspace.write(SELECTION_REMOVALS, removed, Writer("killed", "select", "other work", "0"))

    audit.select("it's", [{"operation": "limit", "n": 3}])

    of_it = {"selection_name": "it's"}
    members = audit.workspace.rows(SELECTION_MEMBERS, ("image_id", "run_id"), **of_it)
    assert len(members) == 3
    assert "killed" not in {row["run_id"] for row in members}
    removals = audit.workspace.rows(SELECTION_REMOVALS, ("remaining", "run_id"), **of_it)
    assert [row["remaining"] for row in removals] == [3]


def test_what_each_operation_removed_stands_in_a_table_once(audit):
    recipe = [
        {"operation": "drop_unreadable"},
        {"operation": "classes", "keep": ["cat"]},
        {"operation": "shuffle", "seed": 1},
    ]
    audit.select("cats", recipe).select("cats")

    rows = audit.table("selection_removals").where("selection_name = 'cats'").orderBy("place").collect()
    assert [(row["version"], *row[2:8]) for row in rows] == [
        (1, 1, "drop_unreadable", "decode: OSError", 1, 9, ["a3"]),
        (1, 2, "classes", 'keep = ["cat"]', 3, 6, ["a2", "a4", "b1"]),
        (1, 3, "shuffle", "nothing removed", 0, 6, []),
    ]


def test_a_selection_without_damaged_images_says_that_some_were_not_looked_at(audit):
    lines = []
    loud = Audit(audit.workspace.location, audit.spark, echo=lines.append)
    loud.select("good", [{"operation": "drop_unreadable"}])

    (line,) = lines
    assert "version 1, 9 images; no image was checked for damage: dataeval-spark profile --workspace " in line
    assert line.endswith("\n  drop_unreadable: 1 image removed, 9 left (decode: OSError: a3)")


def test_a_condition_that_is_no_sql_is_an_error_that_says_so(audit):
    with pytest.raises(OptionError, match=r"select.where.condition 'no_such_column > 1' cannot be used"):
        audit.select("bad", [{"operation": "where", "condition": "no_such_column > 1"}])


def test_a_condition_with_a_lambda_function_chooses_images_of_stored_tables(audit):
    condition = "exists(array(dataset, split), name -> name = 'test') AND dataset <> 'a'"

    audit.select("lambda", [{"operation": "where", "condition": condition}])

    members, _, _ = members_of(audit.workspace, "lambda", None)
    assert sorted(row["image_id"] for row in members.collect()) == ["b0", "b1", "b2", "b3", "b4"]


def test_a_selection_that_is_not_there_cannot_be_done_again(audit):
    with pytest.raises(OptionError, match="Hint: --recipe FILE"):
        audit.select("nowhere")


def test_an_earlier_version_is_read_by_its_number_and_one_that_is_not_there_is_refused(audit):
    audit.select("versions", [{"operation": "limit", "n": 4}]).select("versions", [{"operation": "limit", "n": 1}])

    first, targets, row = members_of(audit.workspace, "versions", 1)

    assert first.count() == 4
    assert row["version"] == 1
    assert {label["image_id"] for label in targets.collect()} == {"a0", "a1", "a2", "a3"}
    assert newest(audit.workspace, "versions")["version"] == 2
    with pytest.raises(OptionError, match="Selection 'versions' has no version 3"):
        members_of(audit.workspace, "versions", 3)


def test_labels_of_a_saved_selection_have_the_names_that_its_recipe_gives(audit):
    recipe = [{"operation": "relabel", "classes": {"cat": "pet", "dog": "pet"}, "unmatched": "drop"}]
    audit.select("pets", recipe)

    _, targets, _ = members_of(audit.workspace, "pets")

    counts = targets.groupBy("class_name").agg(F.count("*").alias("n")).collect()
    assert [tuple(row) for row in counts] == [("pet", 10)]
