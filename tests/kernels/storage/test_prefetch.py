"""Reading ahead: in order, several at once, bounded, errors in their place."""

from __future__ import annotations

import threading
import time

import pytest

from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.prefetch import read_ahead


def test_results_come_in_order_whatever_finishes_first():
    pauses = [0.03, 0.0, 0.02, 0.0, 0.01]

    found = list(read_ahead(range(5), lambda i: time.sleep(pauses[i]) or bytes([i])))

    assert found == [(i, bytes([i])) for i in range(5)]


def test_an_error_is_given_in_the_place_of_its_item(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "c").write_bytes(b"3")

    first, second, third = (data for _, data in read_ahead([f"{tmp_path}/{name}" for name in "abc"], read_file))

    assert (first, type(second), third) == (b"1", FileNotFoundError, b"3")


@pytest.mark.parametrize("concurrency", [1, 3])
def test_so_many_reads_run_at_once_and_no_more(concurrency):
    lock, running, most = threading.Lock(), 0, 0

    def read(item):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return b""

    list(read_ahead(range(12), read, concurrency=concurrency))

    assert most == concurrency


def test_the_bytes_held_ahead_are_bounded():
    read = []

    def note(item):
        read.append(item)
        return bytes(10)

    ahead = read_ahead(range(100), note, size=lambda item: 10, bytes_bound=40)
    for done, _ in enumerate(ahead, 1):
        assert len(read) - done <= 4


def test_results_of_unknown_size_count_when_they_are_there():
    taken = []
    ahead = read_ahead((taken.append(i) or i for i in range(100)), lambda item: bytes(50), bytes_bound=100)

    next(ahead)
    time.sleep(0.05)
    before = len(taken)
    for _ in range(3):
        next(ahead)

    assert len(taken) - before <= 4


def test_an_item_larger_than_the_bound_is_read_all_the_same():
    assert len(list(read_ahead(range(3), lambda item: bytes(100), size=lambda item: 100, bytes_bound=10))) == 3


def test_quick_items_are_read_by_the_callers_thread_in_their_turn():
    threads = {}

    def read(item):
        threads[item] = threading.current_thread() is threading.main_thread()
        return b""

    found = list(read_ahead(range(6), read, is_slow=lambda item: item % 2 == 0))

    assert [item for item, _ in found] == list(range(6))
    assert threads == {0: False, 1: True, 2: False, 3: True, 4: False, 5: True}


def test_items_are_taken_only_as_far_ahead_as_is_read():
    taken = []

    next(read_ahead((taken.append(i) or i for i in range(1000)), lambda item: b"", concurrency=2))

    assert len(taken) == 5


def test_a_consumer_that_stops_early_leaves_nothing_to_read():
    started = []

    def read(item):
        started.append(item)
        time.sleep(0.01)
        return b""

    ahead = read_ahead(range(1000), read, concurrency=2)
    next(ahead)
    ahead.close()
    time.sleep(0.05)
    after = len(started)
    time.sleep(0.05)

    assert len(started) == after < 10
