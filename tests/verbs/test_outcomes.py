"""Steps that are up to date are told together, after the others."""

from __future__ import annotations

from dataeval_spark.verbs.analyze.decision import UP_TO_DATE
from dataeval_spark.verbs.outcomes import FEW, Outcomes
from dataeval_spark.workspace.runs import StepRun


def said(*outcomes: StepRun | str) -> list[str]:
    lines: list[str] = []
    told = Outcomes("analyze", lines.append)
    told.extend(outcomes)
    told.tell()
    told.close()
    told.close()
    return lines


def current(*names: str) -> list[StepRun]:
    return [StepRun.skipped(name, UP_TO_DATE) for name in names]


def test_many_steps_that_are_up_to_date_are_one_line_at_the_end():
    other = StepRun("outliers", "done", 1.0, "", {}, 3)

    lines = said(*current("a", "b"), other, "a sentence", *current("c", "d"))

    assert lines == [str(other), "a sentence", str(StepRun.skipped("analyze", "4 steps are up to date: a, b, c, d"))]


def test_a_few_have_a_line_each():
    steps = current("a", "b", "c")
    assert len(steps) == FEW
    assert said(*steps) == [str(step) for step in steps]


def test_a_step_that_has_more_to_say_has_its_line():
    step = StepRun.skipped("outliers", f"{UP_TO_DATE}; label_stats is older than targets")
    assert said(step, *current("a", "b", "c", "d"))[0] == str(step)
