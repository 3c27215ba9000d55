"""A watch on the memory of the embedded engine: work that needs more than there is ends with an error of ours.

The engine's own pool cannot bound it: see `embedded.POOL`. So a thread looks at what this process and its children
hold. Beyond the limit the verb that runs is stopped as by Ctrl-C, and its error says why. An engine that is busy in one
long piece of work hears nothing of that; where its memory goes on growing, the process records its runs and ends.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from dataeval_spark.errors import NotEnoughMemoryError, SetupError
from dataeval_spark.session import cancellation
from dataeval_spark.session.machine import available_memory, descendants, free_memory, used_memory

logger = logging.getLogger("dataeval_spark")

VARIABLE = "DATAEVAL_SPARK_MEMORY"
# Time between two looks, and the longer one of a process that holds less than a quarter of what it may.
LOOK_SECONDS, CALM_SECONDS, CALM = 0.1, 0.4, 0.25
CHILDREN_SECONDS = 2.0
"""Time between two looks for new child processes, which go through all processes of the machine."""
AGAIN_SECONDS = 1.0
# Without the variable: what is left of the machine or container when work is stopped, and what a process may hold
# however little is left.
LEAST_FREE, ALWAYS_ALLOWED = 0.15, 0.25
# The process ends where stopped work still grows to this multiple, leaves this share free, or lasts so long.
GROWTH, LAST_FREE, GRACE_SECONDS = 1.25, 0.05, 30.0
EXIT_CODE = 1


def megabytes(text: str) -> int:
    """Megabytes of a size such as ``2g``.

    Examples
    --------
    >>> megabytes("1500m")
    1500
    """
    match = re.fullmatch(r"(\d+)\s*([mg])b?", text.strip().lower())
    if match is None:
        raise SetupError(
            f'The memory is {text!r}; expected a size such as 2g or 1500m.\nHint: memory="2g", or export {VARIABLE}=2g'
        )
    return int(match.group(1)) * (1024 if match.group(2) == "g" else 1)


@dataclass(frozen=True)
class Limit:
    """Memory that the engine may use.

    Attributes
    ----------
    bytes : int or None
        Limit that the user set; None where it depends on what is free.
    total : int
        Bytes of the machine, or of its container.
    """

    bytes: int | None
    total: int

    @classmethod
    def of_environment(cls) -> Limit:
        text = os.environ.get(VARIABLE)
        return cls(megabytes(text) * 2**20 if text else None, available_memory())

    def passed(self, used: int, free: int) -> str | None:
        """Words for the limit that was passed; None within it."""
        if self.bytes is not None:
            return f"its limit is {self.bytes / 2**20:,.0f} MB ({VARIABLE})" if used > self.bytes else None
        if free >= LEAST_FREE * self.total or used <= ALWAYS_ALLOWED * self.total:
            return None
        return f"and of the machine's {self.total / 2**30:.1f} GB only {free / 2**30:.1f} GB were left"


class Watch:
    """A thread that looks at the memory of this process and its children, and stops the work that needs too much.

    Parameters
    ----------
    limit : Limit
        Memory that they may use.
    interrupt : callable
        Stops the queries that are running; it may take for ever.
    end : callable
        Ends the process at once.
    """

    def __init__(self, limit: Limit, interrupt: Callable[[], object], end: Callable[[int], object] = os._exit) -> None:
        self._limit = limit
        self._interrupt = interrupt
        self._end = end
        self._pids: list[int] = []
        self._pids_at = self._interrupted_at = float("-inf")
        self._is_told = False
        self._told_at, self._told_used = 0.0, 0

    def start(self) -> None:
        """Watch from now on, where the system tells what processes use."""
        if used_memory(os.getpid()) is not None and free_memory() is not None:
            threading.Thread(target=self._watch, name="dataeval_spark memory", daemon=True).start()

    def _watch(self) -> None:
        allowed = self._limit.bytes or ALWAYS_ALLOWED * self._limit.total
        used = 0
        while True:
            time.sleep(CALM_SECONDS if used < CALM * allowed else LOOK_SECONDS)
            used = self._used()
            self.look(used, free_memory() or 0, time.monotonic())

    def _used(self) -> int:
        now = time.monotonic()
        if now - self._pids_at > CHILDREN_SECONDS:
            self._pids, self._pids_at = [os.getpid(), *descendants(os.getpid())], now
        return sum(used_memory(pid) or 0 for pid in self._pids)

    def look(self, used: int, free: int, now: float) -> None:
        """Act on what is used and free at a time, in seconds."""
        words = self._limit.passed(used, free)
        error = cancellation.stopped_by()
        if error is not None:
            if words is not None and self._is_hopeless(used, free, now):
                self._end_process(error)
            elif now - self._interrupted_at > AGAIN_SECONDS and not cancellation.is_unwinding():
                self._interrupt_aside(now)
        elif words is None:
            self._is_told = False
        elif cancellation.is_working() or not self._is_told:
            self._tell(NotEnoughMemoryError.of(used, words))
            self._is_told, self._told_at, self._told_used = True, now, used
            self._interrupt_aside(now)

    def _tell(self, error: NotEnoughMemoryError) -> None:
        """Stop the verb that runs; a query outside of any is interrupted, and the reason goes to the log."""
        if cancellation.is_working():
            cancellation.stop(error)
        else:
            logger.warning("%s", error)

    def _is_hopeless(self, used: int, free: int, now: float) -> bool:
        """Whether work that was told to stop does not, and memory runs out."""
        is_growing = used > GROWTH * self._told_used or free < LAST_FREE * self._limit.total
        return is_growing or now - self._told_at > GRACE_SECONDS

    def _interrupt_aside(self, now: float) -> None:
        """Interrupt in a thread of its own: an engine that is busy may never answer."""

        def interrupt() -> None:
            with suppress(Exception):
                self._interrupt()

        self._interrupted_at = now
        threading.Thread(target=interrupt, name="dataeval_spark interrupt", daemon=True).start()

    def _end_process(self, error: Exception) -> None:
        print(f"error: {error}", file=sys.stderr, flush=True)
        cancellation.say_last_words(error)
        self._end(EXIT_CODE)
