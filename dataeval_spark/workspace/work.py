"""Work of steps: the hash of all that it depends on, its newest success, and whether it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.workspace import Workspace


@dataclass(frozen=True)
class Success:
    """The newest success of a step, and the versions of its tables after it."""

    work_id: str
    outputs: Mapping[str, int]
    seconds: float
    rows: int


def last_successes(workspace: Workspace) -> dict[str, Success]:
    """The newest success of each step; nothing where the workspace has no runs."""
    columns = ("step", "finished_at", "work_id", "outputs", "seconds", "rows_written")
    done = [row for row in workspace.rows(RUNS, columns, status="done") if row["step"] is not None]
    newest = {row["step"]: row for row in sorted(done, key=lambda row: row["finished_at"])}
    return {
        step: Success(
            row["work_id"],
            {output["table_name"]: output["version"] for output in row["outputs"]},
            row["seconds"] or 0.0,
            row["rows_written"] or 0,
        )
        for step, row in newest.items()
    }


def has_done(workspace: Workspace, work: str) -> bool:
    """Whether any run has done this same work: the test for tables that only grow."""
    return bool(workspace.rows(RUNS, ("run_id",), status="done", work_id=work))


def work_id(step: str, version: int, options: Mapping[str, Any], inputs: Mapping[str, TableState]) -> str:
    """Hash of all that a step's result depends on."""
    parts = {
        "step": step,
        "version": version,
        "options": options,
        "inputs": {name: state.identity for name, state in sorted(inputs.items())},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def is_up_to_date(work: str, writes: Sequence[Table], states: Mapping[str, TableState], last: Success | None) -> bool:
    """Whether the last success of a step did this same work and its tables have not changed since.

    A table with a scope is written by other steps too, so it only has to exist.
    """
    if last is None or last.work_id != work:
        return False
    return all(
        table.name in states
        and (
            table.scope is not None
            or states[table.name].written_version <= last.outputs.get(table.name, -1) <= states[table.name].version
        )
        for table in writes
    )
