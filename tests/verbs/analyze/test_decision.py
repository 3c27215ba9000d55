"""What a plan says of a run is what the run does, whatever happened before."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataeval_spark.analyses.steps import Step, levels
from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.verbs.analyze.decision import NEW, Inputs, decide, decide_comparison, plan
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.work import Success

SOURCES = ("x", "y")
OUTPUTS = ("a", "b", "c", "d", "e")
OWN = {name: Table(name, "", ("id",), (Column("id", "string", ""),)) for name in (*SOURCES, *OUTPUTS)}
SHARED = Table("shared", "", ("id",), (Column("id", "string", ""),), scope="step")


def step(name, reads, writes, **others):
    def function():
        raise AssertionError("nothing is computed here")

    function.__name__ = f"make_{name}"
    return Step(function, tuple(reads), tuple(writes), **others)


@st.composite
def pipelines(draw):
    """A step for each output, which reads sources and what earlier steps write."""
    steps = []
    for place, name in enumerate(OUTPUTS):
        before = [OWN[each] for each in (*SOURCES, *OUTPUTS[:place])]
        reads = draw(st.lists(st.sampled_from(before), min_size=1, max_size=2, unique_by=lambda table: table.name))
        uses = draw(st.lists(st.sampled_from([*before, OWN[name]]), max_size=1))
        writes = [OWN[name], *([SHARED] if draw(st.booleans()) else [])]
        asks = ("file",) if draw(st.integers(0, 4)) == 0 else ()
        uses = tuple(table for table in uses if table not in reads)
        steps.append(step(name, reads, writes, uses=uses, asks=asks, labels=draw(st.booleans())))
    return tuple(steps)


events = st.one_of(
    st.tuples(st.just("write"), st.sampled_from((*SOURCES, *OUTPUTS))),
    st.tuples(st.just("drop"), st.sampled_from(OUTPUTS)),
    st.tuples(
        st.just("run"),
        st.dictionaries(st.sampled_from(OUTPUTS), st.fixed_dictionaries({"file": st.integers(0, 1)}), max_size=2),
        st.one_of(st.just(()), st.lists(st.sampled_from(OUTPUTS), min_size=1, max_size=3, unique=True)),
        st.booleans(),
    ),
)


@dataclass
class InMemory:
    """A workspace of versions alone: a step that runs writes a new one of each of its tables."""

    states: dict[str, TableState] = field(default_factory=dict)
    successes: dict[str, Success] = field(default_factory=dict)
    clock: int = 0

    def write(self, name):
        self.clock += 1
        version = self.states[name].version + 1 if name in self.states else 0
        self.states[name] = TableState(version, version, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(self.clock), "w")

    def run(self, steps, options, only, *, is_closed):
        verdicts = []
        for level in levels(steps):
            found = [
                decide(
                    step,
                    options.get(step.name, {}),
                    self.states,
                    self.successes.get(step.name),
                    only=only,
                    is_closed=is_closed,
                )
                for step in level
            ]
            for each, decision in zip(level, found, strict=True):
                verdicts.append((each.name, decision.verdict))
                if decision.verdict == "run":
                    for table in each.writes:
                        self.write(table.name)
                    outputs = {table.name: self.states[table.name].version for table in each.writes}
                    self.successes[each.name] = Success(decision.work, outputs, 1.0, 1)
        return verdicts


@settings(max_examples=700)
@given(pipelines(), st.lists(events, max_size=8))
def test_a_plan_says_what_the_run_that_follows_does(steps, history):
    workspace = InMemory()
    for kind, *of in [*history, ("run", {}, (), False)]:
        if kind == "write":
            workspace.write(of[0])
        elif kind == "drop":
            workspace.states.pop(of[0], None)
        else:
            options, names, is_closed = {f"make_{name}": each for name, each in of[0].items()}, of[1], of[2]
            only = [f"make_{name}" for name in names]
            some = tuple(step for step in steps if not only or step.name in only)
            planned = plan(some, options, workspace.states, workspace.successes, only=only, is_closed=is_closed)
            expected = [(step.name, decision.verdict) for step, decision in planned]
            assert workspace.run(some, options, only, is_closed=is_closed) == expected


def test_a_step_after_one_that_runs_is_said_to_run_and_why():
    first, second = step("a", [OWN["x"]], [OWN["a"]]), step("b", [OWN["a"]], [OWN["b"]])
    workspace = InMemory()
    workspace.write("x")
    workspace.run((first, second), {}, (), is_closed=False)
    workspace.write("x")

    (_, one), (_, other) = plan((first, second), {}, workspace.states, workspace.successes)

    assert (one.verdict, one.reason) == ("run", "options or inputs have changed")
    assert (other.verdict, other.reason) == ("run", "a will be new")
    assert other.inputs["a"] is NEW


def test_a_table_that_an_earlier_step_will_write_is_not_missing():
    steps = (step("a", [OWN["x"]], [OWN["a"]]), step("b", [OWN["a"]], [OWN["b"]]), step("c", [OWN["y"]], [OWN["c"]]))
    workspace = InMemory()
    workspace.write("x")

    found = {each.name: decision for each, decision in plan(steps, {}, workspace.states, {})}

    assert {name: decision.verdict for name, decision in found.items()} == {
        "make_a": "run",
        "make_b": "run",
        "make_c": "lacking",
    }
    assert (found["make_c"].reason, found["make_c"].missing) == ("needs y", ("y",))


@pytest.mark.parametrize(("is_closed", "verdict"), [(True, "closed"), (False, "run")])
def test_a_step_about_labels_waits_for_a_reason_where_there_are_hold_outs(is_closed, verdict):
    workspace = InMemory()
    workspace.write("x")

    found = decide(step("a", [OWN["x"]], [OWN["a"]], labels=True), {}, workspace.states, None, is_closed=is_closed)

    assert found.verdict == verdict


SIDES = {"reference": "dataset=a", "current": "dataset=b"}
STATES = {"reference.x": NEW, "current.x": NEW}


@pytest.mark.parametrize(
    ("inputs", "is_done", "is_closed", "verdict"),
    [
        (Inputs(STATES), False, False, "run"),
        (Inputs(STATES), False, True, "closed"),
        (Inputs(STATES), True, True, "current"),
        (Inputs({}, ("x",), "needs x of both sides"), False, False, "lacking"),
    ],
)
def test_a_comparison_is_decided_as_an_analysis_is(inputs, is_done, is_closed, verdict):
    compared = step("a", [OWN["x"]], [OWN["a"]], labels=True)

    decision = decide_comparison(compared, {}, SIDES, lambda: inputs, lambda work: is_done, is_closed=is_closed)

    assert decision.verdict == verdict


def test_the_sides_of_a_comparison_are_part_of_its_work():
    compared = step("a", [OWN["x"]], [OWN["a"]])
    works = [
        decide_comparison(compared, {}, {**SIDES, "current": side}, lambda: Inputs(STATES), lambda work: False).work
        for side in ("dataset=b", "dataset=c")
    ]

    assert works[0] != works[1]


def test_no_side_is_read_for_a_comparison_that_no_option_asks_for():
    def read():
        raise AssertionError("a side was read")

    decision = decide_comparison(step("a", [OWN["x"]], [OWN["a"]], asks=("file",)), {}, SIDES, read, lambda work: False)

    assert (decision.verdict, decision.reason) == ("unasked", "no file is given")
