"""Limits of one image, and the marks by which a process tells how far it is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from dataeval_spark.kernels.images.decoding import limits
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.limits import Limits, address_space, limited, taken, watchdog, write_marks

IMPORTS = "import ctypes\nfrom dataeval_spark.kernels.images.decoding.limits import *\n"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")


def ended(code):
    return subprocess.run([sys.executable, "-c", IMPORTS + code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("block", ["watchdog(0.2)", "limited(Limits(seconds=0.2))"])
def test_a_process_that_hangs_in_c_ends(block):
    assert ended(f"with {block}:\n    ctypes.PyDLL(None).pause()").returncode == -signal.SIGALRM


def test_a_watchdog_lets_go_after_the_block():
    with pytest.raises(ValueError, match="out"), watchdog(0.05):
        raise ValueError("out")
    with watchdog(0.05):
        pass
    time.sleep(0.1)


def test_without_timers_a_watchdog_lets_the_block_run(monkeypatch):
    monkeypatch.delattr(signal, "setitimer")
    with watchdog(0.01):
        time.sleep(0.02)


@LINUX
def test_memory_is_limited_within_the_block_only():
    needed = r"MemoryLimit: more than 512 MB are needed \(image_memory\)"
    with pytest.raises(UnreadableImage, match=needed), limited(Limits(memory=512 * 2**20)):
        np.empty(2**30, np.uint8)
    assert np.empty(2**30, np.uint8).nbytes == 2**30


@LINUX
def test_an_error_about_memory_that_a_decoder_has_worded_is_the_limit():
    with pytest.raises(UnreadableImage, match="MemoryLimit"), limited(Limits()):
        raise UnreadableImage("decode", "MemoryError", "out")
    with pytest.raises(UnreadableImage, match="header: NoPixels"), limited(Limits()):
        raise UnreadableImage("header", "NoPixels", "0 x 4 pixels")


def test_marks_tell_which_item_was_taken_and_whether_its_limits_hold(monkeypatch):
    monkeypatch.setattr(limits, "_write_mark", limits._write_mark)  # restores it
    reading, writing = os.pipe()
    write_marks(writing)

    for item in taken("ab"):
        if item == "b":
            with limited(Limits()):
                pass

    assert os.read(reading, 99) == b"..()"
    os.close(reading)
    os.close(writing)


def test_the_address_space_of_a_process_that_is_not_there_is_0():
    assert address_space(2**30) == 0
