"""Functions that decode run in the task's own process, where it has one, else in children."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import pytest

from dataeval_spark.frames import task_processes
from dataeval_spark.frames.task_processes import has_own_process, is_first_attempt, map_images
from dataeval_spark.kernels.images.decoding.limits import Limits
from tests.kernels.misbehaving import do

LIMITS = Limits(seconds=1.0)


def in_task(monkeypatch, attempt):
    context = SimpleNamespace(attemptNumber=lambda: attempt)
    monkeypatch.setattr(task_processes, "TaskContext", SimpleNamespace(get=lambda: context))


def called(*words):
    return list(map_images(do, [(word,) for word in words], size=lambda image: None, limits=LIMITS))


def test_a_task_of_spark_decodes_in_its_own_process_on_the_first_attempt(monkeypatch):
    in_task(monkeypatch, 0)

    assert has_own_process()
    assert is_first_attempt()
    assert called("a", "b") == [("a", os.getpid()), ("b", os.getpid())]
    assert [str(outcome) for outcome in called("refuse")] == ["header: NoPixels: 0 x 4 pixels"]
    in_task(monkeypatch, 1)
    assert not is_first_attempt()


def test_a_thread_has_no_process_of_its_own(monkeypatch):
    in_task(monkeypatch, 0)
    found = []
    thread = threading.Thread(target=lambda: found.extend([has_own_process(), is_first_attempt()]))
    thread.start()
    thread.join()

    assert found == [False, False]


def test_without_a_task_children_decode_and_a_crash_costs_one_image():
    assert not has_own_process()

    before, refused, crashed, after = called("a", "refuse", "crash", "b")

    assert before[1] != os.getpid()
    assert (before[0], after[0]) == ("a", "b")
    assert str(refused) == "header: NoPixels: 0 x 4 pixels"
    assert str(crashed) == "decode: DecoderCrashed: the decoder died of SIGSEGV"


@pytest.mark.parametrize("attempt", [0, 3])
def test_a_task_with_a_process_of_its_own_needs_one_child(monkeypatch, attempt):
    monkeypatch.setattr(task_processes.os, "sched_getaffinity", lambda process: {0, 1, 5}, raising=False)
    assert task_processes.number_of_children() == 3
    in_task(monkeypatch, attempt)
    assert task_processes.number_of_children() == 1


def test_windows_has_no_children(monkeypatch):
    monkeypatch.setattr(task_processes.os, "name", "nt")

    assert has_own_process()
