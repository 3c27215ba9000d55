"""Vector of an image without a model: its 8 x 8 colour thumbnail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.encoders.preprocessing import image_of
from dataeval_spark.kernels.images.value_range import ValueRange

SIDE = 8
DIMENSION = 3 * SIDE * SIDE
DEFINITION = (
    "8x8 RGB thumbnail, Pillow LANCZOS filter, rows then columns then channels, minus its mean, / 255, float32; 2"
)
VERSION = xxhash.xxh3_64_hexdigest(DEFINITION.encode())
"""Version, which changes whenever the definition does: vectors of two versions must not be compared."""


class Thumbnail:
    """Describe an image by the colours of an 8 x 8 grid: 192 numbers in [-1, 1] whose mean is 0.

    ``v = (t - mean(t)) / 255``, t the 8 x 8 RGB thumbnail (Pillow's LANCZOS filter, which found more pairs of one shot
    than mean colours did), row by row, red, green, blue. Centring over the whole vector makes the cosine of two vectors
    the correlation of two thumbnails: a change of exposure alone does not matter. A flat gray image gives zeros.

    This is *not* a semantic embedding: it finds the same layout of colours, not the same thing. Use it for
    near-identical pictures. Bit depths other than 8 are scaled by the value range; where that is unknown, by the
    image's own minimum and maximum.

    Examples
    --------
    >>> encoder = Thumbnail()
    >>> encoder.embed([encoder.prepare(np.full((20, 30, 3), 90, dtype=np.uint8))]).shape
    (1, 192)
    """

    name = "thumbnail"
    version = VERSION
    dimension = DIMENSION
    batch_size = 1024

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[np.uint8]:
        image = image_of(pixels, encoded).convert("RGB")
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS))

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        cells = np.stack(prepared).reshape(len(prepared), DIMENSION).astype(np.float64)
        # Whole numbers: exactly 0 where the picture is flat.
        centred: NDArray[np.float32] = ((cells - cells.mean(axis=1, keepdims=True)) / 255).astype(np.float32)
        return centred
