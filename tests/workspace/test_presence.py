"""A workspace that is named and not there is refused, with the name that may be meant."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import WorkspaceError, WorkspaceMissingError
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.presence import require_catalog, require_there, require_there_here
from dataeval_spark.workspace.workspace import Workspace


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


def test_a_workspace_that_nothing_was_written_to_is_refused_with_the_nearest_name(workspace, spark):
    with pytest.raises(WorkspaceMissingError, match="dataeval-spark ingest --workspace"):
        require_there(workspace)
    with runs.start(workspace, "ingest", {}):
        pass
    require_there(workspace)

    misspelt = Workspace(spark, f"{workspace.location}s")
    name = workspace.location.rpartition("/")[2]
    with pytest.raises(WorkspaceMissingError, match=f"did you mean '{name}'"):
        require_there(misspelt)


def test_a_directory_of_this_machine_is_looked_at_without_a_session(workspace, tmp_path):
    with runs.start(workspace, "ingest", {}):
        pass

    require_there_here(workspace.location)
    with pytest.raises(WorkspaceMissingError, match="did you mean 'audit'"):
        require_there_here(str(tmp_path / "audti"))


def test_a_name_with_one_dot_is_refused_where_no_catalog_is_configured(monkeypatch):
    monkeypatch.setattr("dataeval_spark.workspace.presence.is_elsewhere", lambda: False)
    monkeypatch.delenv("SPARK_CONF_DIR", raising=False)

    with pytest.raises(WorkspaceError, match=r"(?s)catalog ws_t\.\nHint: --workspace \./ws_t\.csv for a directory"):
        require_catalog("ws_t.csv", {})
    for location, settings in (
        ("./ws_t.csv", {}),
        ("spark_catalog.audit", {}),
        ("ws_t.csv", {"spark.sql.catalog.ws_t": "org.example.Catalog"}),
    ):
        require_catalog(location, settings)


def test_a_session_that_was_made_elsewhere_may_have_any_catalog(monkeypatch):
    monkeypatch.setattr("dataeval_spark.workspace.presence.is_elsewhere", lambda: True)

    require_catalog("main.audit", {})
