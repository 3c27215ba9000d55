"""Cancelling: Ctrl-C, SIGTERM, a stopped notebook cell or want of memory ends the work, and the run unwinds in order.

The work runs in a thread of its own: the caller's thread waits, so that an interrupt never lands in the middle
of a message to the JVM, which would leave that connection unusable for the clean-up.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

Result = TypeVar("Result")

POLL_SECONDS = 0.1
AGAIN_SECONDS = 1.0

_OPEN: set[Cancellation] = set()


class Cancellation:
    """State of an interrupt: whether it was requested, and whether the work is unwinding.

    Attributes
    ----------
    requested : threading.Event
        Set when the user interrupts, or the work is stopped for another reason.
    reason : Exception or None
        Error to end the work with, where it was not the user who stopped it.
    unwinding : threading.Event
        Set by the work when it sees the request: from then on its Spark jobs are clean-up and run to their end.
    """

    def __init__(self) -> None:
        self.requested = threading.Event()
        self.reason: Exception | None = None
        self.unwinding = threading.Event()

    @contextmanager
    def unwind(self) -> Iterator[None]:
        """Turn whatever the stopped work raises into the reason for the stop, or KeyboardInterrupt."""
        try:
            self.check()
            yield
            self.check()
        except Exception as error:
            if not self.requested.is_set():
                raise
            self.unwinding.set()
            raise self._end() from error

    def check(self) -> None:
        if self.requested.is_set():
            self.unwinding.set()
            raise self._end()

    def _end(self) -> BaseException:
        return self.reason or KeyboardInterrupt()


def stop(reason: Exception) -> None:
    """Stop the work of all threads; it ends with this error."""
    for each in tuple(_OPEN):
        each.reason = reason
        each.requested.set()


def is_working() -> bool:
    """Whether there is work that could be stopped."""
    return bool(_OPEN)


def stopped_by() -> Exception | None:
    """The error that work which has not ended yet was stopped with, if it was."""
    return next((each.reason for each in tuple(_OPEN) if each.reason is not None), None)


def is_unwinding() -> bool:
    """Whether all work is unwinding."""
    return all(each.unwinding.is_set() for each in tuple(_OPEN))


def interruptible(
    work: Callable[[], Result],
    cancellation: Cancellation,
    cancel: Callable[[], object],
    meanwhile: Callable[[], object] = lambda: None,
) -> Result:
    """Run ``work`` in a thread; on an interrupt call ``cancel`` until the work unwinds, wait for it, then raise.

    Work that `stop` ends raises its reason.

    Parameters
    ----------
    work : callable
        Work to do; it watches ``cancellation``.
    cancellation : Cancellation
        Shared with the work.
    cancel : callable
        Stops the Spark jobs that are running now.
    meanwhile : callable, optional
        Is called again and again in the caller's thread while the work runs, to show what is done.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted; the work has ended.
    """
    _OPEN.add(cancellation)
    try:
        with _ended_by(cancellation):
            return _awaited(work, cancellation, cancel, meanwhile)
    finally:
        _OPEN.discard(cancellation)


@contextmanager
def _ended_by(cancellation: Cancellation) -> Iterator[None]:
    """Whatever work raises that was stopped for a reason, the reason is what its caller sees."""
    try:
        yield
    except Exception as error:
        if cancellation.reason is None or error is cancellation.reason:
            raise
        raise cancellation.reason from error


def _awaited(
    work: Callable[[], Result],
    cancellation: Cancellation,
    cancel: Callable[[], object],
    meanwhile: Callable[[], object],
) -> Result:
    if threading.current_thread() is not threading.main_thread():
        return work()
    results: list[Result] = []
    errors: list[BaseException] = []

    # Not Thread.join: an interrupt during a join with a timeout marks a living thread as ended (CPython issue 90882).
    finished = threading.Event()

    def target() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            finished.set()

    try:
        threading.Thread(target=target, name="dataeval_spark work", daemon=True).start()
        while not finished.wait(POLL_SECONDS):
            meanwhile()
    except BaseException:  # an interrupt, or an error of `meanwhile`, such as that of a closed pipe
        cancellation.requested.set()
        with _signals_ignored():
            while not finished.is_set():
                if not cancellation.unwinding.is_set():
                    # It may come between two jobs; then it comes again.
                    with suppress(Exception):
                        cancel()
                finished.wait(AGAIN_SECONDS)
        raise
    if errors:
        raise errors[0]
    return results[0]


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """A second Ctrl-C must not break the clean-up after the first."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
