"""A child that dies of an image, and a process that ends itself, lose that image only."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.decoding import isolated
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated import Isolated, Limits, task_profiler, watchdog
from dataeval_spark.kernels.images.profile import Measures, profile_image

DO = "tests.kernels.misbehaving:do"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")


@pytest.fixture(scope="module")
def child():
    made = Isolated(DO, Limits(seconds=0.5, memory=512 * 2**20))
    yield made
    made.close()


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def failure(child, what):
    with pytest.raises(UnreadableImage) as error:
        child(what)
    return error.value.stage, error.value.error_class, error.value.message


def test_one_child_answers_call_after_call(child):
    first, second = child("a"), child("b")

    assert (first[0], second[0]) == ("a", "b")
    assert first[1] == second[1] != os.getpid()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("crash", "the decoder died of SIGSEGV"),
        ("abort", "the decoder died of SIGABRT"),
        ("exit", "the decoder ended the process with status 3"),
    ],
)
def test_a_child_that_dies_is_replaced_and_says_of_what(child, what, message):
    before = child("a")[1]

    assert failure(child, what) == ("decode", "DecoderCrashed", message)
    assert child("b") == ("b", child("c")[1])
    assert child("b")[1] != before


def test_a_child_that_hangs_in_c_ends_in_time(child):
    child("a")
    started = time.monotonic()

    assert failure(child, "hang") == (
        "decode",
        "DecoderTimeout",
        "not decoded and measured in 0.5 s (image_timeout)",
    )
    assert 0.5 <= time.monotonic() - started < 0.5 + isolated.GRACE_SECONDS


def test_the_time_is_that_of_one_call(child):
    for _ in range(5):
        assert child("sleep")[0] == "sleep"


@LINUX
@pytest.mark.parametrize("what", ["eat", "eat in a decoder", "eat slowly"])
def test_a_child_that_eats_memory_is_stopped_at_its_limit(child, what):
    assert failure(child, what) == ("decode", "MemoryLimit", "more than 512 MB are needed (image_memory)")


@LINUX
def test_a_child_that_keeps_too_much_is_replaced_between_calls(child):
    before = child("a")[1]

    assert child("keep")[1] == before
    assert child("b")[1] != before


def test_a_warm_up_is_not_limited():
    child = Isolated(DO, Limits(seconds=0.1), ("sleep",))

    assert child("a")[0] == "a"
    child.close()


def test_errors_of_the_function_come_as_they_are(child):
    before = child("a")[1]

    assert failure(child, "refuse") == ("header", "NoPixels", "0 x 4 pixels")
    with pytest.raises(KeyError, match="a bug"):
        child("bug")
    with pytest.raises(RuntimeError, match="LocalError: cannot be pickled"):
        child("secret error")
    assert child("b")[1] == before


def test_a_child_ends_with_its_parent():
    code = (
        "import os\nfrom dataeval_spark.kernels.images.decoding.isolated import Isolated, Limits\n"
        f"print(Isolated({DO!r}, Limits())('a')[1], flush=True)\nos._exit(0)"
    )
    pid = int(run(code).stdout)

    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and _is_running(pid):
        time.sleep(0.02)
    assert not _is_running(pid)


def _is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    if sys.platform == "linux":
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    return True


@pytest.mark.parametrize("function", ["tests.kernels.nothing:do", "tests.kernels.misbehaving:nothing"])
def test_a_child_that_does_not_start_says_why(function):
    with pytest.raises(SetupError, match=r"did not start: .*nothing.*\nHint: "):
        Isolated(function, Limits())("a")


def test_a_watchdog_ends_a_process_that_hangs_in_c():
    ended = run(
        "import ctypes\nfrom dataeval_spark.kernels.images.decoding.isolated import watchdog\n"
        "with watchdog(0.2):\n    ctypes.PyDLL(None).pause()"
    )

    assert ended.returncode == -signal.SIGALRM


def test_a_watchdog_lets_go_after_the_block():
    with pytest.raises(ValueError, match="out"), watchdog(0.05):
        raise ValueError("out")
    with watchdog(0.05):
        pass
    time.sleep(0.1)


def png(height, width):
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def children():
    """The children that `isolated_profiler` starts."""
    isolated.isolated_profiler.cache_clear()
    yield
    for limits in (Limits(), Limits(memory=300 * 2**20)):
        isolated.isolated_profiler(limits).close()
    isolated.isolated_profiler.cache_clear()


def same(one, other):
    for a, b in ((one.image, other.image), *zip(one.boxes, other.boxes, strict=True)):
        assert (a.stats, a.hashes) == (b.stats, b.hashes)
        for x, y in zip(a.channels, b.channels, strict=True):
            assert all(np.array_equal(x[name], y[name]) for name in x)
        assert np.array_equal(a.pixels, b.pixels)


def test_a_retried_task_measures_the_same_in_a_child(children):
    data, boxes, measures = png(20, 30), [(1.0, 2.0, 12.0, 14.0)], Measures(keep_pixels=True)

    found = task_profiler(1, Limits())(data, boxes, measures)

    same(found, profile_image(data, boxes, measures))
    with pytest.raises(UnreadableImage, match="header: PlainText"):
        task_profiler(1, Limits())(b"no image", (), measures)


def test_a_first_attempt_measures_in_its_own_process(monkeypatch):
    monkeypatch.setattr(isolated, "isolated_profiler", None)
    data = png(20, 30)

    same(task_profiler(0, Limits())(data, (), Measures()), profile_image(data))
    with pytest.raises(UnreadableImage, match=r"40 x 40 pixels; the limit is 1000 \(max_pixels\)"):
        task_profiler(0, Limits())(png(40, 40), (), Measures(max_pixels=1000))


def test_an_image_too_large_for_the_worker_is_measured_in_a_child(monkeypatch, children):
    monkeypatch.setattr(isolated, "BYTES_PER_PIXEL", 300 * 2**20 // 100)
    limits, data = Limits(memory=300 * 2**20), png(20, 30)

    same(task_profiler(0, limits)(data, (), Measures()), profile_image(data))
    assert isolated.isolated_profiler(limits)._child is not None
