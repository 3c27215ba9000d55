"""Cancelling: the work notices, unwinds, and only then does the interrupt reach the caller."""

from __future__ import annotations

import _thread
import threading

import pytest

from dataeval_spark.session import cancellation as module
from dataeval_spark.session.cancellation import Cancellation, interruptible


def test_the_result_of_the_work_is_returned():
    assert interruptible(lambda: 7, Cancellation(), lambda: None) == 7


def test_an_error_of_the_work_is_raised_as_it_is():
    def work():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        interruptible(work, Cancellation(), lambda: None)


def test_an_interrupt_stops_the_job_waits_for_the_clean_up_and_is_raised():
    cancellation, stopped, events = Cancellation(), threading.Event(), []

    def work():
        try:
            with cancellation.unwind():
                _thread.interrupt_main()
                assert stopped.wait(10)
                raise RuntimeError("the Spark job was cancelled")
        finally:
            events.append("cleaned up")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work, cancellation, stopped.set)

    assert events == ["cleaned up"]


def test_what_is_done_is_shown_while_the_work_runs():
    shown = threading.Event()

    assert interruptible(lambda: shown.wait(10), Cancellation(), lambda: None, shown.set) is True


def test_an_error_while_showing_what_is_done_stops_the_work():
    cancellation, stopped, events = Cancellation(), threading.Event(), []

    def work():
        with cancellation.unwind():
            events.append(stopped.wait(10))

    def show():
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        interruptible(work, cancellation, stopped.set, show)

    assert events == [True]


def test_work_that_ends_between_two_jobs_is_cancelled_too():
    cancellation = Cancellation()
    cancellation.requested.set()

    with pytest.raises(KeyboardInterrupt), cancellation.unwind():
        pass

    assert cancellation.unwinding.is_set()


def test_errors_without_an_interrupt_are_left_alone():
    with pytest.raises(ValueError, match="wrong"), Cancellation().unwind():
        raise ValueError("wrong")


def test_work_that_is_stopped_for_a_reason_ends_with_it():
    reason = ValueError("too large")

    def work():
        assert module.is_working()
        module.stop(reason)
        assert (module.stopped_by(), module.is_unwinding()) == (reason, False)
        raise RuntimeError("the query was stopped")

    with pytest.raises(ValueError, match="too large"):
        interruptible(work, Cancellation(), lambda: None)

    assert not module.is_working()
    assert module.stopped_by() is None
