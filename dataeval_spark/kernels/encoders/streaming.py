"""Vectors of a stream of images: full batches whatever the stream brings at once, and one encoder for all threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.encoders.batching import PREPARED_BYTES, Item, Vectors, joined
from dataeval_spark.kernels.encoders.registry import Encoder, load_encoder

# Tasks may be threads of one process, which has one encoder: it may be a user's own, made for one thread.
_TURN = threading.Lock()


def shared_encoder(name: str, version: str, **options: Any) -> Encoder:
    """The encoder of this process, which tasks share that are its threads; see `load_encoder`."""
    with _TURN:
        return load_encoder(name, version=version, **options)


def computes_beside(encoder: Encoder) -> bool:
    """Whether an encoder runs on a device of its own, so that the core is free for the next images."""
    return str(getattr(encoder, "device", "cpu")) != "cpu"


def with_vectors(
    items: Iterable[Item], arrays_of: Callable[[Item], Iterable[NDArray[Any]]], encoder: Encoder
) -> Iterator[tuple[Item, Vectors]]:
    """Items with the vectors of their prepared images, in the order of the items.

    The encoder gets as many images at once as it takes, of several items and of parts of one, or 64 MiB of them. A
    device of its own gets the next ones before the last ones are done. Threads of a process take turns.

    Parameters
    ----------
    items : iterable
        Items with any number of prepared images each.
    arrays_of : callable
        Function from an item to its prepared images.
    encoder : Encoder
        Encoder of `shared_encoder`.

    Examples
    --------
    >>> encoder = shared_encoder("thumbnail", "7e2817d3744ba987")
    >>> image = encoder.prepare(np.zeros((9, 9, 3), dtype=np.uint8))
    >>> [(item, len(vectors)) for item, vectors in with_vectors([1, 0, 2], lambda number: [image] * number, encoder)]
    [(1, 1), (0, 0), (2, 2)]
    """
    stream: _Stream[Item] = _Stream(encoder)
    for item in items:
        stream.add(item, arrays_of(item))
        yield from stream.done()
    stream.end()
    yield from stream.done()


class _Stream(Generic[Item]):
    """Items that wait for vectors, images that wait for the encoder, and calls of it that are under way."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._ahead = 1 if computes_beside(encoder) else 0
        self._waiting: deque[tuple[Item, int]] = deque()
        self._arrays: list[NDArray[Any]] = []
        self._volume = 0
        self._begun: deque[Callable[[], Vectors]] = deque()
        self._vectors: Vectors = np.zeros((0, 0), dtype=np.float32)

    def add(self, item: Item, arrays: Iterable[NDArray[Any]]) -> None:
        """Add an item, and call the encoder as often as there is enough to do."""
        before = len(self._arrays)
        self._arrays += arrays
        self._volume += sum(array.nbytes for array in self._arrays[before:])
        self._waiting.append((item, len(self._arrays) - before))
        while len(self._arrays) >= self._encoder.batch_size or self._volume >= PREPARED_BYTES:
            self._begin()

    def end(self) -> None:
        """Call the encoder with the rest, and wait for all vectors."""
        while self._arrays:
            self._begin()
        while self._begun:
            self._wait()

    def done(self) -> Iterator[tuple[Item, Vectors]]:
        """The first items, as far as all their vectors are there."""
        while self._waiting and self._waiting[0][1] <= len(self._vectors):
            item, number = self._waiting.popleft()
            own, self._vectors = self._vectors[:number], self._vectors[number:]
            yield item, own

    def _begin(self) -> None:
        number = self._encoder.batch_size
        batch, self._arrays = self._arrays[:number], self._arrays[number:]
        self._volume -= sum(array.nbytes for array in batch)
        self._begun.append(_begun(self._encoder, batch))
        while len(self._begun) > self._ahead:
            self._wait()

    def _wait(self) -> None:
        vectors = self._begun.popleft()()
        self._vectors = joined([self._vectors, vectors], self._encoder.name) if len(self._vectors) else vectors


def _begun(encoder: Encoder, batch: Sequence[NDArray[Any]]) -> Callable[[], Vectors]:
    """A call of the encoder; where it runs on a device of its own, another thread may call it before this is done."""
    begin = getattr(encoder, "begin", None)
    with _TURN:
        if begin is not None:
            wait: Callable[[], Vectors] = begin(batch)
            return wait
        vectors = np.asarray(encoder.embed(batch), dtype=np.float32)
    return lambda: vectors
