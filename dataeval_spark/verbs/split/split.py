"""The verb `split`: assign the images of a workspace to the parts of a named split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.assign import METHODS, Assigned, assign
from dataeval_spark.analyses.splits.by_attribute import assign_by_attribute
from dataeval_spark.analyses.splits.by_hash import assign_by_hash
from dataeval_spark.analyses.splits.by_time import assign_by_time
from dataeval_spark.analyses.splits.members import members_of, strata_of
from dataeval_spark.analyses.splits.units import groupings
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import with_capture_time
from dataeval_spark.options import SplitOptions, changed
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.bias import BIN_EDGES, FACTOR_BINS
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS
from dataeval_spark.tables.quality import DUPLICATE_PAIRS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLITS
from dataeval_spark.verbs.analyze.decision import UP_TO_DATE
from dataeval_spark.verbs.split.request import TIME_OPTIONS, check, of_dataset
from dataeval_spark.verbs.split.results import message_of, write, write_representativeness
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.runs import Run, StepRun, last_successes, work_id
from dataeval_spark.workspace.workspace import Checkpoint, Workspace

READS = (IMAGES, IMAGE_STATS, TARGETS, FACTORS, FACTOR_BINS, BIN_EDGES, DUPLICATE_PAIRS, EMBEDDINGS)


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
    last, present = last_successes(workspace).get(step), {r["split_name"] for r in _listed(workspace)}
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
    outputs = write(workspace, writer, name, request, options, rows, assignment, started)
    if reference is not None:
        outputs |= write_representativeness(workspace, writer, name, request, rows, reference, states)
    message = message_of(name, request, assignment, DUPLICATE_PAIRS.name in states)
    total = sum(cell.got for cell in assignment.explanations[0].cells if cell.stratum is None)
    return run.finish(
        step, "done", started, message, options=options, work=work, inputs=states, outputs=outputs, rows=total
    )


def _listed(workspace: Workspace) -> list[dict[str, Any]]:
    return workspace.rows(SPLITS, ("split_name",))


def _chosen_images(workspace: Workspace, request: SplitOptions) -> tuple[DataFrame, DataFrame | None]:
    live = workspace.read_live(IMAGES)
    if request.method == "time":
        live = with_capture_time(live, workspace.read_or_none(IMAGE_STATS))
    images = live if request.images is None else live.where(of_dataset("images", request.images))
    if request.target is None:
        return images, None
    condition = of_dataset("target", request.target)
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
    target = _rates(reference, strata) if reference is not None and strata is not None else None
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


def _rates(reference: DataFrame, strata: DataFrame) -> dict[str, float]:
    """Labels of each stratum per image of the reference that has any."""
    labels = strata.join(reference.select("image_id"), on="image_id", how="left_semi").where(F.size("strata") > 0)
    images = labels.count()
    if images == 0:
        raise OptionError(
            "split.target names a dataset of which no image has what is stratified by.\n"
            "Hint: ingest labels, or metadata, of some of its images, or split without --target"
        )
    sums = labels.select(F.explode("strata").alias("stratum", "n")).groupBy("stratum").agg(F.sum("n").alias("n"))
    return {row["stratum"]: row["n"] / images for row in bounded(sums.limit(20_000), "one row per stratum")}
