"""A stream of images becomes full batches; each item gets its own vectors, and a device of its own works ahead."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders import streaming
from dataeval_spark.kernels.encoders.streaming import computes_beside, shared_encoder, with_vectors


class Recording:
    """Gives the value of each image, and writes down what it was called with."""

    name, version, dimension = "recording", "1", 1

    def __init__(self, batch_size, device="cpu"):
        self.batch_size, self.device, self.events = batch_size, device, []

    def embed(self, prepared):
        return self.begin(prepared)()

    def begin(self, prepared):
        values = [int(image[0]) for image in prepared]
        self.events.append(("begin", values))
        return lambda: self.events.append(("wait", values)) or np.array([[value] for value in values], np.float32)

    def calls(self):
        return [values for event, values in self.events if event == "begin"]


def image(value, size=1):
    return np.full(size, value, dtype=np.uint8)


def vectors(items, encoder):
    return [
        (item, found.ravel().tolist())
        for item, found in with_vectors(items, lambda item: [image(value) for value in item], encoder)
    ]


@pytest.mark.parametrize("device", ["cpu", "cuda:0"])
def test_batches_are_full_whatever_items_bring_and_each_item_gets_its_own(device):
    encoder = Recording(3, device)
    items = [(1,), (), (2, 3, 4, 5, 6, 7, 8), (9,), ()]

    assert vectors(items, encoder) == [(item, list(item)) for item in items]
    assert encoder.calls() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    assert vectors([], encoder) == []


def test_a_batch_holds_no_more_bytes_than_are_kept_waiting(monkeypatch):
    monkeypatch.setattr(streaming, "PREPARED_BYTES", 30)
    encoder = Recording(100)

    found = list(with_vectors([1, 2, 3, 4], lambda value: [image(value, 12)], encoder))

    assert [int(each[0, 0]) for _, each in found] == [1, 2, 3, 4]
    assert encoder.calls() == [[1, 2, 3], [4]]


def test_a_device_of_its_own_has_the_next_batch_before_the_last_is_waited_for():
    beside, here = Recording(1, "cuda:0"), Recording(1)
    for encoder in (beside, here):
        vectors([(1,), (2,), (3,)], encoder)

    assert [event for event, _ in beside.events] == ["begin", "begin", "wait", "begin", "wait", "wait"]
    assert [event for event, _ in here.events] == ["begin", "wait"] * 3
    assert (computes_beside(beside), computes_beside(here), computes_beside(object())) == (True, False, False)


def test_a_batch_that_was_halved_makes_the_next_ones_smaller():
    encoder = Recording(4)
    stream = with_vectors([(1, 2, 3, 4)] * 2, lambda item: map(image, item), encoder)
    next(stream)
    encoder.batch_size = 2
    list(stream)

    assert encoder.calls() == [[1, 2, 3, 4], [1, 2], [3, 4]]


def test_threads_take_turns_with_an_encoder_that_cannot_be_begun():
    class OneAtATime:
        name, version, dimension, batch_size = "one", "1", 1, 2
        active, most = 0, 0

        def embed(self, prepared):
            self.active += 1
            self.most = max(self.most, self.active)
            time.sleep(0.01)
            self.active -= 1
            return np.array([[value[0]] for value in prepared])

    encoder, found = OneAtATime(), []
    threads = [threading.Thread(target=lambda: found.append(vectors([(1, 2, 3)] * 3, encoder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [[((1, 2, 3), [1, 2, 3])] * 3] * 4
    assert encoder.most == 1


def test_vectors_of_another_length_are_an_error():
    class Growing(Recording):
        def begin(self, prepared):
            return lambda: np.zeros((len(prepared), int(prepared[0][0])), np.float32)

    with pytest.raises(EncoderError, match=r"'recording' gives vectors of \[1, 2\] numbers"):
        vectors([(1, 2)], Growing(1))


def test_threads_of_a_process_share_an_encoder():
    version = "7e2817d3744ba987"

    assert shared_encoder("thumbnail", version) is shared_encoder("thumbnail", version)
