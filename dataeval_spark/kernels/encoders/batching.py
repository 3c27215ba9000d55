"""Feeding a device: batches bounded by number and bytes, halved when its memory is full; preparing beside it."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import EncoderError, OptionError
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing
from dataeval_spark.kernels.images.decoding.decode import decode
from dataeval_spark.kernels.images.value_range import ValueRange

Item = TypeVar("Item")
Run = Callable[[list[NDArray[Any]]], Any]
BATCH_SIZE = 64
BYTES_PER_BATCH = 256 * 2**20
"""Bytes that a batch's input may take on the device, as float32."""
PREPARED_BYTES = 64 * 2**20
"""Bytes of prepared images to collect for one call of the encoder, which cuts them into its own batches."""


@dataclass
class DeviceBatches:
    """Batches of images for a device.

    Attributes
    ----------
    size : int
        Largest number of images in a batch; halved, for good, when the device runs out of memory.
    most_bytes : int
        Largest size in bytes of a batch's input, as float32; a single image may be larger.
    of_one_shape : bool
        Whether a batch holds images of one shape only, so that they can be stacked.
    out_of_memory : tuple of exception types
        Errors that the device raises when its memory is full.
    """

    size: int = BATCH_SIZE
    most_bytes: int = BYTES_PER_BATCH
    of_one_shape: bool = True
    out_of_memory: tuple[type[BaseException], ...] = ()

    def __post_init__(self) -> None:
        OptionError.unless_between("profile.batch_size", self.size, 1, 1_000_000)

    def embed(self, prepared: Sequence[NDArray[Any]], run: Run, name: str) -> NDArray[np.float32]:
        """Vectors of all images, in their order, from ``run(batch)`` of one batch after the other.

        Parameters
        ----------
        prepared : sequence of ndarray
            Inputs of the model, one per image.
        run : callable
            Function from a list of inputs to their vectors (number, dimension).
        name : str
            Name of the encoder, for errors.

        Returns
        -------
        ndarray of float32
            Vectors (number, dimension); (0, 0) for no image.

        Raises
        ------
        EncoderError
            The device's memory does not hold a single image, or the model gives no (number, dimension).
        """
        parts: list[NDArray[np.float32]] = []
        start = 0
        while start < len(prepared):
            batch = list(prepared[start : self._end(prepared, start)])
            try:
                parts.append(_checked(run(batch), len(batch), name))
            except self.out_of_memory as error:
                if len(batch) == 1:
                    raise EncoderError.out_of_memory(name, batch[0].shape) from error
                self.size = len(batch) // 2
                continue
            start += len(batch)
        if len({part.shape[1] for part in parts}) > 1:
            raise EncoderError.of_shape(name, f"vectors of {sorted({part.shape[1] for part in parts})} numbers")
        return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)

    def _end(self, prepared: Sequence[NDArray[Any]], start: int) -> int:
        size = 0
        for end in range(start, min(len(prepared), start + self.size)):
            size += 4 * prepared[end].size
            is_other = self.of_one_shape and prepared[end].shape != prepared[start].shape
            if end > start and (is_other or size > self.most_bytes):
                return end
        return min(len(prepared), start + self.size)


class ModelEncoder(ABC):
    """An encoder by a model, which a subclass runs on batches of prepared images.

    Parameters
    ----------
    name, version : str
        See `Encoder`.
    preprocessing : Preprocessing
        Steps from pixels to 8-bit images of the model's size.
    device : str
        Device, "cpu", "cuda:0" ...
    batches : DeviceBatches
        Batches that the device takes.
    """

    def __init__(
        self, name: str, version: str, preprocessing: Preprocessing, device: str, batches: DeviceBatches
    ) -> None:
        self.name = name
        self.version = version
        self.dimension: int | None = None
        self.preprocessing = preprocessing
        self.device = device
        self._batches = batches

    @property
    def batch_size(self) -> int:
        return self._batches.size

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[np.uint8]:
        return self.preprocessing.pixels(pixels, encoded)

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        vectors = self._batches.embed(prepared, self._run, self.name)
        self.dimension = vectors.shape[1] if len(vectors) else self.dimension
        return vectors

    @abstractmethod
    def _run(self, batch: list[NDArray[np.uint8]]) -> Any:
        """Vectors of a batch, (number, dimension)."""


def portable_prepare(encoder: Any) -> Callable[..., NDArray[Any]]:
    """``prepare`` of an encoder as a function that can be pickled, without the model."""
    preprocessing: Preprocessing | None = getattr(encoder, "preprocessing", None)
    prepare: Callable[..., NDArray[Any]] = encoder.prepare if preprocessing is None else preprocessing.pixels
    return prepare


def prepared_file(data: bytes, prepare: Callable[..., NDArray[Any]], max_pixels: int) -> NDArray[Any] | None:
    """Input of an encoder from an image file, None where it cannot take it; raises UnreadableImage."""
    pixels = decode(data, max_pixels=max_pixels).pixels
    try:
        return prepare(pixels)
    except (ValueError, MemoryError):
        return None


def prepared_batches(
    items: Iterable[Item], arrays_of: Callable[[Item], Iterable[NDArray[Any]]], size: int
) -> Iterator[list[Item]]:
    """Collect items until an encoder has enough to do: `size` prepared images, or 64 MiB of them.

    Parameters
    ----------
    items : iterable
        Items with any number of prepared images each.
    arrays_of : callable
        Function from an item to its prepared images.
    size : int
        Number of images that the encoder takes at once.

    Examples
    --------
    >>> list(prepared_batches([1, 2, 0, 1], lambda number: [np.zeros(3)] * number, 3))
    [[1, 2], [0, 1]]
    """
    batch: list[Item] = []
    number, volume = 0, 0
    for item in items:
        batch.append(item)
        for array in arrays_of(item):
            number, volume = number + 1, volume + array.nbytes
        if number >= size or volume >= PREPARED_BYTES:
            yield batch
            batch, number, volume = [], 0, 0
    if batch:
        yield batch


def overlap(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """Iterate in a thread of its own, at most `depth` items ahead: the next item is made while this one is used.

    An error of `items` is raised where the item would have been. When the consumer stops early, so does the thread,
    after the item that it is making.

    Parameters
    ----------
    items : iterable
        Items, for example of a generator that decodes and prepares batches.
    depth : int
        Largest number of waiting items; with the ones being made and used, memory holds `depth` + 2.

    Examples
    --------
    >>> list(overlap(iter([1, 2, 3])))
    [1, 2, 3]
    """
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry: tuple[bool, Any]) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                waiting.put(entry, timeout=0.1)
                return

    def produce() -> None:
        try:
            for item in items:
                put((True, item))
                if stopped.is_set():
                    return
            put((False, None))
        except BaseException as error:
            put((False, error))

    producer = threading.Thread(target=produce, name="overlap", daemon=True)
    producer.start()
    try:
        while True:
            is_item, value = waiting.get()
            if is_item:
                yield value
            elif value is None:
                return
            else:
                raise value
    finally:
        stopped.set()
        producer.join()


def _checked(vectors: Any, number: int, name: str) -> NDArray[np.float32]:
    matrix = np.asarray(vectors)
    if matrix.ndim == 4 and matrix.shape[2:] == (1, 1):
        matrix = matrix[:, :, 0, 0]
    if matrix.ndim != 2 or len(matrix) != number or matrix.dtype.kind not in "fiu":
        raise EncoderError.of_shape(name, f"{matrix.dtype} of shape {matrix.shape} for {number} images")
    return matrix.astype(np.float32, copy=False)
