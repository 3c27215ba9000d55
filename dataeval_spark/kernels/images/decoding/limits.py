"""Limits of time and memory for one image, in a process that an image may end, and marks of how far that process is."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.options import IMAGE_BYTES, IMAGE_SECONDS

TAKEN, BEGUN, ENDED = b".", b"(", b")"
"""Marks of a process for its parent: the next image is taken; its limits begin; they end."""

BYTES_PER_PIXEL = 64
"""Memory that decoding and measuring takes for each pixel, at most, but for boxes: see docs/reliability.md."""

Item = TypeVar("Item")
_write_mark: Callable[[bytes], object] = lambda mark: None  # noqa: E731


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
        return (
            f"not decoded and measured in {self.seconds:g} s (image_timeout)",
            f"more than {self.memory / 2**20:,.0f} MB are needed (image_memory)",
        )

    @property
    def timeout(self) -> UnreadableImage:
        """Error of an image that takes too long."""
        return UnreadableImage("decode", "DecoderTimeout", self.messages[0])

    @property
    def out_of_memory(self) -> UnreadableImage:
        """Error of an image that needs too much memory."""
        return UnreadableImage("decode", "MemoryLimit", self.messages[1])


@contextmanager
def watchdog(seconds: float) -> Iterator[None]:
    """Timer that ends this process by SIGALRM when the block takes longer than `seconds`, whatever code is running.

    Only for the main thread of a process that may end. Windows has no such timer: there the block is not limited.

    Examples
    --------
    >>> with watchdog(60):
    ...     image = profile_image(data)  # doctest: +SKIP
    """
    if not hasattr(signal, "setitimer"):
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextmanager
def limited(limits: Limits) -> Iterator[None]:
    """A block in a child process that is spent on one image: limited in time and memory.

    Raises
    ------
    UnreadableImage
        The block raised it, or a MemoryError. When its time is over, the process ends.

    Examples
    --------
    >>> with limited(Limits(seconds=5)):
    ...     sum(range(10))
    45
    """
    _write_mark(BEGUN)
    try:
        with _memory_limit(limits.memory), watchdog(limits.seconds):
            yield
    except UnreadableImage as error:
        if error.error_class == "MemoryError":
            raise limits.out_of_memory from None
        raise
    except MemoryError:
        raise limits.out_of_memory from None
    finally:
        _write_mark(ENDED)


def taken(items: Iterable[Item]) -> Iterator[Item]:
    """The same items; when this process dies, its parent knows which of them it had taken last."""
    for item in items:
        _write_mark(TAKEN)
        yield item


def write_marks(descriptor: int) -> None:
    """Have this process write its marks to a pipe from now on."""
    global _write_mark

    def write(mark: bytes) -> None:
        os.write(descriptor, mark)

    _write_mark = write


@contextmanager
def _memory_limit(memory: int) -> Iterator[None]:
    """Let this process take so many bytes more than it has."""
    if sys.platform != "linux":  # macOS has the call, and does nothing
        yield
        return
    import resource

    before, most = resource.getrlimit(resource.RLIMIT_AS)
    ceiling = address_space() + memory
    resource.setrlimit(resource.RLIMIT_AS, (ceiling if most < 0 else min(ceiling, most), most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))


def address_space(process: int | None = None) -> int:
    """Bytes of address space of a process, by default of this one; 0 where they are unknown."""
    try:
        if process is None:
            text = os.pread(_own_size(os.getpid()), 99, 0)
        else:
            text = Path(f"/proc/{process}/statm").read_bytes()
        return int(text.split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, AttributeError):
        return 0


@lru_cache(maxsize=1)
def _own_size(process: int) -> int:
    """The open file that tells the size of this process: to open it for each image would take 20 microseconds."""
    return os.open(f"/proc/{process}/statm", os.O_RDONLY | os.O_CLOEXEC)
