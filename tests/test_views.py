"""Views over a workspace: their statements run and say what they promise."""

from __future__ import annotations

import pytest

from dataeval_spark import views
from dataeval_spark.cli import main
from dataeval_spark.errors import WorkspaceError
from dataeval_spark.tables import DUPLICATE_GROUPS, IMAGES
from dataeval_spark.workspace import Workspace

IMAGE_COLUMNS = "image_id string, deleted_at timestamp"
GROUP_COLUMNS = "image_id string, target_index int, is_kept boolean"


def test_the_dataset_without_duplicates_keeps_one_of_each_group_and_images_whose_boxes_are_duplicates(frame, spark):
    (view,) = (view for view in views.VIEWS if view.name == "v_dataset_without_duplicates")
    images = frame(IMAGE_COLUMNS, [(name, None) for name in ("kept", "copy", "box", "alone")])
    groups = frame(GROUP_COLUMNS, [("kept", None, True), ("copy", None, False), ("box", 0, False)])

    rows = spark.sql(view.query, images=images, duplicate_groups=groups).collect()

    assert sorted(row.image_id for row in rows) == ["alone", "box", "kept"]


def test_the_statements_of_a_directory_make_views_of_the_session(audited, spark):
    found = views.statements(audited.workspace)

    for statement in found.values():
        spark.sql(statement)
    left_out = audited.table("duplicate_groups").where("NOT is_kept AND target_index IS NULL").count()
    assert set(found) == {view.name for view in views.VIEWS}
    assert spark.table("v_dataset_without_duplicates").count() == audited.table("images").count() - left_out


def test_the_verb_prints_the_statements(audited, capsys):
    assert main(["views", "--workspace", audited.workspace.location]) == 0

    printed = capsys.readouterr().out
    assert printed == "".join(f"{statement};\n" for statement in views.statements(audited.workspace).values())


def test_a_directory_keeps_no_views(audited):
    with pytest.raises(WorkspaceError, match="is a directory, which keeps no views"):
        views.create_views(audited.workspace)


def test_a_catalog_keeps_them_beside_the_tables(frame, spark, tmp_path):
    spark.sql("CREATE SCHEMA IF NOT EXISTS spark_catalog.viewed")
    workspace = Workspace(spark, "spark_catalog.viewed", scratch=str(tmp_path))
    assert views.create_views(workspace) == []

    workspace.create([IMAGES, DUPLICATE_GROUPS])

    assert views.create_views(workspace) == ["v_dataset_without_duplicates"]
    assert spark.table("spark_catalog.viewed.v_dataset_without_duplicates").count() == 0
    spark.sql("DROP SCHEMA spark_catalog.viewed CASCADE")
