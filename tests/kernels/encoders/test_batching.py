"""Batches for a device, and what happens when its memory is full; a producer that works ahead."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders.batching import DeviceBatches, is_out_of_memory, overlap


def images(*sides):
    return [np.full((side, side, 3), side, dtype=np.uint8) for side in sides]


def recording(calls, most=1_000):
    def run(batch):
        calls.append([image.shape[0] for image in batch])
        if len(batch) > most:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return np.stack([[image.mean(), image.size] for image in batch])

    return run


def embedded(batches, prepared, run):
    def begin(batch):
        vectors = run(batch)
        return lambda: vectors

    return batches.begin(prepared, begin, "mine")()


def test_batches_hold_so_many_images_of_one_shape_and_vectors_keep_the_order():
    calls = []

    vectors = embedded(DeviceBatches(2), images(4, 4, 4, 9, 4), recording(calls))

    assert calls == [[4, 4], [4], [9], [4]]
    assert vectors[:, 0].tolist() == [4, 4, 4, 9, 4]
    assert vectors.dtype == np.float32


def test_batches_are_bounded_in_bytes_but_one_image_always_goes():
    calls = []

    embedded(DeviceBatches(10, most_bytes=4 * 3 * 16 * 2), images(4, 4, 4, 9), recording(calls))

    assert calls == [[4, 4], [4], [9]]


def test_images_of_any_shape_share_a_batch_where_nothing_stacks_them():
    calls = []

    embedded(DeviceBatches(2, of_one_shape=False), images(4, 9, 5), recording(calls))

    assert calls == [[4, 9], [5]]


def test_a_full_device_halves_the_batch_for_good_and_goes_on():
    calls = []
    batches = DeviceBatches(8)

    vectors = embedded(batches, images(*[4] * 9), recording(calls, most=3))

    assert [len(call) for call in calls] == [8, 4, 2, 2, 2, 2, 1]
    assert len(vectors) == 9
    assert batches.size == 2


def test_a_device_that_cannot_hold_one_image_is_an_error_with_a_remedy():
    batches = DeviceBatches(2)

    with pytest.raises(EncoderError, match=r"(?s)'mine': .* does not hold one image of 4 x 4 x 3.*Hint: .*crop"):
        embedded(batches, images(4, 4), recording([], most=0))


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (np.zeros((2, 3, 4)), r"float64 of shape \(2, 3, 4\) for 2 images"),
        (np.zeros((1, 3)), r"float64 of shape \(1, 3\) for 2 images"),
        (np.array([["a"], ["b"]]), r"<U1 of shape \(2, 1\)"),
    ],
)
def test_what_is_no_vector_per_image_is_an_error(given, found):
    with pytest.raises(EncoderError, match=f"(?s)'mine' gives {found}.*Hint: pool and flatten"):
        embedded(DeviceBatches(2), images(4, 4), lambda batch: given)


def test_vectors_of_several_lengths_are_an_error():
    with pytest.raises(EncoderError, match=r"vectors of \[16, 81\] numbers"):
        embedded(DeviceBatches(1), images(4, 9), lambda batch: np.zeros((1, batch[0].size // 3)))


def test_pooled_feature_maps_are_flattened_and_no_image_gives_no_row():
    assert embedded(DeviceBatches(), images(4), lambda batch: np.ones((1, 5, 1, 1))).shape == (1, 5)
    assert embedded(DeviceBatches(), [], lambda batch: None).shape == (0, 0)


def test_all_batches_are_handed_over_before_the_first_is_waited_for():
    events = []

    def begin(batch):
        events.append(f"begin {len(batch)}")
        return lambda: events.append(f"wait {len(batch)}") or np.zeros((len(batch), 2))

    wait = DeviceBatches(2).begin(images(4, 4, 4), begin, "mine")
    events.append("begun")

    assert len(wait()) == 3
    assert events == ["begin 2", "begin 1", "begun", "wait 2", "wait 1"]


@pytest.mark.parametrize(
    ("error", "is_full"),
    [
        (MemoryError(), True),
        (type("OutOfMemoryError", (RuntimeError,), {})(), True),
        (
            RuntimeError("The following operation failed in the TorchScript interpreter.\n...: CUDA out of memory."),
            True,
        ),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied (4x12 and 3x2)"), False),
        (ValueError("no such layer"), False),
    ],
)
def test_an_error_says_that_memory_is_full_by_its_class_or_its_text(error, is_full):
    assert is_out_of_memory(error) is is_full


def test_other_errors_of_a_model_are_raised_at_once():
    calls = []

    def broken(batch):
        calls.append(len(batch))
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="mat1"):
        embedded(DeviceBatches(4), images(4, 4), broken)
    assert calls == [2]


def test_a_batch_size_below_one_is_an_error():
    with pytest.raises(OptionError, match=r"profile\.batch_size is 0"):
        DeviceBatches(0)


def test_overlap_gives_all_items_in_order_and_raises_errors_in_their_place():
    def failing():
        yield 1
        yield 2
        raise ValueError("third")

    stream = overlap(failing())

    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="third"):
        next(stream)
    assert list(overlap(range(100), depth=1)) == list(range(100))


def test_overlap_makes_the_next_items_while_one_is_used_but_no_more_than_its_depth():
    made = []

    def items():
        for number in range(10):
            made.append(number)
            yield number

    stream = overlap(items(), depth=2)
    next(stream)
    time.sleep(0.3)

    assert made == [0, 1, 2, 3]  # one is used, two wait, one is being handed over
    stream.close()


def test_overlap_ends_its_thread_when_the_consumer_stops():
    stream = overlap(iter(range(10)), depth=1)
    next(stream)
    stream.close()

    assert "overlap" not in {thread.name for thread in threading.enumerate()}
