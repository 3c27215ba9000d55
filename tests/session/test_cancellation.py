"""Cancelling: the work notices, unwinds, and only then does the interrupt reach the caller."""

from __future__ import annotations

import _thread
import os
import signal
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


def test_work_that_the_user_stopped_begins_nothing_new():
    cancellation, begun = Cancellation(), []

    def work():
        with cancellation.unwind():
            module.go_on()
            _thread.interrupt_main()
            assert cancellation.requested.wait(10)
            assert module.is_interrupted()
            module.go_on()
            begun.append("another step")

    with pytest.raises(KeyboardInterrupt):
        interruptible(work, cancellation, lambda: None)

    assert begun == []
    assert not module.is_interrupted()


def test_what_the_work_says_of_an_interrupt_reaches_the_caller():
    cancellation = Cancellation()

    def work():
        _thread.interrupt_main()
        assert cancellation.requested.wait(10)
        raise KeyboardInterrupt("two steps are kept")

    with pytest.raises(KeyboardInterrupt, match="two steps are kept"):
        interruptible(work, cancellation, lambda: None)


def test_all_that_runs_is_stopped_again_and_again_until_all_of_the_work_unwinds():
    cancellation, calls, third = Cancellation(), [], threading.Event()

    def cancel():
        calls.append(1)
        if len(calls) == 3:
            third.set()

    def work():
        with cancellation.unwind():
            _thread.interrupt_main()
            assert third.wait(10)

    with pytest.raises(KeyboardInterrupt):
        interruptible(work, cancellation, cancel)


def test_work_that_does_not_stop_in_time_ends_with_the_process_after_its_last_words(monkeypatch):
    monkeypatch.setattr(module, "UNWIND_SECONDS", 0.1)
    said, ended, over = [], [], threading.Event()

    def work():
        _thread.interrupt_main()
        over.wait(10)

    def end(stop):
        ended.append(list(said))
        over.set()

    with module.ending(end), module.last_words(lambda stop: said.append(type(stop))), pytest.raises(KeyboardInterrupt):
        interruptible(work, Cancellation(), lambda: None, may_end=True)

    assert ended == [[KeyboardInterrupt]]


def test_work_that_unwinds_has_the_time_to_record_it(monkeypatch):
    monkeypatch.setattr(module, "UNWIND_SECONDS", 0.1)
    cancellation, ended = Cancellation(), []

    def work():
        with cancellation.unwind():
            _thread.interrupt_main()
            assert cancellation.requested.wait(10)

    def recorded():
        try:
            work()
        finally:
            threading.Event().wait(0.5)

    with module.ending(ended.append), pytest.raises(KeyboardInterrupt):
        interruptible(recorded, cancellation, lambda: None, may_end=True)

    assert ended == []


def test_an_engine_that_does_not_answer_keeps_nobody(monkeypatch):
    monkeypatch.setattr(module, "UNWIND_SECONDS", 0.1)
    over = threading.Event()

    def work():
        _thread.interrupt_main()
        over.wait(10)

    with module.ending(lambda stop: over.set()), pytest.raises(KeyboardInterrupt):
        interruptible(work, Cancellation(), lambda: over.wait(10), may_end=True)

    assert over.is_set()


@pytest.mark.parametrize("may_end", [True, False], ids=["the program's own process", "a notebook's"])
def test_a_second_interrupt_ends_the_program_at_once_and_leaves_a_notebook_alone(may_end):
    ended, over = [], threading.Event()

    def work():
        os.kill(os.getpid(), signal.SIGINT)
        over.wait(10)

    def again():
        os.kill(os.getpid(), signal.SIGINT)
        if not may_end:
            over.set()

    def end(stop):
        ended.append(str(stop))
        over.set()

    with module.ending(end), pytest.raises(KeyboardInterrupt):
        interruptible(work, Cancellation(), again, may_end=may_end)

    assert ended[:1] == ([module.AT_ONCE] if may_end else [])
