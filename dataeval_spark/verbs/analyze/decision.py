"""Decisions about steps: whether each runs, and if not, why. Plan and run both ask here, so that they agree."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Literal

from dataeval_spark.analyses.steps import Step, decisive, levels, unasked
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.holdout import CLOSED
from dataeval_spark.workspace.runs import Success, is_up_to_date, work_id

UP_TO_DATE = "up to date: options and input versions are unchanged"
# State of a table that an earlier step will write: equal to no state that it has or had.
NEW = TableState(version=-1, written_version=-1, written_at=datetime.fromtimestamp(0, UTC), work_id=None)


@dataclass(frozen=True)
class Decision:
    """A decision about a step, its reason, and the work that the step would do.

    Attributes
    ----------
    verdict : {"run", "current", "unasked", "lacking", "closed"}
        The step runs; it is up to date; no option asks for it; a table that it reads is missing; it would read the
        labels of a hold-out.
    reason : str
        Reason, for people.
    inputs : mapping
        State of each table that it reads, by name.
    work : str
        Hash of all inputs of its result; empty where they are not known.
    missing : tuple of str
        Tables that it reads and that do not exist.
    """

    verdict: Literal["run", "current", "unasked", "lacking", "closed"]
    reason: str
    inputs: Mapping[str, TableState] = field(default_factory=dict)
    work: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """Tables that a step reads.

    Attributes
    ----------
    states : mapping
        State of each one that exists, by name.
    missing : tuple of str
        Names of required tables that do not exist.
    reason : str
        Sentence on what is missing; empty when nothing is.
    """

    states: Mapping[str, TableState]
    missing: tuple[str, ...] = ()
    reason: str = ""


def standing(
    successes: Mapping[str, Success], steps: Sequence[Step], states: Mapping[str, TableState]
) -> dict[str, Success]:
    """Successes by step, but for those whose rows are gone with a table that several steps share.

    The first of the steps makes such a table anew, and the others could not tell it from the one that they filled.

    Parameters
    ----------
    successes, states
        By name of the step, of the table.
    steps : sequence of Step
        All steps.
    """
    lost = {step.name for step in steps for table in step.writes if table.scope and table.name not in states}
    return {name: success for name, success in successes.items() if name not in lost}


def decide(
    step: Step,
    options: Mapping[str, Any],
    states: Mapping[str, TableState],
    last: Success | None,
    *,
    only: Collection[str] = (),
    is_closed: bool = False,
) -> Decision:
    """Decide whether a step runs.

    Parameters
    ----------
    step : Step
        The step.
    options : mapping
        Options of the step.
    states : mapping
        State of each table that exists, by name.
    last : Success, optional
        The step's newest success.
    only : collection of str
        Steps that were named; empty: all.
    is_closed : bool
        There are hold-outs, and no reason to open them.

    Examples
    --------
    >>> decide(step, {}, workspace.states(), successes.get(step.name)).verdict
    'current'
    """

    def find_inputs() -> Inputs:
        missing = tuple(table.name for table in step.reads if table.name not in states)
        present = {table.name: states[table.name] for table in step.inputs if table.name in states}
        return Inputs(present, missing, f"needs {', '.join(missing)}" if missing else "")

    decision = _decide(
        step,
        options,
        find_inputs,
        lambda work: is_up_to_date(work, step.writes, states, last),
        only=only,
        is_closed=is_closed,
    )
    if decision.verdict != "run":
        return decision
    new = [name for name, state in decision.inputs.items() if state is NEW]
    changed = f"{', '.join(new)} will be new" if new else "options or inputs have changed"
    return replace(decision, reason=changed if last else "never run")


def decide_comparison(
    step: Step,
    options: Mapping[str, Any],
    sides: Mapping[str, str],
    find_inputs: Callable[[], Inputs],
    is_done: Callable[[str], bool],
    *,
    only: Collection[str] = (),
    is_closed: bool = False,
) -> Decision:
    """Decide whether a step runs that compares two sides.

    Parameters
    ----------
    step, options, only, is_closed
        As of `decide`.
    sides : mapping
        Reference and current side, as the user named them: part of the work.
    find_inputs : callable
        Returns the states of the tables of both sides; it is called only for a step that is asked for.
    is_done : callable
        Whether a run has done this work: tables of comparisons grow.
    """
    return _decide(step, options, find_inputs, is_done, only=only, is_closed=is_closed, also=sides)


def _decide(
    step: Step,
    options: Mapping[str, Any],
    find_inputs: Callable[[], Inputs],
    is_done: Callable[[str], bool],
    *,
    only: Collection[str],
    is_closed: bool,
    also: Mapping[str, str] | None = None,
) -> Decision:
    reason = unasked(step, options, tuple(only))
    if reason is not None:
        return Decision("unasked", reason)
    inputs = find_inputs()
    if inputs.missing:
        return Decision("lacking", inputs.reason, missing=inputs.missing)
    work = work_id(step.name, step.version, {**decisive(step, options), **(also or {})}, inputs.states)
    if is_done(work):
        return Decision("current", UP_TO_DATE, inputs.states, work)
    if step.labels and is_closed:
        return Decision("closed", CLOSED, inputs.states, work)
    return Decision("run", "never run", inputs.states, work)


def plan(
    steps: Sequence[Step],
    options: Mapping[str, Mapping[str, Any]],
    states: Mapping[str, TableState],
    successes: Mapping[str, Success],
    *,
    only: Collection[str] = (),
    is_closed: bool = False,
) -> Iterator[tuple[Step, Decision]]:
    """Decide whether each step of a run runs, in its order: a table that one step writes is new to later ones.

    A step whose rows turn out unchanged leaves later ones up to date: the plan says that they run, and they do not.

    Parameters
    ----------
    steps : sequence of Step
        Steps of the run.
    options, states, successes
        By name of the step, of the table, of the step.
    only, is_closed
        As of `decide`.
    """
    expected = dict(states)
    for level in levels(steps):
        decisions = [
            (
                step,
                decide(
                    step, options.get(step.name, {}), expected, successes.get(step.name), only=only, is_closed=is_closed
                ),
            )
            for step in level
        ]
        yield from decisions
        expected |= {
            table.name: NEW for step, decision in decisions if decision.verdict == "run" for table in step.writes
        }
