"""A child process that decodes images: a decoder that crashes, hangs or eats memory costs one image only.

A C decoder cannot be interrupted in its process. So images are decoded in a process that may end: in the child of
this module, whose death says which image it was; or in a worker of Spark under a `watchdog`, which ends the worker
where an image takes too long: Spark tries the task again, and on that attempt a child decodes. The child starts once
(in about a second, not by fork) and again after each death; it ends with its parent.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated_child import receive, send
from dataeval_spark.kernels.images.decoding.limits import BEGUN, ENDED, TAKEN, Limits, address_space

STARTUP_SECONDS = 300.0
# The child's own alarm comes first; after this much longer it is killed.
GRACE_SECONDS = 5.0


class ChildDiedError(Exception):
    """The child died while it was at an image.

    Attributes
    ----------
    error : UnreadableImage
        What became of the image.
    position : int
        Position of the image in the list.
    is_timeout : bool
        Whether the image took too long.
    """

    def __init__(self, error: UnreadableImage, position: int, *, is_timeout: bool) -> None:
        super().__init__(str(error))
        self.error = error
        self.position = position
        self.is_timeout = is_timeout


class Child:
    """A process that calls functions with lists of images; it starts in the background.

    Examples
    --------
    >>> child = Child()
    >>> child.ask(len, [b"an image", b"another"], Limits())
    2
    >>> status = child.close()
    """

    def __init__(self) -> None:
        self._connection, theirs = socket.socketpair()
        self._marks, marks = os.pipe()
        os.set_blocking(self._marks, False)
        self._is_ready = False
        self._seen = b""  # marks since the last request
        self._size_at_start: int | None = None
        descriptors = (theirs.fileno(), marks)
        try:
            module = "dataeval_spark.kernels.images.decoding.isolated_child"
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *map(str, descriptors)],
                pass_fds=descriptors,
                process_group=0,  # Ctrl-C in a terminal is for the parent
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        finally:
            theirs.close()
            os.close(marks)

    def ask(self, function: Callable[[Any], Any], items: Any, limits: Limits) -> Any:
        """Call the function in the child.

        Parameters
        ----------
        function : callable
            A function that can be pickled. It goes through the items with `taken`, and spends time on each in a block
            of `limited`; what it does outside of these blocks may take any time.
        items : list
            Images.
        limits : Limits
            Limits that the function sets.

        Raises
        ------
        ChildDiedError
            The child died; use another one. Errors of the function are raised as they are.
        SetupError
            The child does not start.
        """
        if not self._is_ready:
            self._wait_for_start()
        self._seen = b""
        self._connection.settimeout(limits.seconds + GRACE_SECONDS)
        try:
            send(self._connection, pickle.dumps((function, items), protocol=5))
            answer = receive(self._connection, self._kill_if_stuck)
        except TimeoutError:
            self._read_marks()
            self.close()
            raise self._death(limits.timeout, is_timeout=True) from None
        except (EOFError, ConnectionError):
            raise self._death_of(limits) from None
        self._read_marks()  # the pipe must never be full
        has_failed, outcome = pickle.loads(answer)
        if has_failed:
            raise outcome
        if self._size_at_start is None:  # of what a first function loads
            self._size_at_start = address_space(self._process.pid)
        return outcome

    def is_spent(self, limits: Limits) -> bool:
        """Whether former calls left too much memory behind for the next one, by their limits."""
        grown = address_space(self._process.pid) - (self._size_at_start or 0)
        return self._size_at_start is not None and grown > limits.memory // 2

    def close(self) -> int:
        """End the child; its exit status."""
        self._connection.close()
        if self._marks >= 0:
            os.close(self._marks)
            self._marks = -1
        self._process.kill()
        return self._process.wait()

    def kill(self) -> None:
        """End the child from another thread; the thread that waits for it finds it dead."""
        self._process.kill()

    def _wait_for_start(self) -> None:
        problem = ""
        self._connection.settimeout(STARTUP_SECONDS)
        try:
            receive(self._connection, _raise_timeout)
        except TimeoutError:
            problem = f"it did not answer in {STARTUP_SECONDS:g} s"
        except (EOFError, OSError):
            problem = f"it ended with status {self._process.wait()}"
        if problem:
            self.close()
            raise SetupError(
                f"The process that decodes images did not start: {problem}.\n"
                f"Hint: {sys.executable} -c 'import dataeval_spark.kernels.images.profile'"
            )
        self._is_ready = True

    def _kill_if_stuck(self) -> None:
        """Give up when the child was in the same limited block for all of the last wait."""
        before = self._seen
        self._read_marks()
        if self._seen == before and self._seen.rfind(BEGUN) > self._seen.rfind(ENDED):
            raise TimeoutError

    def _read_marks(self) -> None:
        while True:
            try:
                marks = os.read(self._marks, 65_536)
            except BlockingIOError:
                return
            if not marks:  # the child has ended
                return
            self._seen += marks

    def _death_of(self, limits: Limits) -> ChildDiedError:
        try:
            status = self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its end and lives
            status = 0
        self._read_marks()
        self.close()
        if status == -signal.SIGALRM:
            return self._death(limits.timeout, is_timeout=True)
        how = f"died of {signal.Signals(-status).name}" if status < 0 else f"ended the process with status {status}"
        return self._death(UnreadableImage("decode", "DecoderCrashed", f"the decoder {how}"), is_timeout=False)

    def _death(self, error: UnreadableImage, *, is_timeout: bool) -> ChildDiedError:
        return ChildDiedError(error, max(0, self._seen.count(TAKEN) - 1), is_timeout=is_timeout)


def _raise_timeout() -> None:
    raise TimeoutError


def _environment() -> dict[str, str]:
    # However this process found the package, on a path or in an archive, the child finds it.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # Each thread of a numeric library would take address space of its own.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"}
