"""Interface of encoders: pixels of one image in, prepared on the CPU; vectors of many out, from one device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from numpy.typing import NDArray

from dataeval_spark.kernels.images.value_range import ValueRange


class Encoder(Protocol):
    """A model, or a fixed definition, that turns images into vectors.

    Preparing and embedding are apart so that images can be prepared while the device works.

    Attributes
    ----------
    name : str
        Name in the configuration, for example "thumbnail" or "torchscript:/models/encoder.pt".
    version : str
        Hash of weights and preprocessing, 16 hexadecimal digits: vectors of two versions must not be compared.
    dimension : int or None
        Length of the vectors; None until a model has returned some.
    batch_size : int
        Largest number of images for the device at once; smaller after it ran out of memory.
    """

    name: str
    version: str
    dimension: int | None

    @property
    def batch_size(self) -> int: ...

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[Any]:
        """Bring one decoded image, or the crop of a box, to the form that `embed` takes.

        Parameters
        ----------
        pixels : ndarray
            Pixels (height, width, channels) as `decode` gives them, of any bit depth.
        encoded : ValueRange, optional
            Value range of the whole image, when `pixels` is a crop; by default that of `pixels`.
        """
        ...

    def embed(self, prepared: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """Give the vectors of prepared images, in their order: (number, dimension), float32.

        Any number of images may be given: they are cut into batches that the device takes.
        """
        ...
