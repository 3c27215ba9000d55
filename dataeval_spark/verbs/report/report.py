"""The report of a workspace or of a snapshot: its page, its summary in a few lines, and how a notebook shows it."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.verbs.report import Provenance, ReportData, collect_report_data, render_report
from dataeval_spark.verbs.report.sections import SECTIONS
from dataeval_spark.verbs.report.sections.attention import matters
from dataeval_spark.verbs.text import listed, plural
from dataeval_spark.workspace import snapshots
from dataeval_spark.workspace.locations import is_catalog_name, is_local, local_path
from dataeval_spark.workspace.version import __version__
from dataeval_spark.workspace.workspace import Workspace


@dataclass(frozen=True)
class Report:
    """A report that was written; a notebook shows it inline."""

    path: Path | str
    page: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.page)}" style="width:100%;height:80vh;border:0"></iframe>'

    def __str__(self) -> str:
        return str(self.path)


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

    def sql_name(table: str) -> str:
        version = (pinned or {}).get(table)
        return workspace.name(by_name[table]) + (f" VERSION AS OF {version}" if version is not None else "")

    def read(table: Table) -> DataFrame | None:
        return place.read(table) if table.name in versions else None

    provenance = Provenance(
        workspace=workspace.location,
        snapshot=snapshot,
        generated_at=datetime.now(UTC),
        code_version=__version__,
        table_versions=versions,
        sql_name=sql_name,
        runs=sorted(past, key=lambda row: row["started_at"], reverse=True)[:30],
        demo_scores=demo_scores,
    )
    data = collect_report_data(read)
    return data, render_report(data, provenance)


def default_place(location: str) -> Path:
    """Where a report goes that nobody named a file for: into the workspace, else into the current folder."""
    is_directory = not is_catalog_name(location) and is_local(location)
    folder = local_path(location) if is_directory else Path()
    return (folder if os.access(folder, os.W_OK) else Path()) / "report.html"


def summary_lines(data: ReportData) -> list[str]:
    """Findings in plain language, worst first, and what was not tested."""
    images, readable = plural(data.count("live_images"), "image"), data.count("readable_images")
    lines = [f"{images}, {readable:,} of them measured.", *(matter.sentence for matter in matters(data))]
    checks = [section for section in SECTIONS if section.tests]
    tested = [section.tests for section in checks if not section.untested(data)]
    lacking = [section.tests for section in checks if section.untested(data)]
    if tested and len(lines) == 1:
        lines.append(f"Nothing that was tested needs attention: {listed(tested, len(tested))}.")
    if lacking:
        lines.append(f"Not tested: {listed(lacking, len(lacking))}. The report names the command for each.")
    return lines


def next_command(data: ReportData) -> str:
    """The command that a user would run next."""
    if "images" not in data.present:
        return 'audit.ingest("photos/")'
    if "image_stats" not in data.present:
        return "audit.profile()"
    if "duplicate_groups" not in data.present:
        return "audit.analyze()"
    return "audit.report()"
