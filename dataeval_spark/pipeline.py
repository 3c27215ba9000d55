"""Which function fills which table, in which order. To add an analysis, add a line to STEPS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark import tables as t
from dataeval_spark.bias import labels
from dataeval_spark.errors import ConfigError, DataEvalError, OptionError, StepFailedError, TableMissingError
from dataeval_spark.quality import duplicates, image_findings, outliers
from dataeval_spark.runs import Run, StepRun, Success, has_done, is_up_to_date, last_successes, work_id
from dataeval_spark.shift import univariate
from dataeval_spark.snapshots import at
from dataeval_spark.table_access import TableState
from dataeval_spark.workspace import Workspace

# Steps side by side: a small Delta commit costs about a second of waiting, whatever the data.
STEPS_AT_ONCE = 4

Options = Mapping[str, Mapping[str, Any]]
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """``function(*frames of reads, **options)`` returns one frame per table of ``writes``.

    ``version`` is raised when the function's results change, so that they are computed anew.
    """

    function: Callable[..., Any]
    reads: tuple[t.Table, ...]
    writes: tuple[t.Table, ...]
    version: int = 1

    @property
    def name(self) -> str:
        return str(self.function.__name__)


STEPS = (
    Step(duplicates.duplicates, (t.HASHES, t.IMAGE_STATS, t.IMAGES), (t.DUPLICATE_PAIRS, t.DUPLICATE_GROUPS)),
    Step(outliers.outliers, (t.IMAGE_STATS, t.TARGETS), (t.OUTLIERS,)),
    Step(image_findings.image_findings, (t.IMAGE_STATS,), (t.IMAGE_FINDINGS,)),
    Step(labels.label_stats, (t.TARGETS, t.IMAGES), (t.LABEL_STATS,)),
)
# These compare a reference with the current data; both are rows of the table they read.
COMPARISONS = (Step(univariate.drift_univariate, (t.IMAGE_STATS,), (t.DRIFT_METRICS,)),)


def levels(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps in an order in which each comes after those that write what it reads.

    Raises
    ------
    ConfigError
        Two steps read what the other writes.
    """
    writer = {table: step for step in steps for table in step.writes}
    sorter = TopologicalSorter({step: {writer[r] for r in step.reads if r in writer} - {step} for step in steps})
    try:
        sorter.prepare()
    except CycleError as error:
        names = " -> ".join(step.name for step in error.args[1])
        raise ConfigError(f"These steps read what the others write: {names}.") from None
    while sorter.is_active():
        ready = tuple(sorter.get_ready())
        yield ready
        sorter.done(*ready)


def chosen(names: Sequence[str], steps: Sequence[Step]) -> tuple[Step, ...]:
    """The steps of these names, all where none is named.

    Raises
    ------
    ConfigError
        There is no such step.
    """
    known = {step.name: step for step in steps}
    for name in names:
        if name not in known:
            raise ConfigError.unknown("step", name, known, "steps")
    return tuple(step for step in steps if not names or step.name in names)


def analyze(
    workspace: Workspace, run: Run, options: Options, only: Sequence[str] = (), notify: Notify = lambda name: None
) -> list[StepRun]:
    """Run the analyses that are not up to date; steps of one level side by side.

    Raises
    ------
    StepFailedError
        A step failed; the others were run all the same.
    TableMissingError
        A step was named whose input does not exist.
    """
    results: list[StepRun] = []
    failures: list[Exception] = []
    successes = last_successes(workspace)
    with ThreadPoolExecutor(STEPS_AT_ONCE, thread_name_prefix="step") as pool:
        for level in levels(chosen(only, STEPS)):
            states = workspace.states(dict.fromkeys(table for step in level for table in (*step.reads, *step.writes)))
            jobs: list[Future[StepRun]] = []
            for step in level:
                missing = [table.name for table in step.reads if table.name not in states]
                if missing and not only:
                    results.append(StepRun(step.name, "skipped", 0.0, f"needs {', '.join(missing)}"))
                    continue
                if missing:
                    hint = f"dataeval-spark profile --workspace {workspace.location}"
                    raise TableMissingError.of(missing[0], workspace.location, hint)
                notify(step.name)
                given, last = options.get(step.name, {}), successes.get(step.name)
                jobs.append(pool.submit(_analyze_step, workspace, run, step, given, states, last))
            for job in jobs:
                try:
                    results.append(job.result())
                except Exception as error:
                    failures.append(error)
    if failures:
        raise failures[0]
    return results


def _analyze_step(
    workspace: Workspace,
    run: Run,
    step: Step,
    options: Mapping[str, Any],
    states: Mapping[str, TableState],
    last: Success | None,
) -> StepRun:
    inputs = {table.name: states[table.name] for table in step.reads}
    work = work_id(step.name, step.version, options, inputs)
    if is_up_to_date(work, step.writes, states, last):
        return skip(run, step, options, inputs, work)
    frames = [read_live(workspace, table) for table in step.reads]
    return run_step(workspace, run, step, options, inputs, work, lambda: step.function(*frames, **options))


