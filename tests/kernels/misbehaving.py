"""Functions that do to a process what decoders in C can do to it."""

from __future__ import annotations

import ctypes
import os
import signal
import time

import numpy as np

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage

KEPT: list[object] = []


def do(what: str) -> object:
    """Echo, or misbehave as asked."""
    if what == "crash":
        ctypes.string_at(0)
    if what.startswith("crash once "):
        mark = what.removeprefix("crash once ")
        if not os.path.exists(mark):
            open(mark, "w").close()
            ctypes.string_at(0)
    if what == "abort":
        os.abort()
    if what == "exit":
        os._exit(3)
    if what == "hang":
        ctypes.PyDLL(None).pause()  # in C, and without letting the interpreter go
    if what == "sleep":
        time.sleep(0.15)
    if what == "eat":
        return int(np.ones(10**9).sum())
    if what == "eat in a decoder":
        try:
            np.ones(10**9)
        except MemoryError as error:
            raise UnreadableImage.from_error("decode", error) from error
    if what == "eat slowly":
        pieces = []
        while True:
            pieces.append(bytes(2**20))
    if what == "keep":
        KEPT.append(np.empty(400 * 2**20, np.uint8))  # address space only
    if what == "refuse":
        raise UnreadableImage("header", "NoPixels", "0 x 4 pixels")
    if what == "bug":
        raise KeyError("a bug")
    if what == "secret error":

        class LocalError(Exception):
            pass

        raise LocalError("cannot be pickled")
    return what, os.getpid()


def do_without_limits(what: str) -> object:
    """Work of a child that sets no limits."""
    return do(what)


def block_alarms(nothing: None) -> None:
    """From now on no alarm ends this process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])


def one_by_one(items: list[str]) -> tuple[int, str]:
    """The first item only."""
    return 1, items[0]
