"""Comparing two parts of the data, or two snapshots: the reference and the current rows of one table each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import partial

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.steps import COMPARISONS, Step, chosen
from dataeval_spark.errors import FILLED_BY, OptionError, TableMissingError, filling_command
from dataeval_spark.frames.contract import with_capture_time
from dataeval_spark.option_checks.parts import require_parts
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.cancellation import go_on
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import HAS_IMAGE, IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS
from dataeval_spark.verbs.analyze.analyze import During, Options, run_step, skip
from dataeval_spark.verbs.analyze.decision import Inputs, decide_comparison
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.snapshots import at
from dataeval_spark.workspace.work import has_done
from dataeval_spark.workspace.workspace import Workspace


def compare(
    run: Run,
    reference: str,
    current: str,
    options: Options,
    only: Sequence[str] = (),
    open_guarded: str | None = None,
    during: During = lambda name: nullcontext(),
) -> Iterator[StepRun]:
    """Compare two sets of images of the workspace, or two snapshots of it.

    Parameters
    ----------
    reference, current : str
        ``dataset=NAME``, ``split=NAME`` (as the source gave it), ``assigned=SPLIT/PART`` or the name of a snapshot.
    open_guarded : str, optional
        Reason for reading a side that is a hold-out, or labels of a hold-out among the images of a side; see
        `dataeval_spark.workspace.holdout`.
    during : callable, optional
        Takes the name of a step, and is entered while it runs.

    Raises
    ------
    OptionError
        A side has no images, or both are the same.
    HoldoutError
        A side is a hold-out, or contains one whose labels a step would read (other steps ran), without a reason.
    SnapshotError
        There is no such snapshot.
    """
    workspace = run.workspace
    sides = {"reference": reference, "current": current}
    require_parts(sides)
    opened = _opened(run, sides.values(), open_guarded)
    steps = chosen(only, COMPARISONS)
    guard = holdout.Guard(run, _guarded_parts(workspace, sides.values(), steps), open_guarded)

    def openings(step: Step) -> str:
        return "; ".join(filter(None, [*opened, guard.message if step.labels else ""]))

    def with_openings(step: Step, result: StepRun) -> StepRun:
        return replace(result, message="; ".join(filter(None, [result.message, openings(step)])))

    for step in steps:
        go_on()
        step_options = options.get(step.name, {})
        recorded = {**step_options, **sides}
        decision = decide_comparison(
            step,
            step_options,
            sides,
            lambda step=step: _inputs(workspace, step, sides, only),  # type: ignore[misc]
            lambda work, step=step: (  # type: ignore[misc]
                has_done(workspace, work) and all(map(workspace.exists, step.writes))
            ),
            only=only,
            is_closed=guard.is_closed,
        )
        if decision.verdict == "closed":
            guard.refuse(step.name)
            yield StepRun.skipped(step.name, decision.reason)
        elif decision.verdict == "current":
            yield with_openings(step, skip(run, step, recorded, decision))
        elif decision.verdict != "run":
            yield with_openings(step, StepRun.skipped(step.name, decision.reason))
        else:
            if step.labels:
                guard.open()
            frames = {side: _rows_of(workspace, ref, step.reads[0]) for side, ref in sides.items()}
            names = {
                "reference_name": reference,
                "current_name": current,
                "window": _window(workspace, current, run.started_at),
            }
            compute = partial(step.function, frames["reference"], frames["current"], **names, **step_options)
            with during(step.name):
                result = run_step(run, step, recorded, decision, compute, openings(step))
            yield result
    closed = guard.error()
    if closed is not None:
        raise closed


def _guarded_parts(workspace: Workspace, refs: Iterable[str], steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Hold-outs among the images of sides that do not name them, if a step reads labels."""
    if not any(step.labels for step in steps) or not holdout.parts(workspace):
        return set()
    images = [_images_of(workspace, ref)[1] for ref in refs if holdout.names_of(ref) is None]
    return {part for frame in images for part in holdout.parts_among(workspace, frame)}


def _opened(run: Run, refs: Iterable[str], reason: str | None) -> list[str]:
    """Open the sides that are hold-outs; return how often each has been opened."""
    sentences = []
    for name, part in filter(None, map(holdout.names_of, refs)):
        count = holdout.open_part(run, name, part, reason)
        if count is not None:
            sentences.append(holdout.sentence(name, part, count))
    return sentences


