"""A workspace of an older version: read as it is, migrated by the next run, and then like any other."""

from __future__ import annotations

import shutil
from datetime import datetime

import pytest
from PIL import Image

from dataeval_spark.audit import Audit
from dataeval_spark.errors import HoldoutError, WorkspaceError
from dataeval_spark.session.settings import LOCAL_FILES
from dataeval_spark.tables.bias import PARITY
from dataeval_spark.tables.labels import OBJECT_LABEL_ERRORS
from dataeval_spark.tables.selections import SELECTION_MEMBERS, SELECTIONS
from dataeval_spark.tables.splits import SPLITS
from dataeval_spark.workspace import migration
from dataeval_spark.workspace.migration import older_columns
from dataeval_spark.workspace.workspace import Workspace
from tests.workspace.pins import make_table

# As the older version made them.
OLDER_SCHEMAS = {
    "views": (
        "view_name STRING NOT NULL, version INT NOT NULL, recipe STRING NOT NULL, members BIGINT NOT NULL, "
        "digest STRING NOT NULL, created_at TIMESTAMP NOT NULL, run_id STRING NOT NULL"
    ),
    "view_members": (
        "view_name STRING NOT NULL, version INT NOT NULL, image_id STRING NOT NULL, copy INT NOT NULL, "
        "order_key BIGINT NOT NULL, run_id STRING NOT NULL"
    ),
    "splits": (
        "split_name STRING NOT NULL, method STRING NOT NULL, options STRING NOT NULL, holdout ARRAY<STRING> NOT NULL, "
        "images BIGINT NOT NULL, excluded BIGINT NOT NULL, units BIGINT, largest_deviation DOUBLE, "
        "notes ARRAY<STRING> NOT NULL, created_at TIMESTAMP NOT NULL, run_id STRING NOT NULL"
    ),
}
PRESENT_NAMES = {"views": SELECTIONS, "view_members": SELECTION_MEMBERS, "splits": SPLITS}

NOON = datetime(2024, 6, 1, 12)
ROWS = {
    "views": [("few", 1, '[{"n": 3, "operation": "limit"}]', 1, "7", NOON, "r0")],
    "view_members": [("few", 1, "d/0.png", 0, 0, "r0")],
    "splits": [("main", "random", "{}", ["test"], 4, 0, None, None, [], NOON, "r0")],
}


def make_older(workspace, rows):
    """Write tables as the older version did."""
    for name, schema in OLDER_SCHEMAS.items():
        if not workspace.is_catalog:
            make_table(f"{workspace.location}/{name}", schema, rows[name])
            continue
        place = f"{workspace.location}.{name}"
        workspace.spark.sql(f"CREATE TABLE {place} ({schema}) USING DELTA")
        frame = workspace.spark.createDataFrame(rows[name], schema.replace(" NOT NULL", ""))
        frame.createOrReplaceTempView("older_rows")
        workspace.spark.sql(f"INSERT INTO {place} SELECT * FROM older_rows")
        workspace.spark.catalog.dropTempView("older_rows")


@pytest.fixture(params=["directory", pytest.param("catalog", marks=pytest.mark.spark_only)])
def older(request, spark, tmp_path):
    """A workspace with a saved selection and a split that has a guarded part, as an older version left it."""
    if request.param == "catalog":
        spark.sql("DROP SCHEMA IF EXISTS audit_older CASCADE")
        spark.sql("CREATE SCHEMA audit_older")
    location = "spark_catalog.audit_older" if request.param == "catalog" else str(tmp_path / "audit")
    workspace = Workspace(spark, location, scratch=str(tmp_path / "scratch"))
    make_older(workspace, ROWS)
    yield workspace
    if request.param == "catalog":
        spark.sql("DROP SCHEMA IF EXISTS audit_older CASCADE")


def names_in(workspace):
    if workspace.is_catalog:
        return {row["tableName"] for row in workspace.spark.sql(f"SHOW TABLES IN {workspace.location}").collect()}
    return {path.name for path in migration.local_path(workspace.location).iterdir()}


def test_an_older_workspace_is_read_as_it_is(older):
    assert older.read(SELECTIONS).select("selection_name", "members").collect() == [("few", 1)]
    assert older.read(SELECTION_MEMBERS).where("selection_name = 'few'").count() == 1
    assert older.rows(SELECTIONS, ("selection_name", "version"), selection_name="few") == [
        {"selection_name": "few", "version": 1}
    ]
    assert older.rows(SPLITS, ("split_name", "guarded")) == [{"split_name": "main", "guarded": ["test"]}]
    assert {"views", "view_members"} <= names_in(older)


def test_the_next_run_renames_tables_and_columns_once_and_says_so(older, caplog):
    before = {table.name: (older.state(table), older.table_id(table)) for table in PRESENT_NAMES.values()}

    for _ in range(2):
        Workspace(older.spark, older.location).migrate()

    migrated = Workspace(older.spark, older.location)
    assert not {"views", "view_members"} & names_in(migrated)
    for table in PRESENT_NAMES.values():
        assert tuple(migrated._stored(table).columns) == table.column_names
        state, table_id = before[table.name]
        # No value has changed, so no analysis is computed anew, and snapshots that pin older versions find them.
        assert migrated.state(table).written_version == state.written_version
        assert migrated.table_id(table) == table_id
    said = [record.getMessage() for record in caplog.records if "from now on" in record.getMessage()]
    columns = {"selections": ("view_name", "selection_name"), "selection_members": ("view_name", "selection_name")}
    columns["splits"] = ("holdout", "guarded")
    assert sorted(said) == sorted(
        [
            f"column {old} of table {table} of workspace {older.location} is called {new} from now on"
            for table, (old, new) in columns.items()
        ]
        + [
            f"table views of workspace {older.location} is called selections from now on",
            f"table view_members of workspace {older.location} is called selection_members from now on",
        ]
    )


