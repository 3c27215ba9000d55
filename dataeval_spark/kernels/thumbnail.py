"""A vector of an image without a model: its 8 x 8 colour thumbnail."""

from __future__ import annotations

from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.value_range import ValueRange, picture, value_range

SIDE = 8
DIMENSION = 3 * SIDE * SIDE
DEFINITION = "8x8 RGB thumbnail, Pillow BOX filter, rows then columns then channels, minus its mean, / 255, float32; 1"
VERSION = xxhash.xxh3_64_hexdigest(DEFINITION.encode())
"""Changes whenever the definition does: vectors of two versions must not be compared."""


def thumbnail_embedding(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Describe an image by the colours of an 8 x 8 grid: 192 numbers in [-1, 1] whose mean is 0.

    ``v = (t - mean(t)) / 255``, t the 8 x 8 RGB thumbnail (Pillow's BOX filter: each cell is the mean colour of
    the area it covers), row by row, red, green, blue. Centring over the whole vector makes the cosine of two vectors
    the correlation of two thumbnails: a change of exposure alone does not matter. A flat gray image gives zeros.

    This is *not* a semantic embedding: it finds the same layout of colours, not the same thing. Use it to see the
    pipeline run without a model, and for near-identical pictures.

    Parameters
    ----------
    pixels : ndarray
        (height, width, channels). Bit depths other than 8 are scaled by the value range; where that is unknown, by
        the image's own minimum and maximum.

    Examples
    --------
    >>> thumbnail_embedding(np.full((20, 30, 3), 90, dtype=np.uint8)).shape
    (192,)
    """
    encoded = value_range(pixels)
    if encoded is None:
        pixels, encoded = _stretched(pixels), ValueRange(1, 1.0)
    shown = picture(pixels, encoded)
    image = Image.fromarray(shown[:, :, 0] if shown.shape[2] == 1 else shown).convert("RGB")
    cells = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), dtype=np.float64).ravel()
    centred: NDArray[np.float32] = ((cells - cells.mean()) / 255).astype(np.float32)  # whole numbers: exactly 0 if flat
    return centred


def _stretched(pixels: NDArray[Any]) -> NDArray[np.float64]:
    values = np.where(np.isfinite(pixels), pixels, np.nan).astype(np.float64)
    if np.isnan(values).all():
        return np.zeros_like(values)
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.zeros_like(values)
