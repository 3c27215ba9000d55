"""Running the steps that are not up to date, side by side where they do not wait for one another."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark import holdout
from dataeval_spark import tables as t
from dataeval_spark.decision import UP_TO_DATE, Decision, decide
from dataeval_spark.errors import DataEvalError, StepFailedError, TableMissingError
from dataeval_spark.freshness import Freshness
from dataeval_spark.ingest.source import Stage
from dataeval_spark.runs import Run, StepRun, last_successes
from dataeval_spark.steps import STEPS, Step, chosen, levels
from dataeval_spark.table_access import TableState, Writer
from dataeval_spark.workspace import Workspace

# Steps side by side: a small Delta commit costs about a second of waiting, whatever the data.
STEPS_AT_ONCE = 4

Options = Mapping[str, Mapping[str, Any]]


def analyze(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    options: Options,
    only: Sequence[str] = (),
    open_guarded: str | None = None,
) -> Iterator[StepRun]:
    """Run the analyses that are not up to date; steps of one level side by side.

    ``open_guarded`` is why the labels of hold-outs are read; see `dataeval_spark.holdout`.

    Raises
    ------
    StepFailedError
        A step failed; the others were run all the same.
    HoldoutError
        Steps would read the labels of a hold-out without a reason; the others were run.
    TableMissingError
        A step was named whose input does not exist.
    """
    failures: list[Exception] = []
    successes = last_successes(workspace)
    guard = holdout.Guard(workspace, run, holdout.parts(workspace), open_guarded)
    # Where all steps run, each comes after what it reads.
    freshness = Freshness(workspace, STEPS, only)
    with ThreadPoolExecutor(STEPS_AT_ONCE, thread_name_prefix="step") as pool:
        for level in levels(chosen(only, STEPS)):
            states = workspace.states(
                dict.fromkeys(table for step in level for table in (*step.reads, *step.uses, *step.writes))
            )
            jobs: list[Future[StepRun]] = []
            for step in level:
                given, last = options.get(step.name, {}), successes.get(step.name)
                found = decide(step, given, states, last, only=only, is_closed=guard.is_closed)
                if found.missing and only:
                    hint = f"dataeval-spark profile --workspace {workspace.location}"
                    raise TableMissingError.of(found.missing[0], workspace.location, hint)
                if found.verdict == "closed":
                    guard.refuse(step.name)
                if found.verdict not in ("run", "current"):
                    yield StepRun(step.name, "skipped", 0.0, found.reason)
                    continue
                old = freshness.outdated(step.inputs)
                jobs.append(pool.submit(_analyze_step, workspace, run, stage, step, given, states, found, guard, old))
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


def _analyze_step(
    workspace: Workspace,
    run: Run,
    stage: Stage,
    step: Step,
    options: Mapping[str, Any],
    states: Mapping[str, TableState],
    found: Decision,
    guard: holdout.Guard,
    outdated: str,
) -> StepRun:
    inputs, work = found.inputs, found.work
    if found.verdict == "current":
        return skip(run, step, options, inputs, work, outdated)
    if step.labels:
        guard.open()
    frames: list[DataFrame | None] = [read_live(workspace, table) for table in step.reads]
    frames += [read_live(workspace, table) if table.name in states else None for table in step.uses]
    given = {**options, **_injected(workspace, run, stage, step)}
    message = "; ".join(filter(None, (outdated, guard.message if step.labels else "")))
    return run_step(workspace, run, step, options, inputs, work, lambda: step.function(*frames, **given), message)


def _injected(workspace: Workspace, run: Run, stage: Stage, step: Step) -> dict[str, Any]:
    """Places for temporary files, for the functions that ask for them."""
    asked = inspect.signature(step.function).parameters
    count = itertools.count()
    places = {
        "checkpoint": lambda frame: stage(frame, f"{step.name}_{next(count)}"),
        "scratch": workspace.shared_folder(run.run_id, step.name),
    }
    return {name: place for name, place in places.items() if name in asked}


def skip(
    run: Run, step: Step, options: Mapping[str, Any], inputs: Mapping[str, TableState], work: str, note: str = ""
) -> StepRun:
    """Write down that a step is up to date."""
    started = datetime.now(UTC)
    message = "; ".join(filter(None, (UP_TO_DATE, note)))
    versions = {name: state.version for name, state in inputs.items()}
    run.record(step.name, "skipped", started, options=options, work=work, inputs=versions, message=message)
    return StepRun(step.name, "skipped", _seconds(started), message)


def run_step(
    workspace: Workspace,
    run: Run,
    step: Step,
    options: Mapping[str, Any],
    inputs: Mapping[str, TableState],
    work: str,
    compute: Callable[[], Any],
    message: str = "",
) -> StepRun:
    """Fill the tables of one step."""
    started = datetime.now(UTC)
    versions = {name: state.version for name, state in inputs.items()}
    try:
        frames = compute()
        frames = frames if isinstance(frames, tuple) else (frames,)
        writer = run.writer(step.name, work)
        with ThreadPoolExecutor(len(frames)) as pool:
            pairs = zip(step.writes, frames, strict=True)
            written = list(pool.map(lambda pair: _write(workspace, step, pair[0], pair[1], writer), pairs))
        outputs = {table.name: state.version for table, state in zip(step.writes, written, strict=True)}
        rows = sum(state.rows_written or 0 for state in written)
    except DataEvalError:
        raise
    except Exception as error:  # Connect analyses at write time, so a wrong column surfaces here
        run.record(step.name, "failed", started, options=options, work=work, inputs=versions, message=str(error)[:1000])
        reads, writes = [table.name for table in step.reads], [table.name for table in step.writes]
        raise StepFailedError.of(step.name, reads, writes, error) from error
    run.record(
        step.name,
        "done",
        started,
        options=options,
        work=work,
        inputs=versions,
        outputs=outputs,
        rows=rows,
        message=message,
    )
    return StepRun(step.name, "done", _seconds(started), message, outputs, rows)


def _write(workspace: Workspace, step: Step, table: t.Table, frame: DataFrame, writer: Writer) -> TableState:
    return workspace.write(table, frame, writer, scope=step.name if table.scope == "step" else None)


def read_live(workspace: Workspace, table: t.Table) -> DataFrame:
    """A table as the analyses see it: of `images` only the live ones, without their bytes."""
    frame = workspace.read(table)
    return frame.where("deleted_at IS NULL").drop("content") if table is t.IMAGES else frame


def _seconds(started: datetime) -> float:
    return (datetime.now(UTC) - started).total_seconds()
