"""Presence of a workspace: a place that nothing was written to is refused with the nearest name."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import WorkspaceMissingError
from dataeval_spark.workspace import presence, runs
from dataeval_spark.workspace.workspace import Workspace


@pytest.fixture
def workspace(spark, tmp_path):
    return Workspace(spark, str(tmp_path / "audit"))


def test_a_workspace_that_nothing_was_written_to_is_refused_with_the_nearest_name(workspace, spark):
    with pytest.raises(WorkspaceMissingError, match="dataeval-spark ingest --workspace"):
        presence.require_there(workspace)
    with runs.start(workspace, "ingest", {}):
        pass
    presence.require_there(workspace)

    misspelt = Workspace(spark, f"{workspace.location}s")
    name = workspace.location.rpartition("/")[2]
    with pytest.raises(WorkspaceMissingError, match=f"did you mean '{name}'"):
        presence.require_there(misspelt)
