"""What is running: a live line on a terminal, else a line now and then."""

from __future__ import annotations

import time
from io import StringIO

import pytest

from dataeval_spark.session import progress as module
from dataeval_spark.session.engines import TaskCounts
from dataeval_spark.session.progress import Progress


class Counter:
    def __init__(self, counts: TaskCounts | None = None) -> None:
        self._counts = counts

    def counts(self) -> TaskCounts | None:
        return self._counts


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(module, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(module, "QUIET_SECONDS", 0.05)


def wait_for(stream: StringIO, text: str) -> None:
    until = time.monotonic() + 20
    while text not in stream.getvalue():
        assert time.monotonic() < until, stream.getvalue()
        time.sleep(0.01)


def test_the_line_counts_images_where_tasks_are_counted():
    progress = Progress(Counter(TaskCounts(2, 4)), StringIO())
    progress.expect_images(1000)

    line = progress.line("profile", 3.0)

    assert line.startswith("profile     3 s  about 500 of 1,000 images")
    assert "s left" in line


def test_the_line_has_the_images_where_no_tasks_are_counted():
    progress = Progress(Counter(), StringIO())
    progress.expect_images(1000)

    assert progress.line("profile", 3.0) == "profile     3 s  1,000 images"


def test_the_line_names_the_steps_that_run():
    progress = Progress(stream=StringIO())

    with progress.step("neighbors"), progress.step("outliers"):
        during = progress.line("analyze", 7.0)

    assert during == "analyze     7 s  neighbors, outliers"
    assert progress.line("analyze", 8.0) == "analyze     8 s"


def test_work_that_is_silent_says_what_it_is_in_lines_that_stay():
    stream = StringIO()

    with Progress(stream=stream).running("analyze"):
        wait_for(stream, "analyze     0 s\nanalyze")

    assert "\r" not in stream.getvalue()


def test_work_that_speaks_is_not_interrupted(monkeypatch):
    monkeypatch.setattr(module, "QUIET_SECONDS", 30.0)
    stream = StringIO()
    progress = Progress(stream=stream)

    with progress.running("analyze"):
        time.sleep(0.1)
        progress.clear()

    assert stream.getvalue() == ""


def test_lines_come_more_seldom_the_longer_work_takes(monkeypatch):
    monkeypatch.setattr(module, "GROWTH", 1e9)
    stream = StringIO()

    with Progress(stream=stream).running("analyze"):
        time.sleep(0.2)

    assert stream.getvalue() == ""  # the longest silence is a minute


def test_a_live_line_is_drawn_over_and_removed():
    stream = Terminal()

    with Progress(stream=stream).running("report"):
        wait_for(stream, "\r\x1b[Kreport")

    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\n" not in stream.getvalue()
