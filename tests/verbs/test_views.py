"""Views over a workspace: their statements run and say what they promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest

from dataeval_spark.analyses.similarity.search import search
from dataeval_spark.cli.main import main
from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS
from dataeval_spark.tables.profile import EMBEDDINGS
from dataeval_spark.tables.quality import DUPLICATE_GROUPS
from dataeval_spark.verbs import views
from dataeval_spark.workspace.workspace import Workspace

IMAGE_COLUMNS = "image_id string, deleted_at timestamp"
GROUP_COLUMNS = "image_id string, target_index int, is_kept boolean, is_exact_copy boolean"


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("v_dataset_without_duplicates", ["alone", "box", "kept", "near"]),
        ("v_dataset_without_near_duplicates", ["alone", "box", "kept"]),
    ],
)
def test_the_dataset_without_duplicates_has_one_of_each_group_and_images_whose_boxes_are_duplicates(
    frame, spark, name, left
):
    (view,) = (view for view in views.VIEWS if view.name == name)
    images = frame(IMAGE_COLUMNS, [(name, None) for name in ("kept", "copy", "near", "box", "alone")])
    groups = frame(
        GROUP_COLUMNS,
        [
            ("kept", None, True, False),
            ("copy", None, False, True),
            ("near", None, False, False),
            ("box", 0, False, True),
        ],
    )

    rows = spark.sql(view.query, images=images, duplicate_groups=groups).collect()

    assert sorted(row.image_id for row in rows) == left


def test_the_review_queue_has_each_image_or_box_once_with_all_reasons(frame, spark):
    (view,) = (view for view in views.VIEWS if view.name == "v_review_queue")
    deleted = datetime(2026, 1, 1)
    images = frame(IMAGE_COLUMNS, [("a", None), ("b", None), ("c", None), ("gone", deleted)])
    findings = frame(
        "image_id string, target_index int, rule string, severity string",
        [("a", None, "dark", "warning"), ("a", None, "blurry", "info"), ("gone", None, "dark", "warning")],
    )
    errors = frame("image_id string, target_index int, suggested_class string", [("a", 0, "cat"), ("b", None, None)])
    clusters = frame("image_id string, target_index int, is_outlier boolean", [("b", None, True), ("c", None, False)])
    tables = {"images": images, "image_findings": findings, "label_errors": errors, "clusters": clusters}

    rows = spark.sql(views.text(view, set(tables)), **tables).orderBy("grade", "image_id", "target_index").collect()

    assert [tuple(row) for row in rows] == [
        ("a", None, 2, "warning", 2, ["blurry", "dark"]),
        ("a", 0, 2, "warning", 1, ["label looks like cat"]),
        ("b", None, 2, "warning", 2, ["far from the middle of its cluster", "label looks like no class in particular"]),
    ]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_similar_images_are_those_of_the_search(frame, spark, metric):
    (view,) = (view for view in views.VIEWS if view.name == "v_similar_images")
    vectors = np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32)
    vectors[7] = vectors[3]
    rows = [(f"i{n:02}", None, "e", vector.tolist(), "1", "f", "r") for n, vector in enumerate(vectors)]
    embeddings = frame(EMBEDDINGS, [*rows, ("i03", 0, "e", vectors[0].tolist(), "1", "f", "r")])

    text = views.text(view, {"embeddings"})
    made = spark.sql(text, embeddings=embeddings).where("image_id = 'i03' AND target_index IS NULL")
    found = made.orderBy(f"{metric}_distance", "similar_id").limit(6).collect()

    wanted = search(embeddings.where("image_id != 'i03'"), vectors[3], k=6, metric=metric).orderBy("rank").collect()
    assert [row.similar_id for row in found] == [row.image_id for row in wanted]
    assert [row[f"{metric}_distance"] for row in found] == pytest.approx([row.distance for row in wanted], abs=1e-9)


def test_a_view_is_made_of_the_tables_that_exist():
    (view,) = (view for view in views.VIEWS if view.name == "v_review_queue")

    assert views.text(view, {"images"}) is None
    assert views.text(view, {"outliers"}) is None
    assert "UNION" not in views.text(view, {"images", "outliers"})


def test_the_statements_of_a_directory_make_views_of_the_session(audited, spark):
    found = views.statements(audited.workspace)

    for statement in found.values():
        spark.sql(statement)
    groups, images = audited.table("duplicate_groups").where("target_index IS NULL"), audited.table("images").count()
    copies, left_out = groups.where("is_exact_copy").count(), groups.where("NOT is_kept").count()
    assert set(found) == {view.name for view in views.VIEWS}
    assert 0 < copies < left_out
    assert spark.table("v_dataset_without_duplicates").count() == images - copies
    assert spark.table("v_dataset_without_near_duplicates").count() == images - left_out


def test_the_verb_prints_the_statements(audited, capsys):
    assert main(["views", "--workspace", audited.workspace.location]) == 0

    printed = capsys.readouterr().out
    assert printed == "".join(f"{statement};\n" for statement in views.statements(audited.workspace).values())


def test_a_directory_keeps_no_views(audited):
    with pytest.raises(WorkspaceError, match="is a directory, which keeps no views"):
        views.create_views(audited.workspace)


def test_a_table_of_an_earlier_version_is_to_be_filled_anew_first(spark, tmp_path):
    workspace = Workspace(spark, str(tmp_path / "workspace"))
    older = replace(
        INGEST_FINDINGS, columns=tuple(column for column in INGEST_FINDINGS.columns if column.name != "severity")
    )
    workspace.create([IMAGES, older])

    with pytest.raises(
        WorkspaceError, match=r"ingest_findings .* earlier version and lacks severity(.|\n)*spark ingest"
    ):
        views.statements(workspace)


@pytest.mark.spark_only
def test_a_catalog_keeps_them_beside_the_tables(frame, spark, tmp_path):
    spark.sql("CREATE SCHEMA IF NOT EXISTS spark_catalog.viewed")
    workspace = Workspace(spark, "spark_catalog.viewed", scratch=str(tmp_path))
    assert views.create_views(workspace) == []

    workspace.create([IMAGES, DUPLICATE_GROUPS])

    without = ["v_dataset_without_duplicates", "v_dataset_without_near_duplicates"]
    assert views.create_views(workspace) == [*without, "v_review_queue"]
    assert spark.table("spark_catalog.viewed.v_dataset_without_duplicates").count() == 0
    spark.sql("DROP SCHEMA spark_catalog.viewed CASCADE")
