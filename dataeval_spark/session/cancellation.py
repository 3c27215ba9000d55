"""Cancelling: Ctrl-C, SIGTERM, a stopped notebook cell or want of memory ends the work, and the run unwinds in order.

The work runs in a thread of its own: the caller's thread waits, so that an interrupt never lands in the middle
of a message to the JVM, which would leave that connection unusable for the clean-up. Work that does not unwind in time
ends with the process, where that is the program's own (:func:`ending`); its last words are written before.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

Result = TypeVar("Result")
End = Callable[[KeyboardInterrupt], object]
LastWord = Callable[[BaseException], object]

POLL_SECONDS = 0.1
# Time between two interrupts of the engine: a step starts its next query in between.
AGAIN_SECONDS = 0.2
# Time in which stopped work has to unwind before the process ends with it, and then to record that.
UNWIND_SECONDS, RECORD_SECONDS = 1.5, 10.0
AT_ONCE = "ended at once; what was committed is kept. Run the same command again: it does only what is missing"

_OPEN: set[Cancellation] = set()
_ENDS: list[End] = []
_OWN = threading.Event()
_LAST_WORDS: list[LastWord] = []


class Terminated(KeyboardInterrupt):
    """SIGTERM, which a container, a batch system or a service manager sends, where Ctrl-C would do the same."""


class Cancellation:
    """State of an interrupt: whether it was requested, and whether the work is unwinding.

    Attributes
    ----------
    requested : threading.Event
        Set when the user interrupts, or the work is stopped for another reason.
    reason : Exception or None
        Error to end the work with, where it was not the user who stopped it.
    unwinding : threading.Event
        Set when all of the work has stopped: from then on its Spark jobs are clean-up and run to their end.
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
        except (Exception, KeyboardInterrupt) as error:
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


def is_interrupted() -> bool:
    """Whether the user has stopped work that has not ended yet."""
    return any(each.requested.is_set() and each.reason is None for each in tuple(_OPEN))


def go_on() -> None:
    """Raise KeyboardInterrupt in work that the user has stopped: what is begun now would be stopped at once."""
    if is_interrupted():
        raise KeyboardInterrupt


def is_unwinding() -> bool:
    """Whether all work is unwinding."""
    return all(each.unwinding.is_set() for each in tuple(_OPEN))


@contextmanager
def ending(end: End) -> Iterator[None]:
    """Let an interrupt end the process during the block, where the work does not unwind in time.

    Parameters
    ----------
    end : callable
        Says what a KeyboardInterrupt tells of what was kept, and ends the process.
    """
    _ENDS.append(end)
    try:
        yield
    finally:
        _ENDS.remove(end)


def may_end() -> bool:
    """Whether this process has done work with which it may end."""
    return _OWN.is_set()


def add_last_word(record: LastWord) -> None:
    """Call a function with the error where the process is ended with work in it; the newest first."""
    _LAST_WORDS.append(record)


@contextmanager
def last_words(record: LastWord) -> Iterator[None]:
    """The same for the length of a block."""
    add_last_word(record)
    try:
        yield
    finally:
        _LAST_WORDS.remove(record)


def say_last_words(error: BaseException) -> None:
    """Call the functions that were added for this, in a thread: an engine that is busy may never answer them."""

    def record() -> None:
        for last_word in reversed(tuple(_LAST_WORDS)):
            with suppress(Exception):
                last_word(error)

    thread = threading.Thread(target=record, name="dataeval_spark record", daemon=True)
    thread.start()
    thread.join(RECORD_SECONDS)


def interruptible(
    work: Callable[[], Result],
    cancellation: Cancellation,
    cancel: Callable[[], object],
    meanwhile: Callable[[], object] = lambda: None,
    *,
    may_end: bool = False,
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
    may_end : bool
        Whether the process may end with the work (:func:`ending`). The session of somebody else may not.

    Raises
    ------
    KeyboardInterrupt
        The user interrupted; the work has ended. Its message is that of the work.
    """
    end = _ENDS[-1] if may_end and _ENDS else None
    if end is not None:
        _OWN.set()
    _OPEN.add(cancellation)
    try:
        with _ended_by(cancellation):
            return _awaited(work, cancellation, cancel, meanwhile, end)
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
    end: End | None,
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
    except BaseException as error:  # an interrupt, or an error of `meanwhile`, such as that of a closed pipe
        cancellation.requested.set()
        is_interrupt = isinstance(error, KeyboardInterrupt)
        _await_unwinding(finished, cancellation, cancel, error, end if is_interrupt else None)
        if is_interrupt and errors and isinstance(errors[0], KeyboardInterrupt):
            error.args = errors[0].args
        raise
    if errors:
        raise errors[0]
    return results[0]


def _await_unwinding(
    finished: threading.Event,
    cancellation: Cancellation,
    cancel: Callable[[], object],
    error: BaseException,
    end: End | None,
) -> None:
    """Wait for stopped work to unwind; end the process when the time for that is over, or at a second signal."""
    late = time.monotonic() + UNWIND_SECONDS
    interrupting: threading.Thread | None = None
    with _second_signal(error, end):
        while not finished.is_set():
            is_answered = interrupting is None or not interrupting.is_alive()
            if is_answered and not cancellation.unwinding.is_set():
                # It may come between two jobs; then it comes again. A busy engine may never answer it.
                interrupting = threading.Thread(target=_quietly, args=(cancel,), daemon=True)
                interrupting.start()
            finished.wait(AGAIN_SECONDS)
            is_late = time.monotonic() > late + (RECORD_SECONDS if cancellation.unwinding.is_set() else 0.0)
            if end is not None and isinstance(error, KeyboardInterrupt) and is_late:
                say_last_words(error)
                end(error)
                return


def _quietly(cancel: Callable[[], object]) -> None:
    with suppress(Exception):
        cancel()


@contextmanager
def _second_signal(error: BaseException, end: End | None) -> Iterator[None]:
    """A second Ctrl-C ends the program at once; in a notebook it must not break the clean-up after the first."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def at_once(number: int, frame: FrameType | None) -> None:
        if end is not None and isinstance(error, KeyboardInterrupt):
            error.args = (AT_ONCE,)
            end(error)

    before: dict[int, Any] = {number: signal.signal(number, at_once) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler if handler is not None else signal.SIG_DFL)
