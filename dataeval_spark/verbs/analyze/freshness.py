"""Tables that were made before what they were made from has changed: a step that is run by name may read such a one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dataeval_spark.analyses.steps import Step
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.workspace import Workspace


class Freshness:
    """What each table was made from, as the runs tell.

    Parameters
    ----------
    workspace : Workspace
        Whose tables.
    steps : sequence of Step
        All steps there are.
    running : collection of str
        Names of the steps that run now, whose tables will be new.
    """

    def __init__(self, workspace: Workspace, steps: Sequence[Step], running: Iterable[str]) -> None:
        self._running = frozenset(running)
        self._writers = {table.name: step for step in steps for table in step.writes if table.scope is None}
        rows = workspace.rows(RUNS, ("step", "finished_at", "inputs"), status="done") if self._running else []
        done = sorted((row for row in rows if row["step"] is not None), key=lambda row: row["finished_at"])
        self._inputs: dict[str, Mapping[str, int]] = {
            row["step"]: {each["table_name"]: each["version"] for each in row["inputs"] or ()} for row in done
        }
        tables = {table for step in steps for table in step.inputs} if self._running else ()
        self._states: Mapping[str, TableState] = workspace.states(tables)

    def outdated(self, tables: Iterable[Table]) -> str:
        """A sentence about those of the tables that are older than what they were made from; empty without any."""
        return "; ".join(filter(None, map(self._outdated, tables)))

    def _outdated(self, table: Table) -> str:
        writer = self._writers.get(table.name)
        if writer is None or writer.name in self._running or table.name not in self._states:
            return ""
        made_from = self._inputs.get(writer.name, {})
        newer = [
            name
            for name, version in made_from.items()
            if name in self._states and self._states[name].written_version > version
        ]
        if not newer:
            return ""
        return f"{table.name} is older than {', '.join(sorted(newer))}: analyze {writer.name} brings it up to date"
