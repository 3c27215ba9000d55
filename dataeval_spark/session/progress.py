"""What is running while an engine works: a live line on a terminal, else a line now and then.

The line has the verb, the seconds since its start, the steps that run, images done, images per second, time left.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from dataeval_spark.session.engines import TaskCounter

INTERVAL_SECONDS = 0.5
# Where lines stay, as in a file: seconds of silence before the first, and the longest between two. They grow with the
# time that has passed, so that work of hours does not fill the file.
QUIET_SECONDS, LONGEST_QUIET_SECONDS, GROWTH = 4.0, 60.0, 0.05


class Progress:
    """The line about what is running.

    Parameters
    ----------
    counter : TaskCounter, optional
        Counter of finished tasks; without one no tasks are shown.
    stream : text stream
        Stream to write to; default standard error.
    """

    def __init__(self, counter: TaskCounter | None = None, stream: TextIO | None = None) -> None:
        self._counter = counter
        self._stream = stream or sys.stderr
        self._images: int | None = None
        self._measuring_since = 0.0
        self._spoke_at = 0.0
        self._steps: list[str] = []

    @property
    def is_live(self) -> bool:
        return self._stream.isatty()

    def clear(self) -> None:
        """Make way for another line: a live one is removed, and drawn again below."""
        self._spoke_at = time.monotonic()
        if self.is_live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def expect_images(self, images: int) -> None:
        """Set the number of images of the work; rates and time left are in images from here on."""
        self._images = images
        self._measuring_since = time.monotonic()

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Name a step in the line until the block ends."""
        self._steps.append(name)
        try:
            yield
        finally:
            self._steps.remove(name)

    @contextmanager
    def running(self, label: str) -> Iterator[None]:
        """Say what is running until the block ends."""
        self._images = None
        self._spoke_at = time.monotonic()
        stop = threading.Event()
        work = self._draw if self.is_live else self._speak
        thread = threading.Thread(target=work, args=(label, stop), daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
            self.clear()

    def _draw(self, label: str, stop: threading.Event) -> None:
        started = time.monotonic()
        while not stop.wait(INTERVAL_SECONDS):
            elapsed = time.monotonic() - started
            self._stream.write(f"\r\x1b[K{self.line(label, elapsed)}")
            self._stream.flush()

    def _speak(self, label: str, stop: threading.Event) -> None:
        started = time.monotonic()
        while not stop.wait(min(INTERVAL_SECONDS, QUIET_SECONDS)):
            now = time.monotonic()
            quiet = max(QUIET_SECONDS, min(LONGEST_QUIET_SECONDS, GROWTH * (now - started)))
            if now - self._spoke_at >= quiet:
                self._spoke_at = now
                self._stream.write(f"{self.line(label, now - started)}\n")
                self._stream.flush()

    def line(self, label: str, elapsed: float) -> str:
        """The text of the line now."""
        text = f"{label} {elapsed:5.0f} s"
        if steps := list(self._steps):
            text = f"{text}  {', '.join(steps)}"
        counts = self._counter.counts() if self._counter is not None else None
        if counts is None or not counts.total:
            return text if self._images is None else f"{text}  {self._images:,} images"
        share = counts.done / counts.total
        if self._images is None:
            return f"{text}  {counts.done}/{counts.total} tasks"
        done = round(share * self._images)
        rate = done / max(time.monotonic() - self._measuring_since, 1e-9)
        left = f", {(self._images - done) / rate:,.0f} s left" if rate > 0 and share < 1 else ""
        return f"{text}  about {done:,} of {self._images:,} images, {rate:,.0f} images/s{left}"
