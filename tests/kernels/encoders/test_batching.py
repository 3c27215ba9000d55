"""Batches for a device, and what happens when its memory is full; a producer that works ahead."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders import batching
from dataeval_spark.kernels.encoders.batching import DeviceBatches, overlap, prepared_batches


class DeviceFullError(Exception):
    pass


def images(*sides):
    return [np.full((side, side, 3), side, dtype=np.uint8) for side in sides]


def recording(calls, most=1_000):
    def run(batch):
        calls.append([image.shape[0] for image in batch])
        if len(batch) > most:
            raise DeviceFullError
        return np.stack([[image.mean(), image.size] for image in batch])

    return run


def test_batches_hold_so_many_images_of_one_shape_and_vectors_keep_the_order():
    calls = []

    vectors = DeviceBatches(2).embed(images(4, 4, 4, 9, 4), recording(calls), "mine")

    assert calls == [[4, 4], [4], [9], [4]]
    assert vectors[:, 0].tolist() == [4, 4, 4, 9, 4]
    assert vectors.dtype == np.float32


def test_batches_are_bounded_in_bytes_but_one_image_always_goes():
    calls = []

    DeviceBatches(10, most_bytes=4 * 3 * 16 * 2).embed(images(4, 4, 4, 9), recording(calls), "mine")

    assert calls == [[4, 4], [4], [9]]


def test_images_of_any_shape_share_a_batch_where_nothing_stacks_them():
    calls = []

    DeviceBatches(2, of_one_shape=False).embed(images(4, 9, 5), recording(calls), "mine")

    assert calls == [[4, 9], [5]]


def test_a_full_device_halves_the_batch_for_good_and_goes_on():
    calls = []
    batches = DeviceBatches(8, out_of_memory=(DeviceFullError,))

    vectors = batches.embed(images(*[4] * 9), recording(calls, most=3), "mine")

    assert [len(call) for call in calls] == [8, 4, 2, 2, 2, 2, 1]
    assert len(vectors) == 9
    assert batches.size == 2


def test_a_device_that_cannot_hold_one_image_is_an_error_with_a_remedy():
    batches = DeviceBatches(2, out_of_memory=(DeviceFullError,))

    with pytest.raises(EncoderError, match=r"(?s)'mine': .* does not hold one image of 4 x 4 x 3.*Hint: .*crop"):
        batches.embed(images(4, 4), recording([], most=0), "mine")


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
        DeviceBatches(2).embed(images(4, 4), lambda batch: given, "mine")


def test_vectors_of_several_lengths_are_an_error():
    with pytest.raises(EncoderError, match=r"vectors of \[16, 81\] numbers"):
        DeviceBatches(1).embed(images(4, 9), lambda batch: np.zeros((1, batch[0].size // 3)), "mine")


def test_pooled_feature_maps_are_flattened_and_no_image_gives_no_row():
    assert DeviceBatches().embed(images(4), lambda batch: np.ones((1, 5, 1, 1)), "mine").shape == (1, 5)
    assert DeviceBatches().embed([], lambda batch: None, "mine").shape == (0, 0)


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


def test_prepared_images_are_collected_up_to_a_number_of_images_and_of_bytes(monkeypatch):
    monkeypatch.setattr(batching, "PREPARED_BYTES", 30)
    items = [images(1), images(1, 1), images(), images(1), images(4), images(1)]
    batches = list(prepared_batches(items, lambda item: item, 3))
    assert [[len(item) for item in batch] for batch in batches] == [[1, 2], [0, 1, 1], [1]]
    assert list(prepared_batches([], lambda item: item, 3)) == []