def _inputs(workspace: Workspace, step: Step, sides: Mapping[str, str], only: Sequence[str]) -> Inputs:
    """States of the tables of both sides."""
    table = step.reads[0]
    inputs: dict[str, TableState] = {}
    try:
        for side, ref in sides.items():
            inputs |= {f"{side}.{name}": state for name, state in _states_of(workspace, side, ref, table).items()}
    except (OptionError, TableMissingError):
        if step.name not in only and _are_without_images(workspace, sides.values()):
            return Inputs({}, (table.name,), f"needs {table.name}, and both sides are tables without images")
        if step.name in only or table.name in FILLED_BY:
            raise
        # Images may be compared before they are analyzed.
        return Inputs({}, (table.name,), f"needs {table.name} of both sides")
    return Inputs(inputs)


def _are_without_images(workspace: Workspace, refs: Iterable[str]) -> bool:
    """Whether each side has rows, and none of them has a file or bytes."""
    sides = [_images_of(workspace, ref)[1] for ref in refs]
    return all(not side.isEmpty() and side.where(HAS_IMAGE).isEmpty() for side in sides)


def _rows_of(workspace: Workspace, ref: str, table: Table) -> DataFrame:
    place, images = _images_of(workspace, ref)
    return place.read(table).join(images.select("image_id"), on="image_id", how="left_semi")


def _states_of(workspace: Workspace, side: str, ref: str, table: Table) -> dict[str, TableState]:
    place, _ = _images_of(workspace, ref)
    if _rows_of(workspace, ref, table).isEmpty():
        known = _known_refs(workspace)
        near = [] if ref in known else get_close_matches(ref, known, n=1)
        fill = f"name one of these, or fill the table: {filling_command(table.name, workspace.location)}"
        there = f"Datasets and splits here: {', '.join(known)}" if known else "No dataset here has images"
        raise OptionError(
            f"compare.{side}: no image in table {table.name} matches {ref}. {there}.\n"
            f"Hint: {f'did you mean {near[0]!r}?' if near else fill}"
        )
    versions = place.versions
    if versions is None:
        return workspace.states([table, IMAGES, *([SPLIT_ASSIGNMENTS] if holdout.names_of(ref) else [])])
    at_start = datetime.fromtimestamp(0, UTC)
    return {name: TableState(versions[name], versions[name], at_start, None) for name in (table.name, IMAGES.name)}


def _images_of(workspace: Workspace, ref: str) -> tuple[Workspace, DataFrame]:
    key, _, value = ref.partition("=")
    if key in ("dataset", "split") and value:
        images = workspace.read_live(IMAGES)
        return workspace, images.where(F.col(key) == value)
    assigned = holdout.names_of(ref)
    if assigned is not None:
        _refuse_folds(workspace, assigned[0], ref)
        images = workspace.read_live(IMAGES)
        ids = holdout.images_of_part(workspace, *assigned)
        return workspace, images.join(ids, on="image_id", how="left_semi")
    pinned = at(workspace, ref)
    return pinned, pinned.read_live(IMAGES)


def _refuse_folds(workspace: Workspace, name: str, ref: str) -> None:
    """Refuse parts of a split into folds over time, which differ from fold to fold."""
    rows = workspace.read(SPLIT_ASSIGNMENTS)
    if not rows.where((F.col("split_name") == name) & F.col("fold").isNotNull()).isEmpty():
        raise OptionError(
            f"{ref!r} is a part of folds over time, which differs from fold to fold.\n"
            "Hint: name a part of a split with fractions, or dataset=NAME or split=NAME"
        )


def _known_refs(workspace: Workspace) -> list[str]:
    images = workspace.read_live(IMAGES)
    return [
        f"{kind}={row[kind]}"
        for kind in ("dataset", "split")
        for row in bounded(
            images.where(F.col(kind).isNotNull()).select(kind).distinct().orderBy(kind).limit(20),
            "names of datasets or splits",
        )
    ]


def _window(workspace: Workspace, ref: str, now: datetime) -> tuple[datetime, datetime]:
    """First and last capture time of the current data; the time of the run when none is known."""
    place, images = _images_of(workspace, ref)
    images = with_capture_time(images.select("image_id", "captured_at"), place.read_or_none(IMAGE_STATS))
    # Seconds since 1970: a collected timestamp would come back in the session's time zone.
    seconds = F.unix_micros("captured_at")
    row = one_row(images, F.min(seconds).alias("first"), F.max(seconds).alias("last"))
    if row["first"] is None:
        return now, now
    return tuple(datetime.fromtimestamp(row[end] / 1e6, UTC) for end in ("first", "last"))  # type: ignore[return-value]
