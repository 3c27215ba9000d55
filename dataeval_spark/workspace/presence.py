"""Whether there can be a workspace where one is named, and is one: its name may be misspelt."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dataeval_spark.errors import WorkspaceError, WorkspaceMissingError
from dataeval_spark.session.engines import is_elsewhere
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.locations import absolute, is_catalog_name, is_directory_here, is_local, local_path
from dataeval_spark.workspace.workspace import Workspace


def require_catalog(location: str, settings: Mapping[str, str]) -> None:
    """Refuse a schema of a catalog that a session made here would not have: a directory may be meant.

    Raises
    ------
    WorkspaceError
        The location has the form ``catalog.schema``, and nothing configures such a catalog.
    """
    catalog = location.partition(".")[0]
    if not is_catalog_name(location) or is_elsewhere() or catalog == "spark_catalog":
        return
    if f"spark.sql.catalog.{catalog}" not in settings and "SPARK_CONF_DIR" not in os.environ:
        raise WorkspaceError(
            f"Workspace {location} has one dot and no slash, so that it means a schema of a catalog (catalog.schema), "
            f"and there is no catalog {catalog}.\nHint: --workspace ./{location} for a directory"
        )


def require_there(workspace: Workspace) -> None:
    """Refuse a workspace that nothing was ever written to: its name may be misspelt.

    Raises
    ------
    WorkspaceMissingError
        It has no table `images` and no run; the message gives the nearest name of a workspace beside it.
    """
    if not workspace.states([IMAGES, RUNS]):
        raise WorkspaceMissingError.at(workspace.location, _beside(workspace.location))


def require_there_here(location: str) -> None:
    """Refuse such a workspace before there is a session, which will be one of this machine.

    Raises
    ------
    WorkspaceMissingError
        As in :func:`require_there`.
    """
    if is_directory_here(location):
        place = Path(absolute(location))
        if not any((place / table.name / "_delta_log").exists() for table in (IMAGES, RUNS)):
            raise WorkspaceMissingError.at(str(place), _beside(str(place)))


def _beside(location: str) -> list[str]:
    """Names of the workspaces beside a place."""
    if is_catalog_name(location) or not is_local(location):
        return []
    with suppress(OSError):
        beside = local_path(location).parent
        return sorted(log.parents[1].name for log in beside.glob(f"*/{RUNS.name}/_delta_log"))
    return []
