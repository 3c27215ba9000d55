"""Which function fills which table, in which order. To add an analysis, add a line to STEPS."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark import tables as t
from dataeval_spark.bias import (
    balance,
    completeness,
    contingency,
    coverage,
    coverage_gaps,
    diversity,
    factors,
    feature_value,
    flagged,
    label_parity,
    labels,
    parity,
    shortcuts,
)
from dataeval_spark.errors import ConfigError, DataEvalError, StepFailedError, TableMissingError
from dataeval_spark.ingest.source import Stage
from dataeval_spark.labels import box_findings, confident_learning, label_neighbors, object_label_errors
from dataeval_spark.quality import duplicates, image_findings, outliers
from dataeval_spark.runs import Run, StepRun, Success, is_up_to_date, last_successes, work_id
from dataeval_spark.shift import univariate
from dataeval_spark.similarity import embedding_scores, image_values, neighbors, prioritization
from dataeval_spark.splits import differences, leakage
from dataeval_spark.stats import embedding_health, normalization
from dataeval_spark.table_access import TableState, Writer
from dataeval_spark.workspace import Workspace

# Steps side by side: a small Delta commit costs about a second of waiting, whatever the data.
STEPS_AT_ONCE = 4

Options = Mapping[str, Mapping[str, Any]]
Notify = Callable[[str], None]


@dataclass(frozen=True)
class Step:
    """``function(*frames of reads, *frames of uses, **options)`` returns one frame per table of ``writes``.

    ``version`` is raised when the function's results change, so that they are computed anew. ``uses`` are read where
    they exist, and are None where they do not; a step may use what it wrote last time itself.
    """

    function: Callable[..., Any]
    reads: tuple[t.Table, ...]
    writes: tuple[t.Table, ...]
    version: int = 1
    uses: tuple[t.Table, ...] = ()

    @property
    def name(self) -> str:
        return str(self.function.__name__)

    @property
    def inputs(self) -> tuple[t.Table, ...]:
        """Tables whose rows decide the result; what the step itself wrote is only a shortcut to it."""
        return tuple(table for table in (*self.reads, *self.uses) if table not in self.writes)


STEPS = (
    Step(normalization.normalization, (t.CHANNEL_STATS, t.IMAGE_STATS, t.IMAGES), (t.NORMALIZATION,)),
    Step(
        duplicates.duplicates,
        (t.HASHES, t.IMAGE_STATS, t.IMAGES),
        (t.DUPLICATE_PAIRS, t.DUPLICATE_GROUPS, t.DATASET_FINDINGS),
        version=2,
        uses=(t.TARGETS, t.NEIGHBORS),
    ),
    Step(outliers.outliers, (t.IMAGE_STATS, t.TARGETS), (t.OUTLIERS,)),
    Step(image_findings.image_findings, (t.IMAGE_STATS,), (t.IMAGE_FINDINGS,)),
    Step(labels.label_stats, (t.TARGETS, t.IMAGES), (t.LABEL_STATS,)),
    Step(
        factors.factor_bins,
        (t.TARGETS, t.IMAGES),
        (t.FACTOR_BINS, t.BIN_EDGES, t.DATASET_FINDINGS),
        uses=(t.IMAGE_STATS, t.FACTORS, t.BIN_EDGES),
    ),
    Step(contingency.contingency, (t.FACTOR_BINS, t.BIN_EDGES), (t.CONTINGENCY,)),
    Step(balance.balance, (t.CONTINGENCY, t.BIN_EDGES, t.FACTOR_BINS), (t.BALANCE,)),
    Step(diversity.diversity, (t.CONTINGENCY,), (t.DIVERSITY,)),
    Step(parity.parity, (t.CONTINGENCY,), (t.PARITY,)),
    Step(coverage.coverage, (t.NEIGHBORS, t.EMBEDDINGS, t.TARGETS), (t.COVERAGE, t.COVERAGE_STATS)),
    Step(completeness.completeness, (t.EMBEDDINGS, t.TARGETS), (t.COMPLETENESS,)),
    Step(coverage_gaps.coverage_gaps, (t.FACTOR_BINS, t.BIN_EDGES), (t.COVERAGE_GAPS,)),
    Step(shortcuts.shortcuts, (t.FACTOR_BINS, t.BALANCE), (t.SHORTCUTS,)),
    Step(feature_value.feature_value, (t.FACTOR_BINS, t.BALANCE), (t.FEATURE_VALUE,)),
    Step(flagged.factor_predictors, (t.FACTOR_BINS, t.IMAGE_FINDINGS), (t.FACTOR_PREDICTORS,)),
    Step(embedding_health.embedding_health, (t.EMBEDDINGS,), (t.DATASET_FINDINGS,)),
    Step(neighbors.neighbors, (t.EMBEDDINGS,), (t.NEIGHBORS, t.DATASET_FINDINGS), uses=(t.NEIGHBORS,)),
    Step(embedding_scores.embedding_scores, (t.NEIGHBORS,), (t.EMBEDDING_SCORES,)),
    Step(image_values.image_values, (t.NEIGHBORS, t.TARGETS), (t.IMAGE_VALUES,)),
    Step(prioritization.prioritization, (t.NEIGHBORS, t.TARGETS), (t.PRIORITIZATION,)),
    Step(
        confident_learning.confident_learning,
        (t.TARGETS, t.PREDICTIONS, t.PREDICTION_CLASSES),
        (t.LABEL_ERRORS, t.CONFIDENT_JOINT, t.CLASS_NOISE, t.DATASET_FINDINGS),
    ),
    Step(label_neighbors.label_neighbors, (t.TARGETS, t.NEIGHBORS), (t.LABEL_ERRORS, t.DATASET_FINDINGS)),
    Step(
        leakage.split_leakage,
        (t.IMAGES,),
        (t.SPLIT_LEAKAGE, t.SPLIT_REPAIRS),
        uses=(t.SPLIT_ASSIGNMENTS, t.DUPLICATE_PAIRS, t.DUPLICATE_GROUPS, t.FACTORS),
    ),
    Step(
        differences.split_differences,
        (t.IMAGES, t.TARGETS),
        (t.SPLIT_DIFFERENCES,),
        uses=(t.SPLIT_ASSIGNMENTS, t.FACTOR_BINS, t.BIN_EDGES, t.EMBEDDINGS),
    ),
    Step(
        object_label_errors.object_label_errors,
        (t.TARGETS, t.PREDICTIONS),
        (t.OBJECT_LABEL_ERRORS, t.IMAGE_LABEL_QUALITY),
    ),
    Step(box_findings.box_findings, (t.TARGETS,), (t.OBJECT_LABEL_ERRORS,)),
)
# These compare a reference with the current data; both are rows of the table they read.
COMPARISONS = (
    Step(univariate.drift_univariate, (t.IMAGE_STATS,), (t.DRIFT_METRICS,)),
    Step(label_parity.label_parity, (t.TARGETS,), (t.LABEL_PARITY,)),
    Step(label_parity.null_model, (t.TARGETS,), (t.NULL_MODEL,)),
)


def levels(steps: Sequence[Step]) -> Iterator[tuple[Step, ...]]:
    """Steps in an order in which each comes after those that write what it reads.

    Raises
    ------
    ConfigError
        Two steps read what the other writes.
    """
    writer = {table: step for step in steps for table in step.writes if table.scope is None}
    sorter = TopologicalSorter({step: {writer[r] for r in step.inputs if r in writer} - {step} for step in steps})
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
    workspace: Workspace,
    run: Run,
    stage: Stage,
    options: Options,
    only: Sequence[str] = (),
    notify: Notify = lambda name: None,
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
            states = workspace.states(
                dict.fromkeys(table for step in level for table in (*step.reads, *step.uses, *step.writes))
            )
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
                jobs.append(pool.submit(_analyze_step, workspace, run, stage, step, given, states, last))
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
    stage: Stage,
    step: Step,
    options: Mapping[str, Any],
    states: Mapping[str, TableState],
    last: Success | None,
) -> StepRun:
    inputs = {table.name: states[table.name] for table in step.inputs if table.name in states}
    work = work_id(step.name, step.version, options, inputs)
    if is_up_to_date(work, step.writes, states, last):
        return skip(run, step, options, inputs, work)
    frames: list[DataFrame | None] = [read_live(workspace, table) for table in step.reads]
    frames += [read_live(workspace, table) if table.name in states else None for table in step.uses]
    given = {**options, **_injected(workspace, run, stage, step)}
    return run_step(workspace, run, step, options, inputs, work, lambda: step.function(*frames, **given))


def _injected(workspace: Workspace, run: Run, stage: Stage, step: Step) -> dict[str, Any]:
    """Places for temporary files, for the functions that ask for them."""
    asked = inspect.signature(step.function).parameters
    count = itertools.count()
    places = {
        "checkpoint": lambda frame: stage(frame, f"{step.name}_{next(count)}"),
        "scratch": workspace.shared_folder(run.run_id, step.name),
    }
    return {name: place for name, place in places.items() if name in asked}


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
            written = list(pool.map(lambda pair: _write(workspace, step, pair[0], pair[1], writer), pairs))
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


def _write(workspace: Workspace, step: Step, table: t.Table, frame: DataFrame, writer: Writer) -> TableState:
    return workspace.write(table, frame, writer, scope=step.name if table.scope == "step" else None)


def read_live(workspace: Workspace, table: t.Table) -> DataFrame:
    """A table as the analyses see it: of `images` only the live ones, without their bytes."""
    frame = workspace.read(table)
    return frame.where("deleted_at IS NULL").drop("content") if table is t.IMAGES else frame


def _seconds(started: datetime) -> float:
    return (datetime.now(UTC) - started).total_seconds()
