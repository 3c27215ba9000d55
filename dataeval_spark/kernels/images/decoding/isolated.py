"""Measuring images in a process of their own: a decoder that crashes, hangs or eats memory costs one image only.

A C decoder cannot be interrupted in its process. So images are decoded in the worker under a `watchdog`, which ends
the worker where one takes too long; Spark then tries the task again, and on that attempt each image is decoded in a
child process, whose death says which image it was. Images so large that the worker's memory would not do are always
decoded there. The child starts once (about a second) and again after each death.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated_child import address_space, memory_message, receive, send
from dataeval_spark.kernels.images.geometry import Box
from dataeval_spark.kernels.images.profile import ImageProfile, Measures, profile_image
from dataeval_spark.options import IMAGE_BYTES, IMAGE_SECONDS

# Without compiled kernels of an earlier run, the first image compiles them.
STARTUP_SECONDS = 300.0
# The child's own alarm comes first; after this much longer it is killed.
GRACE_SECONDS = 5.0
BYTES_PER_PIXEL = 64
"""Memory that decoding and measuring takes for each pixel, at most, but for boxes: see docs/reliability.md."""
PROFILE_IMAGE = "dataeval_spark.kernels.images.profile:profile_image"
SMALL_IMAGE = b"P6 16 16 255 " + bytes(range(256)) * 3

Profiler = Callable[[bytes, Sequence[Box], Measures], ImageProfile]


@dataclass(frozen=True)
class Limits:
    """Limits of one image.

    Attributes
    ----------
    seconds : float
        Time to decode and measure it.
    memory : int
        Bytes of memory, beyond those of the libraries themselves. Enforced on Linux only: macOS does not limit the
        memory of a process.
    """

    seconds: float = IMAGE_SECONDS
    memory: int = IMAGE_BYTES

    @property
    def messages(self) -> tuple[str, str]:
        """Messages for images that exceed the time, and for those that exceed the memory."""
        return f"not decoded and measured in {self.seconds:g} s (image_timeout)", memory_message(self.memory)


def task_profiler(attempt: int, limits: Limits) -> Profiler:
    """Function that profiles a task's images: in its own process on the first attempt, in a child on later ones.

    Parameters
    ----------
    attempt : int
        Number of the task's attempt, from 0 (``TaskContext.attemptNumber``).
    limits : Limits
        Limits of each image.

    Returns
    -------
    callable
        Function with the arguments and results of `profile_image`. It raises UnreadableImage, with the stage "decode"
        and the class "DecoderCrashed", "DecoderTimeout" or "MemoryLimit" where the child died of the image; the
        process that calls it ends (SIGALRM) where an image takes too long on the first attempt.

    Examples
    --------
    >>> task_profiler(0, Limits())(b"P5 2 1 255 " + bytes([100, 200]), (), Measures()).image.stats["mean"]
    150.0
    """
    if attempt > 0:
        return isolated_profiler(limits)
    profile_image(SMALL_IMAGE)  # loads and compiles: no image is to be blamed for it
    own_pixels = limits.memory // BYTES_PER_PIXEL

    def profile(data: bytes, boxes: Sequence[Box], measures: Measures) -> ImageProfile:
        try:
            with watchdog(limits.seconds):
                return profile_image(data, boxes, replace(measures, max_pixels=min(measures.max_pixels, own_pixels)))
        except UnreadableImage as error:
            if error.error_class != "TooManyPixels" or own_pixels >= measures.max_pixels:
                raise
        return isolated_profiler(limits)(data, boxes, measures)

    return profile


@lru_cache(maxsize=1)
def isolated_profiler(limits: Limits) -> Isolated:
    """`profile_image` in the child of this process."""
    return Isolated(PROFILE_IMAGE, limits, (SMALL_IMAGE,))


@contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """Timer that ends this process by SIGALRM when the block takes longer than `seconds`, whatever code is running.

    Examples
    --------
    >>> with watchdog(60):
    ...     image = profile_image(data)  # doctest: +SKIP
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


class Isolated:
    """A function that runs in a child process, call by call.

    Parameters
    ----------
    function : str
        Name of the function, ``module:name``; its arguments, results and errors are pickled.
    limits : Limits
        Limits of each call.
    warm_up : tuple, optional
        Arguments of a first call without limits, in each new child.
    """

    def __init__(self, function: str, limits: Limits, warm_up: tuple[Any, ...] | None = None) -> None:
        self._function = function
        self._limits = limits
        self._warm_up = warm_up
        self._child: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._size_at_start = 0

    def __call__(self, *arguments: Any) -> Any:
        """Call the function.

        Raises
        ------
        UnreadableImage
            The child died, or the function raised it. Other errors of the function are raised as they are.
        SetupError
            The child does not start.
        """
        connection = self._connection or self._start()
        deadline = time.monotonic() + self._limits.seconds + GRACE_SECONDS
        try:
            has_failed, outcome = _ask(connection, arguments, deadline, self._limits)
        except TimeoutError:
            self.close()
            raise self._timeout() from None
        except (EOFError, ConnectionError):
            raise self._death() from None
        if self._is_spent():
            self.close()
        if has_failed:
            raise outcome
        return outcome

    def _is_spent(self) -> bool:
        """Whether former calls left too much behind for the next one."""
        return self._child is not None and (
            address_space(self._child.pid) - self._size_at_start > self._limits.memory // 2
        )

    def close(self) -> int:
        """End the child; its exit status."""
        status = 0
        if self._connection is not None:
            self._connection.close()
        if self._child is not None:
            self._child.kill()
            status = self._child.wait()
        self._child = self._connection = None
        return status

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            module = "dataeval_spark.kernels.images.decoding.isolated_child"
            self._child = subprocess.Popen(
                [sys.executable, "-m", module, self._function, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=_environment(),
            )
        self._connection = ours
        deadline = time.monotonic() + STARTUP_SECONDS
        try:
            problem = receive(ours, deadline).decode()
            if not problem and self._warm_up is not None:
                _ask(ours, self._warm_up, deadline, None)
        except (EOFError, OSError) as error:
            problem = str(error) or f"it ended with status {self._child.wait()}"
        if problem:
            self.close()
            raise SetupError(
                f"The process that decodes images did not start: {problem}\n"
                f"Hint: {sys.executable} -c 'import dataeval_spark.kernels.images.profile'"
            )
        self._size_at_start = address_space(self._child.pid)
        return ours

    def _death(self) -> UnreadableImage:
        assert self._child is not None
        try:
            status = self._child.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its end and lives
            status = 0
        self.close()
        if status == -signal.SIGALRM:
            return self._timeout()
        if status < 0:
            return UnreadableImage("decode", "DecoderCrashed", f"the decoder died of {signal.Signals(-status).name}")
        return UnreadableImage("decode", "DecoderCrashed", f"the decoder ended the process with status {status}")

    def _timeout(self) -> UnreadableImage:
        return UnreadableImage("decode", "DecoderTimeout", self._limits.messages[0])


def _ask(connection: socket.socket, arguments: tuple[Any, ...], deadline: float, limits: Limits | None) -> Any:
    bounds = (limits.seconds, limits.memory) if limits else None
    send(connection, pickle.dumps((bounds, arguments), protocol=5), deadline)
    return pickle.loads(receive(connection, deadline))


def _environment() -> dict[str, str]:
    # However this process found the package, on a path or in an archive, the child finds it.
    path = os.pathsep.join(entry for entry in sys.path if entry)
    # Each thread of a numeric library would take address space of its own.
    single = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    return {**os.environ, **single, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"}
