"""Feeding a device: batches bounded by number and bytes, halved when its memory is full; working ahead of it."""

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
Vectors = NDArray[np.float32]
Begin = Callable[[list[NDArray[Any]]], Callable[[], Any]]
BATCH_SIZE = 64
BYTES_PER_BATCH = 256 * 2**20
"""Bytes that a batch's input may take on the device, as float32."""
PREPARED_BYTES = 64 * 2**20
"""Bytes of prepared images to collect for one call of the encoder, which cuts them into its own batches."""
# Of CUDA, of torch on the CPU (Linux, Windows) and onnxruntime, of cuBLAS and cuDNN.
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "not enough memory", "STATUS_ALLOC_FAILED")


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
    """

    size: int = BATCH_SIZE
    most_bytes: int = BYTES_PER_BATCH
    of_one_shape: bool = True

    def __post_init__(self) -> None:
        OptionError.unless_between("profile.batch_size", self.size, 1, 1_000_000)

    def begin(self, prepared: Sequence[NDArray[Any]], begin: Begin, name: str) -> Callable[[], Vectors]:
        """Hand all images to the device, batch after batch, without waiting for its results.

        Parameters
        ----------
        prepared : sequence of ndarray
            Inputs of the model, one per image.
        begin : callable
            Function that hands a batch to the device, and returns a function that waits for its vectors
            (number, dimension).
        name : str
            Name of the encoder, for errors.

        Returns
        -------
        callable
            Function that waits for the vectors of all images, in their order: (number, dimension); (0, 0) for none.
            It raises an EncoderError where the model gives no (number, dimension).

        Raises
        ------
        EncoderError
            The device's memory does not hold a single image.
        """
        begun: list[tuple[int, Callable[[], Any]]] = []
        start = 0
        while start < len(prepared):
            batch = list(prepared[start : self._end(prepared, start)])
            try:
                begun.append((len(batch), begin(batch)))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if len(batch) == 1:
                    raise EncoderError.out_of_memory(name, batch[0].shape) from error
                self.size = len(batch) // 2
                continue
            start += len(batch)
        return lambda: joined([_checked(wait(), number, name) for number, wait in begun], name)

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

    def begin(self, prepared: Sequence[NDArray[np.uint8]]) -> Callable[[], Vectors]:
        """Hand images to the device; the function that is returned waits for what `embed` returns."""
        wait = self._batches.begin(prepared, self._begin, self.name)

        def vectors() -> Vectors:
            found = wait()
            self.dimension = found.shape[1] if len(found) else self.dimension
            return found

        return vectors

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> Vectors:
        return self.begin(prepared)()

    @abstractmethod
    def _begin(self, batch: list[NDArray[np.uint8]]) -> Callable[[], Any]:
        """Hand a batch to the device; the function that is returned waits for its vectors, (number, dimension)."""


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


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory is full.

    Torch has a class for it, but what runs in TorchScript's interpreter, and onnxruntime, tell it by the text alone.

    Examples
    --------
    >>> is_out_of_memory(RuntimeError("The following operation failed: CUDA out of memory. ..."))
    True
    """
    is_named_so = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return is_named_so or any(text in str(error) for text in _OUT_OF_MEMORY)


def joined(parts: Sequence[Vectors], name: str) -> Vectors:
    """Vectors of several batches as one array; raises an EncoderError where their lengths differ."""
    lengths = sorted({part.shape[1] for part in parts})
    if len(lengths) > 1:
        raise EncoderError.of_shape(name, f"vectors of {lengths} numbers")
    return np.concatenate(parts) if parts else np.zeros((0, 0), dtype=np.float32)


def _checked(vectors: Any, number: int, name: str) -> NDArray[np.float32]:
    matrix = np.asarray(vectors)
    if matrix.ndim == 4 and matrix.shape[2:] == (1, 1):
        matrix = matrix[:, :, 0, 0]
    if matrix.ndim != 2 or len(matrix) != number or matrix.dtype.kind not in "fiu":
        raise EncoderError.of_shape(name, f"{matrix.dtype} of shape {matrix.shape} for {number} images")
    return matrix.astype(np.float32, copy=False)
