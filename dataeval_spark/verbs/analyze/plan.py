"""Plan of a run: its steps, why each runs or is skipped, rows, estimated time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataeval_spark.analyses.steps import STEPS, chosen
from dataeval_spark.errors import TableMissingError
from dataeval_spark.options import ProfileOptions
from dataeval_spark.verbs.analyze.decision import plan, standing
from dataeval_spark.verbs.profile import count_pending
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.runs import last_successes
from dataeval_spark.workspace.workspace import Workspace

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


def plan_profile(workspace: Workspace, options: ProfileOptions) -> PlannedStep:
    """Plan of a profile."""
    try:
        pending = count_pending(workspace, options)
    except TableMissingError:
        return PlannedStep("profile", False, "nothing has been ingested", None, 0.0)
    last = last_successes(workspace).get("profile")
    seconds = pending * (last.seconds / max(last.rows, 1) if last else SECONDS_PER_IMAGE)
    reason = "these images are new or changed" if pending else "up to date: no image is new or changed"
    return PlannedStep("profile", pending > 0, reason, pending, seconds)


def plan_analyze(
    workspace: Workspace,
    options: Mapping[str, Mapping[str, Any]],
    only: Sequence[str] = (),
    open_guarded: str | None = None,
) -> list[PlannedStep]:
    """Plan of the analyses."""
    states = workspace.states()
    successes = standing(last_successes(workspace), STEPS, states)
    is_closed = bool(holdout.parts(workspace)) and not (open_guarded or "").strip()
    planned = []
    for step, decision in plan(chosen(only, STEPS), options, states, successes, only=only, is_closed=is_closed):
        will_run = decision.verdict == "run"
        reason = f"{decision.reason}: needs --open-guarded REASON" if decision.verdict == "closed" else decision.reason
        is_counted = decision.verdict in ("run", "current", "closed") and step.reads[0].name in states
        rows = workspace.read(step.reads[0]).count() if is_counted else None
        last = successes.get(step.name)
        seconds = last.seconds if last else SECONDS_PER_STEP
        planned.append(PlannedStep(step.name, will_run, reason, rows, seconds if will_run else 0.0))
    return planned
