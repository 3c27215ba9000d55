"""Outcomes of a verb's steps as they are told: those that are up to date together, at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from dataeval_spark.verbs.analyze.decision import UP_TO_DATE
from dataeval_spark.workspace.runs import StepRun

FEW = 3
"""So many steps that are up to date have a line each."""


class Outcomes:
    """Outcomes of the steps of a verb.

    Parameters
    ----------
    verb : str
        Name of the verb, which stands for the steps that are told together.
    say : callable
        Function that takes the text of each outcome.

    Examples
    --------
    >>> outcomes = Outcomes("analyze", print)
    >>> names = ("outliers", "clusters", "balance", "parity")
    >>> outcomes.extend(StepRun.skipped(name, UP_TO_DATE) for name in names)
    >>> outcomes.close()
    analyze            skipped     0.0 s                4 steps are up to date: outliers, clusters, balance, parity
    """

    def __init__(self, verb: str, say: Callable[[str], object]) -> None:
        self._verb = verb
        self._say = say
        self._waiting: deque[StepRun | str] = deque()
        self._current: list[StepRun] = []

    def extend(self, outcomes: Iterable[StepRun | str]) -> None:
        """Take outcomes as they come, in the thread that does the work."""
        self._waiting.extend(outcomes)

    def tell(self) -> None:
        """Say what has come, but for steps that are up to date and have no more to say."""
        while self._waiting:
            outcome = self._waiting.popleft()
            if isinstance(outcome, StepRun) and outcome.message == UP_TO_DATE:
                self._current.append(outcome)
            else:
                self._say(str(outcome))

    def close(self) -> None:
        """Say the rest, and which steps are up to date."""
        self.tell()
        if len(self._current) > FEW:
            names = ", ".join(outcome.step for outcome in self._current)
            text = f"{len(self._current)} steps are up to date: {names}"
            self._current = [StepRun.skipped(self._verb, text)]
        for outcome in self._current:
            self._say(str(outcome))
        self._current = []
