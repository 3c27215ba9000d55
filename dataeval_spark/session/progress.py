"""A live line while Spark works: what is running, images done, images per second, time left."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from dataeval_spark.session.engines import TaskCounter

INTERVAL_SECONDS = 0.5


class Progress:
    """The live line; it stays silent when the stream is no terminal.

    Parameters
    ----------
    counter : TaskCounter
        Counter of finished tasks.
    stream : text stream
        Stream to draw on; default standard error.
    """

    def __init__(self, counter: TaskCounter, stream: TextIO | None = None) -> None:
        self._counter = counter
        self._stream = stream or sys.stderr
        self._images: int | None = None
        self._measuring_since = 0.0

    @property
    def is_live(self) -> bool:
        return self._stream.isatty()

    def clear(self) -> None:
        """Remove the line, so that another can be printed in its place; it is drawn again below."""
        if self.is_live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def expect_images(self, images: int) -> None:
        """Set the number of images of the work; rates and time left are in images from here on."""
        self._images = images
        self._measuring_since = time.monotonic()

    @contextmanager
    def running(self, label: str) -> Iterator[None]:
        """Draw the line until the block ends."""
        self._images = None
        if not self.is_live:
            yield
            return
        stop = threading.Event()
        thread = threading.Thread(target=self._draw, args=(label, stop), daemon=True)
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

    def line(self, label: str, elapsed: float) -> str:
        """The text of the line now."""
        text = f"{label} {elapsed:5.0f} s"
        counts = self._counter.counts()
        if counts is None or not counts.total:
            return text
        share = counts.done / counts.total
        if self._images is None:
            return f"{text}  {counts.done}/{counts.total} tasks"
        done = round(share * self._images)
        rate = done / max(time.monotonic() - self._measuring_since, 1e-9)
        left = f", {(self._images - done) / rate:,.0f} s left" if rate > 0 and share < 1 else ""
        return f"{text}  about {done:,} of {self._images:,} images, {rate:,.0f} images/s{left}"
