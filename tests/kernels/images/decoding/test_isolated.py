"""A child that dies of an image says which it was and of what; it ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.decoding import isolated
from dataeval_spark.kernels.images.decoding.children import Each
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.isolated import Child, ChildDiedError
from dataeval_spark.kernels.images.decoding.limits import Limits
from tests.kernels.misbehaving import block_alarms, do, do_without_limits

LIMITS = Limits(seconds=0.5, memory=512 * 2**20)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")


class Asked:
    """A child that is replaced when it has died."""

    def __init__(self):
        self.child = Child()

    def __call__(self, *words):
        try:
            return self.child.ask(Each(do, LIMITS), [(word,) for word in words], LIMITS)[1]
        except ChildDiedError:
            self.child = Child()
            raise

    def pid(self):
        return self("a")[0][1]


@pytest.fixture(scope="module")
def ask():
    asked = Asked()
    yield asked
    asked.child.close()


def test_one_child_answers_request_after_request(ask):
    (first, second), (third,) = ask("a", "b"), ask("c")

    assert (first[0], second[0], third[0]) == ("a", "b", "c")
    assert first[1] == second[1] == third[1] != os.getpid()


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("crash", "the decoder died of SIGSEGV"),
        ("abort", "the decoder died of SIGABRT"),
        ("exit", "the decoder ended the process with status 3"),
    ],
)
def test_a_child_that_dies_says_of_which_image_and_how(ask, what, message):
    before = ask.pid()

    with pytest.raises(ChildDiedError) as death:
        ask("a", "b", what, "c")

    assert (death.value.position, death.value.is_timeout) == (2, False)
    error = death.value.error
    assert (error.stage, error.error_class, error.message) == ("decode", "DecoderCrashed", message)
    assert ask.pid() != before


def test_a_child_that_hangs_in_c_ends_in_time(ask):
    ask("a")
    started = time.monotonic()

    with pytest.raises(ChildDiedError) as death:
        ask("a", "hang", "b")

    assert 0.5 <= time.monotonic() - started < 0.5 + isolated.GRACE_SECONDS
    assert (death.value.position, death.value.is_timeout) == (1, True)
    assert str(death.value.error) == "decode: DecoderTimeout: not decoded and measured in 0.5 s (image_timeout)"


def test_a_child_whose_alarm_does_not_come_is_killed(ask, monkeypatch):
    monkeypatch.setattr(isolated, "GRACE_SECONDS", 0.2)
    ask.child.ask(block_alarms, None, LIMITS)

    with pytest.raises(ChildDiedError) as death:
        ask("a", "hang", "b")

    assert (death.value.position, death.value.error.error_class) == (1, "DecoderTimeout")


def test_the_time_is_that_of_one_image(ask):
    assert [word for word, _ in ask(*["sleep"] * 5)] == ["sleep"] * 5


def test_what_is_done_outside_of_the_limits_may_take_any_time(ask, monkeypatch):
    monkeypatch.setattr(isolated, "GRACE_SECONDS", 0.0)
    limits = Limits(seconds=0.05)

    assert ask.child.ask(do_without_limits, "sleep", limits)[0] == "sleep"


@LINUX
@pytest.mark.parametrize("what", ["eat", "eat in a decoder", "eat slowly"])
def test_an_image_that_eats_memory_is_stopped_at_its_limit(ask, what):
    before, eaten, after = ask("a", what, "b")

    assert str(eaten) == "decode: MemoryLimit: more than 512 MB are needed (image_memory)"
    assert before[1] == after[1]


@LINUX
def test_a_child_knows_when_it_keeps_too_much():
    ask = Asked()
    ask("a", "b")
    assert not ask.child.is_spent(LIMITS)
    ask("keep")
    assert ask.child.is_spent(LIMITS)
    ask.child.close()


def test_errors_of_the_function_come_as_they_are(ask):
    before = ask.pid()

    refused, fine = ask("refuse", "a")

    assert isinstance(refused, UnreadableImage)
    assert (str(refused), fine[0]) == ("header: NoPixels: 0 x 4 pixels", "a")
    with pytest.raises(KeyError, match="a bug"):
        ask("bug")
    with pytest.raises(RuntimeError, match="LocalError: cannot be pickled"):
        ask("secret error")
    assert ask.pid() == before


@pytest.mark.parametrize(("end", "busy"), [("os._exit(0)", "'a'"), ("os.kill(os.getpid(), 9)", "'sleep'")])
def test_a_child_ends_with_its_parent(end, busy):
    code = (
        "import os, threading, time\nfrom tests.kernels.images.decoding.test_isolated import *\n"
        "child = Child()\npid = child.ask(Each(do, LIMITS), [('a',)], LIMITS)[1][0][1]\n"
        f"threading.Thread(target=child.ask, args=(Each(do, LIMITS), [({busy},)] * 3, LIMITS)).start()\n"
        f"print(pid, flush=True)\ntime.sleep(0.1)\n{end}"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid = int(done.stdout)

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


def test_an_interrupt_is_for_the_parent(ask):
    pid = ask.pid()
    os.kill(pid, signal.SIGINT)

    assert ask.pid() == pid


def test_a_child_that_does_not_start_says_why(monkeypatch):
    monkeypatch.setattr(isolated, "_environment", lambda: {**os.environ, "PYTHONPATH": "", "PYTHONHOME": "/nothing"})

    with pytest.raises(SetupError, match=r"did not start: it ended with status 1\.\nHint: "):
        Child().ask(len, [], LIMITS)
