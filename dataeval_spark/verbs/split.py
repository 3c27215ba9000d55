"""The verb `split`: assign the images of a workspace to the parts of a named split."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import METHODS, Assigned, assign, parts_of
from dataeval_spark.analyses.splits.by_attribute import assign_by_attribute
from dataeval_spark.analyses.splits.by_hash import assign_by_hash
from dataeval_spark.analyses.splits.by_time import assign_by_time
from dataeval_spark.analyses.splits.members import members_of, strata_of
from dataeval_spark.analyses.splits.parts import GIVEN, label_counts
from dataeval_spark.analyses.splits.split_differences import split_representativeness
from dataeval_spark.analyses.splits.units import groupings
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of, with_capture_time
from dataeval_spark.kernels.splits.time_parts import EXCLUDED
from dataeval_spark.options import SplitOptions, changed
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.bias import BIN_EDGES, FACTOR_BINS
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS
from dataeval_spark.tables.quality import DUPLICATE_PAIRS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLIT_REPRESENTATIVENESS, SPLIT_STRATA, SPLITS
from dataeval_spark.verbs.analyze.decision import UP_TO_DATE
from dataeval_spark.workspace.delta import TableState, Writer
from dataeval_spark.workspace.runs import Run, StepRun, last_successes, work_id
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

READS = (IMAGES, IMAGE_STATS, TARGETS, FACTORS, FACTOR_BINS, BIN_EDGES, DUPLICATE_PAIRS, EMBEDDINGS)
STRATIFIED = ("stratified", "stratified_group")
TIME_OPTIONS = ("gap", "horizon", "test_size", "max_train")


def split_workspace(run: Run, name: str, request: SplitOptions) -> StepRun:
    """Assign the live images to the parts of a split; images keep the part they were given earlier.

    Parameters
    ----------
    name : str
        Name of the split.
    request : SplitOptions
        Method, parts and what stays together.

    Returns
    -------
    StepRun
        Sizes of the parts, the largest deviation from the targets, and targets that cannot be met.

    Raises
    ------
    OptionError
        An option cannot be met; the message says which and why.
    TableMissingError
        A table that an option needs has not been filled.
    """
    workspace = run.workspace
    check(name, request)
    options = changed(request)
    states = workspace.states(READS)
    step, work = f"split {name}", work_id(name, 1, options, states)
    last = last_successes(workspace).get(step)
    present = {row["split_name"] for row in workspace.rows(SPLITS, ("split_name",))}
    if last is not None and last.work_id == work and name in present and not request.renew:
        return StepRun.skipped(step, UP_TO_DATE)
    started = datetime.now(UTC)
    images, reference = _chosen_images(workspace, request)
    assignment = _assigned(workspace, run.checkpoint, name, request, images, reference, states, present)
    if not request.guard and not request.renew:
        # A hold-out stays one until the split is made anew.
        earlier = workspace.rows(SPLITS, ("split_name", "guarded"), split_name=name)
        request = replace(request, guard=[part for row in earlier for part in row["guarded"] or ()])
    parts = sorted({cell.split for each in assignment.explanations for cell in each.cells})
    for part in request.guard:
        OptionError.unless_one_of("split.guard", part, parts)
    rows = run.checkpoint(assignment.rows, "split")
    writer = run.writer(step, f"{work}-{run.run_id}")  # the same work again: the parts there were before may differ
    outputs = _write(workspace, writer, name, request, options, rows, assignment, started)
    if reference is not None:
        outputs |= _write_representativeness(workspace, writer, name, request, rows, reference, states)
    message = _message(name, request, assignment, DUPLICATE_PAIRS.name in states)
    total = sum(cell.got for cell in assignment.explanations[0].cells if cell.stratum is None)
    return run.finish(
        step, "done", started, message, options=options, work=work, inputs=states, outputs=outputs, rows=total
    )


def _chosen_images(workspace: Workspace, request: SplitOptions) -> tuple[DataFrame, DataFrame | None]:
    live = workspace.read_live(IMAGES)
    if request.method == "time":
        live = with_capture_time(live, workspace.read_or_none(IMAGE_STATS))
    images = live if request.images is None else live.where(_of_dataset("images", request.images))
    if request.target is None:
        return images, None
    condition = _of_dataset("target", request.target)
    return images.where(~condition), live.where(condition)


def _assigned(
    workspace: Workspace,
    checkpoint: Checkpoint,
    name: str,
    request: SplitOptions,
    images: DataFrame,
    reference: DataFrame | None,
    states: dict[str, TableState],
    present: set[str],
) -> Assigned:
    factors = [each for each in request.stratify_by if each != "class_name"]
    tables = {"targets": workspace.read(TARGETS)}
    if factors:
        tables |= {"factor_bins": workspace.read(FACTOR_BINS), "bin_edges": workspace.read(BIN_EDGES)}
        _require_factors(tables["bin_edges"], factors)
    strata = strata_of(request.stratify_by, **tables, combined=request.combined) if request.stratify_by else None
    # A fold for each group: the folds are others when a group comes, as the periods of a split over time.
    keeps = request.method in (*METHODS, "hash", "test_value") and request.method != "leave_one_group_out"
    is_sticky = keeps and not request.renew and name in present
    previous = None
    if is_sticky:
        of_name = (F.col("split_name") == name) & (F.col("repeat") == 0)
        previous = workspace.read(SPLIT_ASSIGNMENTS).where(of_name)
    duplicates = request.duplicates and DUPLICATE_PAIRS.name in states
    members = members_of(
        images,
        groups={key: _column(workspace, images, key) for key in request.group_by},
        duplicate_pairs=workspace.read(DUPLICATE_PAIRS) if duplicates else None,
        strata=strata,
        previous=previous,
    )
    members = checkpoint(members, "members")
    fractions = request.fractions
    if request.method == "time":
        time_options = {option: getattr(request, option) for option in TIME_OPTIONS}
        return assign_by_time(members, fractions=fractions, folds=request.folds, **time_options)
    if request.method == "hash":
        return assign_by_hash(members, fractions=fractions, folds=request.folds, seed=request.seed)
    if request.test_value is not None:
        column, _, value = request.test_value.partition("=")
        test_images = _column(workspace, images, column).where(F.col("value") == value)
        inner = "stratified_group" if request.stratify_by else "random"
        return assign_by_attribute(members, test_images, fractions=fractions, method=inner, seed=request.seed)
    target = None
    if reference is not None and strata is not None:
        target = _rates(reference, strata, request)
    return assign(
        members,
        method=request.method,  # type: ignore[arg-type]  # the others have been dealt with
        fractions=fractions,
        folds=request.folds,
        repeats=request.repeats,
        shuffle=request.shuffle,
        seed=request.seed,
        target=target,
    )


def _column(workspace: Workspace, images: DataFrame, name: str) -> DataFrame:
    """Columns ``image_id`` and ``value``, of a column of the images or of their metadata."""
    columns = groupings(images, workspace.read_or_none(FACTORS))
    OptionError.unless_one_of("split.group_by", name, list(columns))
    return columns[name]


def _require_factors(bin_edges: DataFrame, factors: Sequence[str]) -> None:
    binned = [row["factor"] for row in bounded(bin_edges.select("factor").distinct().limit(10_000), "names of factors")]
    for factor in factors:
        OptionError.unless_one_of("split.stratify_by", factor, ["class_name", *binned])


def _rates(reference: DataFrame, strata: DataFrame, request: SplitOptions) -> dict[str, float]:
    """Labels of each stratum per image of the reference that has any."""
    labels = strata.join(reference.select("image_id"), on="image_id", how="left_semi").where(F.size("strata") > 0)
    images = labels.count()
    if images == 0:
        raise OptionError(
            f"split.target is {request.target!r}, and no image of it has a value of {', '.join(request.stratify_by)}.\n"
            "Hint: ingest labels or metadata of its images, or split without --target"
        )
    sums = labels.select(F.explode("strata").alias("stratum", "n")).groupBy("stratum").agg(F.sum("n").alias("n"))
    return {row["stratum"]: row["n"] / images for row in bounded(sums.limit(20_000), "one row per stratum")}


def check(name: str, request: SplitOptions) -> None:
    """Raise OptionError where options cannot be used, or do not go together."""
    if request.method not in ("test_value", "leave_one_group_out"):  # there the parts follow from the groups
        parts_of(request.fractions, request.folds)
    if not name or "/" in name or name == GIVEN:
        raise OptionError(f"A split cannot be named {name!r}: it may hold no '/', and 'given' is the source's own.")
    if (request.method == "test_value") != (request.test_value is not None):
        raise OptionError(
            f"split.method is {request.method!r} and split.test_value is {request.test_value!r}; "
            "method 'test_value' and the option go together.\nHint: --method test_value --test-value site=B"
        )
    if request.method in ("group", "leave_one_group_out") and not request.group_by:
        raise OptionError(f"split.method is {request.method!r} and split.group_by is empty.\nHint: --group-by patient")
    time_options = [option for option in TIME_OPTIONS if getattr(request, option) not in (None, 0, 0.0)]
    if time_options and request.method != "time":
        raise OptionError(
            f"split.{time_options[0]} is an option of method 'time', and split.method is {request.method!r}.\n"
            "Hint: --method time"
        )
    if request.target is not None and request.method not in STRATIFIED:
        raise OptionError(
            f"split.target names the dataset whose classes a split should have, and method {request.method!r} "
            "balances no classes.\n"
            f"Hint: --method {STRATIFIED[-1]}"
        )
    if request.combined and request.method not in (*STRATIFIED, "hash", "test_value"):
        raise OptionError(
            f"split.combined joins what is balanced into one stratum, and method {request.method!r} balances nothing.\n"
            f"Hint: --method {STRATIFIED[-1]}"
        )
    if request.folds is not None and request.method in ("test_value", "leave_one_group_out"):
        raise OptionError(
            f"split.folds is {request.folds}, and the parts of method {request.method!r} follow from the groups.\n"
            "Hint: leave out --folds"
        )
    is_drawn = request.method in METHODS and request.method != "leave_one_group_out"
    if request.repeats != 1 and not (is_drawn and request.shuffle):
        raise OptionError(
            f"split.repeats is {request.repeats}, and method {request.method!r}"
            f"{' without shuffle' if is_drawn else ''} gives the same result each time.\nHint: leave out --repeats"
        )
    if not request.shuffle and not is_drawn:
        raise OptionError(
            f"split.shuffle is false, and method {request.method!r} shuffles nothing.\nHint: leave out --no-shuffle"
        )


def _of_dataset(option: str, ref: str) -> Column:
    """SQL condition of a reference ``dataset=NAME``."""
    key, _, value = ref.partition("=")
    if key != "dataset" or not value:
        raise OptionError(f"split.{option} is {ref!r}; expected dataset=NAME, such as dataset=photos.")
    return F.col("dataset") == value


def _write(
    workspace: Workspace,
    writer: Writer,
    name: str,
    request: SplitOptions,
    options: dict[str, Any],
    rows: DataFrame,
    assignment: Assigned,
    created_at: datetime,
) -> dict[str, TableState]:
    """Replace the rows of a split in its tables; return their new states."""
    named_rows = rows.select(F.lit(name).alias("split_name"), *SPLIT_ASSIGNMENTS.column_names[1:-1])
    cells = [
        (name, e.repeat, e.fold, c.split, c.stratum, c.wanted, c.got, c.deviation, c.units, c.note)
        for e in assignment.explanations
        for c in e.cells
    ]
    first = assignment.explanations[0]
    excluded = rows.where((F.col("split") == EXCLUDED) & (F.col("repeat") == 0)).count()
    units = next((cell.units for cell in first.cells if cell.stratum is None), None)
    summary = (
        name,
        request.method,
        json.dumps(options, sort_keys=True),
        list(request.guard),
        sum(cell.got for cell in first.cells if cell.stratum is None),
        excluded,
        units,
        max((e.largest_deviation for e in assignment.explanations), default=None),
        list(dict.fromkeys(note for e in assignment.explanations for note in e.notes)),
        created_at,
    )
    frames = {SPLIT_ASSIGNMENTS: named_rows, SPLIT_STRATA: rows_of(named_rows, SPLIT_STRATA, cells)}
    with ThreadPoolExecutor(len(frames)) as pool:
        jobs = {table.name: pool.submit(workspace.write, table, f, writer, scope=name) for table, f in frames.items()}
        states = {table: job.result() for table, job in jobs.items()}
    # Last: a split is there once its parts are.
    return states | {SPLITS.name: workspace.write(SPLITS, rows_of(named_rows, SPLITS, [summary]), writer, scope=name)}


def _write_representativeness(
    workspace: Workspace,
    writer: Writer,
    name: str,
    request: SplitOptions,
    rows: DataFrame,
    reference: DataFrame,
    states: Mapping[str, TableState],
) -> dict[str, TableState]:
    """Compare the parts with the images that they should represent."""

    def read(table: Table) -> DataFrame | None:
        return workspace.read(table) if table.name in states else None

    counts = label_counts(workspace.read(TARGETS), read(FACTOR_BINS), read(BIN_EDGES), without=("split", "dataset"))
    parts = rows.where(F.col("split") != EXCLUDED).select(F.lit(name).alias("split_name"), "*")
    differences = split_representativeness(
        parts, reference, counts, read(EMBEDDINGS), reference_name=str(request.target), seed=request.seed
    )
    table = SPLIT_REPRESENTATIVENESS
    return {table.name: workspace.write(table, differences, writer, scope=name)}


def _message(name: str, request: SplitOptions, assignment: Assigned, has_duplicates: bool) -> str:
    """Sentence on the sizes of the parts, the largest deviation, and targets that cannot be met."""
    first = assignment.explanations[0]
    sizes = [cell for cell in first.cells if cell.stratum is None]
    total = max(1, sum(cell.got for cell in sizes))
    sizes_text = ", ".join(f"{cell.split} {cell.got:,} ({cell.got / total:.1%})" for cell in sizes[:10])
    parts = [f"{sizes_text}{', ...' if len(sizes) > 10 else ''}"]
    worst = max(first.cells, key=lambda cell: abs(cell.deviation), default=None)
    if worst is not None and worst.deviation:
        direction = "more" if worst.deviation > 0 else "less"
        what = f"the share of {worst.stratum} in {worst.split}" if worst.stratum else f"the share of {worst.split}"
        parts.append(
            f"{what} is {100 * abs(worst.deviation):.2g} points {direction} than asked for, the largest difference"
        )
    parts += first.notes[:3]
    if request.duplicates and not has_duplicates:
        parts.append("duplicates are not known yet: dataeval-spark analyze, then split --renew")
    return f"split {name}: {'; '.join(parts)}"
