"""What a run would do, without doing it: steps, why each runs or is skipped, rows, estimated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataeval_spark import holdout
from dataeval_spark.errors import TableMissingError
from dataeval_spark.profiling import count_pending
from dataeval_spark.runs import is_up_to_date, last_successes, work_id
from dataeval_spark.steps import STEPS, chosen, decisive, levels, unasked
from dataeval_spark.workspace import Workspace

# Before a workspace has runs to learn from: 128 px images on two cores.
SECONDS_PER_IMAGE = 1 / 400
SECONDS_PER_STEP = 3.0


@dataclass(frozen=True)
class PlannedStep:
    """One line of a plan."""

    step: str
    will_run: bool
    reason: str
    rows: int | None
    seconds: float

    def __str__(self) -> str:
        rows = "" if self.rows is None else f"{self.rows:,} rows"
        verb = "run " if self.will_run else "skip"
        time = f"about {self.seconds:,.0f} s" if self.will_run else ""
        return f"{self.step:<18} {verb} {rows:>14} {time:>14}  {self.reason}"


def plan_profile(workspace: Workspace, options: Mapping[str, Any]) -> PlannedStep:
    """What a profile would do."""
    limits = {key: value for key, value in options.items() if key != "images_per_commit"}
    try:
        pending = count_pending(workspace, **limits)
    except TableMissingError:
        return PlannedStep("profile", False, "nothing has been ingested", None, 0.0)
    last = last_successes(workspace).get("profile")
    seconds = pending * (last.seconds / max(last.rows, 1) if last else SECONDS_PER_IMAGE)
    reason = "these images are new or changed" if pending else "up to date: no image is new or changed"
    return PlannedStep("profile", pending > 0, reason, pending, seconds)


def plan_analyze(
    workspace: Workspace, options: Mapping[str, Mapping[str, Any]], only: Sequence[str] = ()
) -> list[PlannedStep]:
    """What the analyses would do."""
    states = workspace.states()
    successes = last_successes(workspace)
    has_holdouts = bool(holdout.parts(workspace))
    planned = []
    for level in levels(chosen(only, STEPS)):
        for step in level:
            missing = [table.name for table in step.reads if table.name not in states]
            reason = unasked(step, options.get(step.name, {}), only) or ""
            if reason:
                planned.append(PlannedStep(step.name, False, reason, None, 0.0))
                continue
            if missing:
                planned.append(PlannedStep(step.name, False, f"needs {', '.join(missing)}", None, 0.0))
                continue
            inputs = {table.name: states[table.name] for table in step.inputs if table.name in states}
            work = work_id(step.name, step.version, decisive(step, options.get(step.name, {})), inputs)
            last = successes.get(step.name)
            fresh = is_up_to_date(work, step.writes, states, last)
            reason = "options or inputs have changed" if last else "never run"
            reason = "up to date: options and input versions are unchanged" if fresh else reason
            if step.labels and has_holdouts and not fresh:
                reason += "; reads the labels of a hold-out: needs --open-holdout REASON"
            rows = workspace.read(step.reads[0]).count()
            seconds = last.seconds if last else SECONDS_PER_STEP
            planned.append(PlannedStep(step.name, not fresh, reason, rows, seconds))
    return planned
