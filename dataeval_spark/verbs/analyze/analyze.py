"""Running the steps that are not up to date, side by side where they do not wait for one another."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.analyses.steps import STEPS, Step, chosen, levels
from dataeval_spark.errors import (
    DataEvalError,
    StepFailedError,
    TableMissingError,
    filling_command,
    first_line,
)
from dataeval_spark.session.cancellation import go_on, stopped_by
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.verbs.analyze.decision import Decision, decide, standing
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.delta import TableState, Writer
from dataeval_spark.workspace.failures import is_foreign, known_cause
from dataeval_spark.workspace.runs import Run, StepRun, last_successes
from dataeval_spark.workspace.workspace import Workspace

# Steps side by side: a small Delta commit costs about a second of waiting, whatever the data.
STEPS_AT_ONCE = 4

Options = Mapping[str, Mapping[str, Any]]
During = Callable[[str], AbstractContextManager[None]]


def analyze(
    run: Run,
    options: Options,
    only: Sequence[str] = (),
    open_guarded: str | None = None,
    during: During = lambda name: nullcontext(),
) -> Iterator[StepRun]:
    """Run the analyses that are not up to date; steps of one level side by side.

    ``open_guarded`` is the reason for reading labels of hold-outs; see `dataeval_spark.workspace.holdout`. ``during``
    takes the name of a step, and is entered while it runs.

    Raises
    ------
    StepFailedError
        A step failed; the others ran all the same.
    HoldoutError
        Steps would read the labels of a hold-out without a reason; the others ran.
    TableMissingError
        A step was named whose input does not exist.
    """
    workspace = run.workspace
    failures: list[Exception] = []
    shared = dict.fromkeys(table for step in STEPS for table in step.writes if table.scope)
    successes = standing(last_successes(workspace), STEPS, workspace.states(shared))
    guard = holdout.Guard(run, holdout.parts(workspace), open_guarded)
    # Where all steps run, each comes after what it reads.
    freshness = Freshness(workspace, STEPS, only)
    with ThreadPoolExecutor(STEPS_AT_ONCE, thread_name_prefix="step") as pool:
        for level in levels(chosen(only, STEPS)):
            go_on()
            states = workspace.states(
                dict.fromkeys(table for step in level for table in (*step.reads, *step.uses, *step.writes))
            )
            jobs: list[Future[StepRun]] = []
            for step in level:
                step_options, last = options.get(step.name, {}), successes.get(step.name)
                decision = decide(step, step_options, states, last, only=only, is_closed=guard.is_closed)
                if decision.missing and only:
                    if failures:  # of the step that fills it, perhaps
                        raise failures[0]
                    table, place = decision.missing[0], workspace.location
                    raise TableMissingError.from_table(table, place, filling_command(table, place))
                if decision.verdict == "closed":
                    guard.refuse(step.name)
                if decision.verdict not in ("run", "current"):
                    yield StepRun.skipped(step.name, decision.reason)
                    continue
                old = freshness.outdated(step.inputs)
                jobs.append(
                    pool.submit(_during, during, _analyze_step, run, step, step_options, states, decision, guard, old)
                )
            for job in jobs:
                try:
                    finished = job.result()
                except Exception as error:
                    failures.append(error)
                else:
                    yield finished
    closed = guard.error()
    if failures or closed:
        raise (*failures, closed)[0]  # type: ignore[misc]


def unmeasured(workspace: Workspace) -> list[str]:
    """Sentence about a workspace of which no image was measured; none where one was."""
    if workspace.exists(IMAGE_STATS):
        return []
    hint = filling_command(IMAGE_STATS.name, workspace.location)
    return [f"No image has been measured: steps that need statistics, hashes or vectors are skipped. Hint: {hint}"]


def _during(during: During, work: Callable[..., StepRun], run: Run, step: Step, *arguments: Any) -> StepRun:
    with during(step.name):
        return work(run, step, *arguments)


def _analyze_step(
    run: Run,
    step: Step,
    options: Mapping[str, Any],
    states: Mapping[str, TableState],
    decision: Decision,
    guard: holdout.Guard,
    outdated: str,
) -> StepRun:
    go_on()
    workspace = run.workspace
    if decision.verdict == "current":
        return skip(run, step, options, decision, outdated)
    if step.labels:
        guard.open()
    frames: list[DataFrame | None] = [workspace.read_live(table) for table in step.reads]
    frames += [workspace.read_live(table) if table.name in states else None for table in step.uses]
    step_options = {**options, **_injected(run, step)}
    message = "; ".join(filter(None, (outdated, guard.message if step.labels else "")))
    return run_step(run, step, options, decision, partial(step.function, *frames, **step_options), message)


def _injected(run: Run, step: Step) -> dict[str, Any]:
    """Places for temporary files, for the functions that ask for them."""
    parameters = inspect.signature(step.function).parameters
    count = itertools.count()
    places = {
        "checkpoint": lambda frame: run.checkpoint(frame, f"{step.name}_{next(count)}"),
        "scratch": run.workspace.shared_folder(run.run_id, step.name),
    }
    return {name: place for name, place in places.items() if name in parameters}


def skip(run: Run, step: Step, options: Mapping[str, Any], decision: Decision, note: str = "") -> StepRun:
    """Record that a step is up to date."""
    message = "; ".join(filter(None, (decision.reason, note)))
    return run.finish(
        step.name,
        "skipped",
        datetime.now(UTC),
        message,
        options=options,
        work=decision.work,
        inputs=decision.inputs,
    )


def run_step(
    run: Run,
    step: Step,
    options: Mapping[str, Any],
    decision: Decision,
    compute: Callable[[], Any],
    message: str = "",
) -> StepRun:
    """Fill the tables of one step."""
    started = datetime.now(UTC)
    finish = partial(
        run.finish, step.name, started_at=started, options=options, work=decision.work, inputs=decision.inputs
    )
    try:
        with run.step(step.name, options, decision.work):
            frames = compute()
            frames = frames if isinstance(frames, tuple) else (frames,)
            writer = run.writer(step.name, decision.work)
            with ThreadPoolExecutor(len(frames)) as pool:
                pairs = zip(step.writes, frames, strict=True)
                written = list(pool.map(lambda pair: _write(run.workspace, step, pair[0], pair[1], writer), pairs))
    except Exception as error:  # Connect analyses at write time, so a wrong column surfaces here
        go_on()
        if isinstance(error, DataEvalError):
            raise
        if (stopped := stopped_by()) is not None:
            finish(status="failed", message=first_line(stopped))
            raise stopped from error
        reads, writes = [table.name for table in step.reads], [table.name for table in step.writes]
        failure: DataEvalError = StepFailedError.from_error(step.name, reads, writes, error)
        if is_foreign(error):
            place, scratch = run.workspace.location, run.workspace.scratch_root
            failure = known_cause(error, f"write {', '.join(writes)}", place, step.inputs, scratch) or failure
        with suppress(DataEvalError):  # of the same cause, such as a full disk
            finish(status="failed", message=first_line(failure)[:1000])
        raise failure from error
    return finish(
        status="done",
        message=message,
        outputs={table.name: state for table, state in zip(step.writes, written, strict=True)},
        rows=sum(state.rows_written or 0 for state in written),
    )


def _write(workspace: Workspace, step: Step, table: Table, frame: DataFrame, writer: Writer) -> TableState:
    return workspace.write(table, frame, writer, scope=step.name if table.scope == "step" else None)


class Freshness:
    """Inputs of each table, according to the runs.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the tables.
    steps : sequence of Step
        All steps.
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
        """Sentence about the tables that are older than their inputs; empty without any."""
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