def test_an_older_workspace_is_selected_again_and_exported(spark, tmp_path):
    for number in range(4):
        path = tmp_path / "images" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (64, 64), (50 * number, 0, 0)).save(path)
    lines = []
    audit = Audit(str(tmp_path / "audit"), spark, echo=lines.append)
    audit.ingest(str(tmp_path / "images"), dataset="d").select("few", [{"operation": "limit", "n": 3}])
    audit.split("main", method="random", fractions={"train": 0.5, "test": 0.5}, guard=["test"])
    rows = {}
    for name, table in PRESENT_NAMES.items():
        rows[name] = [tuple(row) for row in audit.table(table.name).collect()]
        shutil.rmtree(tmp_path / "audit" / table.name)
    make_older(audit.workspace, rows)
    audit = Audit(str(tmp_path / "audit"), spark, echo=lines.append)
    assert audit.table("selections").select("selection_name").collect() == [("few",)]

    audit.select("few").select("few", [{"operation": "limit", "n": 2}])
    with pytest.raises(HoldoutError, match="'test' of split 'main'"):
        audit.export(tmp_path / "out", split="main")
    audit.export(tmp_path / "out", selection="few", open_guarded="a test")

    said = [line.split("selection few: ")[1].splitlines()[0] for line in lines if "selection few: " in line]
    assert said == [
        "version 1, 3 images",
        "version 1 is as it was, 3 images",
        "version 2, 2 images",
    ]
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2


def test_a_migration_that_was_killed_is_completed_by_the_next_run(older, monkeypatch):
    # The first table has got its present name, and its column has not.
    monkeypatch.setattr(migration.Migration, "_rename_columns", lambda *arguments: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        older.migrate()
    monkeypatch.undo()
    halfway = Workspace(older.spark, older.location)
    assert halfway.rows(SELECTIONS, ("selection_name",)) == [{"selection_name": "few"}]

    halfway.migrate()

    assert not {"views", "view_members"} & names_in(halfway)
    assert [halfway._stored(table).columns[0] for table in PRESENT_NAMES.values()] == [
        "selection_name",
        "selection_name",
        "split_name",
    ]
    assert "guarded" in halfway._stored(SPLITS).columns


def test_versions_from_before_the_migration_are_read_by_the_present_names(older):
    older.migrate()

    for version in (1, None):
        assert older.read(SPLITS, version).select("guarded").collect() == [(["test"],)]


@pytest.mark.spark_only
def test_where_paths_may_be_those_of_a_cluster_spark_migrates(spark, older):
    spark.conf.set(LOCAL_FILES, "false")
    try:
        through_spark = Workspace(spark, older.location)
        assert through_spark.rows(SELECTIONS, ("selection_name",)) == [{"selection_name": "few"}]
        through_spark.migrate()
        assert through_spark.rows(SPLITS, ("guarded",), split_name="main") == [{"guarded": ["test"]}]
    finally:
        spark.conf.set(LOCAL_FILES, "true")


def test_rows_of_a_step_that_has_a_table_of_its_own_now_leave_the_shared_one(spark, tmp_path):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    schema = OBJECT_LABEL_ERRORS.ddl(comments=False).replace("`model` string NOT NULL", "`model` string")
    box = {"x0": 0.0, "y0": 0.0, "x1": 1.0, "y1": 1.0}
    rows = [
        ("object_label_errors", "a", None, 0, "m", "overlooked", "cat", None, box, 0.1, 0.5, "r"),
        ("box_findings", "a", 1, None, None, "tiny_box", "cat", None, box, 1.0, 16.0, "r"),
    ]
    make_table(f"{workspace.location}/object_label_errors", f"step string NOT NULL, {schema}", rows)
    before = workspace.state(OBJECT_LABEL_ERRORS)

    workspace.migrate()
    workspace.migrate()

    assert [tuple(row)[:5] for row in workspace.read(OBJECT_LABEL_ERRORS).collect()] == [
        ("a", None, 0, "m", "overlooked")
    ]
    after = workspace.state(OBJECT_LABEL_ERRORS)
    assert (after.version, after.identity) == (before.version + 1, before.identity)


class StoredViews:
    """Access to the tables of an object storage that has `views` only."""

    def __init__(self, name):
        self.name = name

    def commits(self, limit):
        return ["commit"] if self.name == "views" else []

    def columns(self):
        return ["view_name"] if self.name == "views" else []

    def rows(self, columns, equal):
        return [dict.fromkeys(columns, "few")]


def test_on_object_storage_an_older_table_is_read_and_a_run_says_which_folder_to_move():
    older = migration.Migration(None, "s3://bucket/audit", StoredViews)

    assert older.stored_name(SELECTIONS) == "views"
    assert older.rows(SELECTIONS, ["selection_name"], {}) == [{"selection_name": "few"}]
    with pytest.raises(WorkspaceError, match="move the folder s3://bucket/audit/views to s3://bucket/audit/selections"):
        older.run()


def test_a_verdict_that_meant_strong_and_significant_keeps_its_meaning_under_its_new_name():
    before = [name for name in PARITY.column_names if name != "is_flagged"]
    assert older_columns(PARITY, before) == {"is_significant": "is_flagged"}
    assert older_columns(PARITY, PARITY.column_names) == {}