def skip(run: Run, step: Step, options: Mapping[str, Any], inputs: Mapping[str, TableState], work: str) -> StepRun:
    """Write down that a step is up to date."""
    started = datetime.now(UTC)
    message = "up to date: options and input versions are unchanged"
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
            written = list(pool.map(lambda pair: workspace.write(pair[0], pair[1], writer), pairs))
        outputs = {table.name: state.version for table, state in zip(step.writes, written, strict=True)}
        rows = sum(state.rows_written or 0 for state in written)
    except DataEvalError:
        raise
    except Exception as error:  # Connect analyses at write time, so a wrong column surfaces here
        run.record(step.name, "failed", started, options=options, work=work, inputs=versions, message=str(error)[:1000])
        reads, writes = [table.name for table in step.reads], [table.name for table in step.writes]
        raise StepFailedError.of(step.name, reads, writes, error) from error
    run.record(step.name, "done", started, options=options, work=work, inputs=versions, outputs=outputs, rows=rows)
    return StepRun(step.name, "done", _seconds(started), "", outputs, rows)


def read_live(workspace: Workspace, table: t.Table) -> DataFrame:
    """A table as the analyses see it: of `images` only the live ones, without their bytes."""
    frame = workspace.read(table)
    return frame.where("deleted_at IS NULL").drop("content") if table is t.IMAGES else frame


def compare(
    workspace: Workspace,
    run: Run,
    reference: str,
    current: str,
    options: Options,
    only: Sequence[str] = (),
) -> list[StepRun]:
    """Compare two parts of the workspace, or two snapshots of it.

    Parameters
    ----------
    reference, current : str
        ``dataset=NAME``, ``split=NAME`` or the name of a snapshot.

    Raises
    ------
    OptionError
        A side has no images.
    SnapshotError
        There is no such snapshot.
    """
    sides = {"reference": reference, "current": current}
    results = []
    for step in chosen(only, COMPARISONS):
        frames: dict[str, DataFrame] = {}
        inputs: dict[str, TableState] = {}
        for side, ref in sides.items():
            frames[side], states = _rows_of(workspace, side, ref, step.reads[0])
            inputs |= {f"{side}.{name}": state for name, state in states.items()}
        chosen_options = options.get(step.name, {})
        work = work_id(step.name, step.version, {**chosen_options, **sides}, inputs)
        if has_done(workspace, work):
            results.append(skip(run, step, {**chosen_options, **sides}, inputs, work))
            continue
        window = _window(workspace, current, run.started_at)

        def compute(
            step: Step = step,
            frames: dict[str, DataFrame] = frames,
            chosen_options: Mapping[str, Any] = chosen_options,
            window: tuple[datetime, datetime] = window,
        ) -> Any:
            names = {"reference_name": reference, "current_name": current, "window": window}
            return step.function(frames["reference"], frames["current"], **names, **chosen_options)

        results.append(run_step(workspace, run, step, {**chosen_options, **sides}, inputs, work, compute))
    return results


def _rows_of(workspace: Workspace, side: str, ref: str, table: t.Table) -> tuple[DataFrame, dict[str, TableState]]:
    place, images = _images_of(workspace, ref)
    frame = place.read(table).join(images.select("image_id"), on="image_id", how="left_semi")
    if frame.isEmpty():
        raise OptionError(
            f"compare.{side} is {ref!r}: no image of it has been profiled.\n"
            f"Hint: {_known_refs(workspace)}; dataeval-spark profile --workspace {workspace.location}"
        )
    versions = place.versions
    if versions is None:
        states = workspace.states([table, t.IMAGES])
    else:
        at_start = datetime.fromtimestamp(0, UTC)
        states = {
            name: TableState(versions[name], versions[name], at_start, None) for name in (table.name, t.IMAGES.name)
        }
    return frame, states


def _images_of(workspace: Workspace, ref: str) -> tuple[Workspace, DataFrame]:
    key, _, value = ref.partition("=")
    if key in ("dataset", "split") and value:
        images = read_live(workspace, t.IMAGES)
        return workspace, images.where(F.col(key) == value)
    pinned = at(workspace, ref)
    return pinned, read_live(pinned, t.IMAGES)


def _known_refs(workspace: Workspace) -> str:
    images = read_live(workspace, t.IMAGES)
    # Bounded: the first 20 names of each kind.
    names = [
        f"{kind}={row[kind]}"
        for kind in ("dataset", "split")
        for row in images.where(F.col(kind).isNotNull()).select(kind).distinct().orderBy(kind).limit(20).collect()
    ]
    return f"there are {', '.join(names)}" if names else "nothing has been ingested"


def _window(workspace: Workspace, ref: str, now: datetime) -> tuple[datetime, datetime]:
    """First and last capture time of the current data; the time of the run where none is known."""
    images = _images_of(workspace, ref)[1]
    # Seconds since 1970: a collected timestamp would come back in the session's time zone.
    seconds = F.unix_micros("captured_at")
    row = images.agg(F.min(seconds).alias("first"), F.max(seconds).alias("last")).collect()[0]
    if row["first"] is None:
        return now, now
    return tuple(datetime.fromtimestamp(row[end] / 1e6, UTC) for end in ("first", "last"))  # type: ignore[return-value]


def _seconds(started: datetime) -> float:
    return (datetime.now(UTC) - started).total_seconds()
