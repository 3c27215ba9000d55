"""The report of a workspace, or of a snapshot of it: its data, and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.verbs.report import Provenance, ReportData, collect_report_data, render_report
from dataeval_spark.workspace import snapshots
from dataeval_spark.workspace.version import __version__
from dataeval_spark.workspace.workspace import Workspace


def page_of(
    workspace: Workspace, snapshot: str | None = None, demo_scores: Sequence[Any] | None = None
) -> tuple[ReportData, str]:
    """Data of a report, and its HTML.

    Raises
    ------
    SnapshotError
        There is no such snapshot.
    """
    place = snapshots.at(workspace, snapshot) if snapshot else workspace
    by_name = {table.name: table for table in ALL_TABLES}
    pinned = place.versions
    versions = pinned or {name: state.version for name, state in workspace.states().items()}
    past = workspace.rows(RUNS, RUNS.column_names)
    newest = sorted(past, key=lambda row: row["started_at"], reverse=True)[:30]
    provenance = Provenance(
        workspace=workspace.location,
        snapshot=snapshot,
        generated_at=datetime.now(UTC),
        code_version=__version__,
        table_versions=versions,
        sql_name=lambda name: _sql_name(workspace, by_name[name], pinned),
        runs=newest,
        demo_scores=demo_scores,
    )

    def read(table: Table) -> DataFrame | None:
        return place.read(table) if table.name in versions else None

    data = collect_report_data(read)
    return data, render_report(data, provenance)


def _sql_name(workspace: Workspace, table: Table, pinned: Mapping[str, int] | None) -> str:
    name = workspace.name(table)
    return name if pinned is None or table.name not in pinned else f"{name} VERSION AS OF {pinned[table.name]}"
