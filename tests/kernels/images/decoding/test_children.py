"""Children that all threads of a process share: results in their order, and a death costs one image."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from dataeval_spark.kernels.images.decoding import children as module
from dataeval_spark.kernels.images.decoding.children import Children, Each, as_outcome, lists_of
from dataeval_spark.kernels.images.decoding.limits import Limits
from tests.kernels.misbehaving import do, one_by_one

LIMITS = Limits(seconds=1.0, memory=512 * 2**20)


@pytest.fixture(scope="module")
def two():
    made = Children(2)
    yield made
    made.close()


def outcomes(pool, *lists):
    """Words that came back, and errors, flat."""
    asked = ([(word,) for word in words] for words in lists)
    found = pool.results(Each(do, LIMITS), asked, lost=as_outcome, limits=LIMITS)
    return [outcome[0] if isinstance(outcome, tuple) else outcome.error_class for part in found for outcome in part]


def test_results_come_in_the_order_of_the_images(two):
    words = [f"{number}" for number in range(100)]
    words[3] = "sleep"

    assert outcomes(two, *(words[i : i + 7] for i in range(0, 100, 7))) == words


def test_one_thread_uses_all_children(two):
    found = two.results(Each(do, LIMITS), [[("sleep",)]] * 6, lost=as_outcome, limits=LIMITS)

    assert len({part[0][1] for part in found}) == 2


def test_threads_share_the_children_and_more_of_them_wait(two):
    found = {}

    def work(name):
        found[name] = outcomes(two, *[[name, "sleep"]] * 3)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == {str(number): [str(number), "sleep"] * 3 for number in range(5)}


@pytest.mark.parametrize(
    ("position", "what", "error"),
    [(0, "crash", "DecoderCrashed"), (3, "crash", "DecoderCrashed"), (1, "hang", "DecoderTimeout")],
)
def test_a_death_costs_one_image_only(two, position, what, error):
    words = ["a", "b", "c"]
    words.insert(position, what)

    assert outcomes(two, words, ["d"]) == [error if word == what else word for word in words] + ["d"]


def test_several_deaths_in_a_list_cost_as_many_images(two):
    words = ["crash", "a", "exit", "hang", "b"]

    assert outcomes(two, words) == [
        "DecoderCrashed",
        "a",
        "DecoderCrashed",
        "DecoderTimeout",
        "b",
    ]


def test_an_image_that_a_child_dies_of_once_only_is_not_lost(two, tmp_path):
    assert outcomes(two, ["a", f"crash once {tmp_path}/mark", "b"]) == ["a", f"crash once {tmp_path}/mark", "b"]


def test_memory_that_one_image_asks_for_is_refused_and_the_others_go_on(two):
    if sys.platform != "linux":
        pytest.skip("only Linux limits the memory of a process")
    assert outcomes(two, ["a", "eat", "b"]) == ["a", "MemoryLimit", "b"]


def test_a_function_that_stops_early_is_called_again_for_the_rest(two):
    found = two.results(one_by_one, [["a", "b", "c"]], lost=as_outcome, limits=LIMITS)

    assert list(found) == ["a", "b", "c"]


def test_an_error_of_the_function_is_raised_and_the_children_go_on(two):
    with pytest.raises(KeyError, match="a bug"):
        outcomes(two, ["a"], ["bug"], ["b"])
    assert outcomes(two, ["a"]) == ["a"]


def test_input_is_taken_no_further_than_a_few_lists_ahead(two):
    taken = []

    def lists():
        for number in range(100):
            taken.append(number)
            yield [("a",)]

    found = two.results(Each(do, LIMITS), lists(), lost=as_outcome, limits=LIMITS)
    next(found)

    assert len(taken) == 4
    found.close()


def test_a_child_without_work_ends_and_another_one_starts(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.3)
    one = Children(1)
    (first,) = one.results(Each(do, LIMITS), [[("a",)]], lost=as_outcome, limits=LIMITS)
    deadline = time.monotonic() + 10
    while one._alive and time.monotonic() < deadline:
        time.sleep(0.05)

    (second,) = one.results(Each(do, LIMITS), [[("a",)]], lost=as_outcome, limits=LIMITS)

    assert first[0][1] != second[0][1]
    one.close()


def test_lists_that_are_under_way_when_all_ends_are_errors_and_no_lost_images():
    one = Children(1)
    threading.Timer(1.5, one.close).start()

    with pytest.raises(RuntimeError, match="have been ended"):
        outcomes(one, *[["sleep"] * 5] * 50)


def test_a_process_has_one_set_of_children_and_its_fork_another():
    code = (
        "import os\nfrom tests.kernels.images.decoding.test_children import *\nchildren = module.children\n"
        "ours = children(1)\nassert children(2) is ours\nprint(outcomes(ours, ['a']), flush=True)\n"
        "if os.fork() == 0:\n    assert children(1) is not ours\n    print(outcomes(children(1), ['b']), flush=True)\n"
        "    os._exit(0)\nos.wait()\nprint(outcomes(ours, ['c']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.split() == ["['a']", "['b']", "['c']"], done.stderr


def test_lists_are_bounded_by_number_and_bytes():
    assert [len(each) for each in lists_of(range(70), lambda item: None)] == [32, 32, 6]
    assert [len(each) for each in lists_of(range(5), lambda item: 2**20)] == [2, 2, 1]
    assert list(lists_of([], len)) == []
