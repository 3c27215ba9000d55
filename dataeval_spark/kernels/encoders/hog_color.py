"""Vector of an image without a model: histograms of oriented gradients, and the colours of an 8 x 8 grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.encoders.preprocessing import image_of
from dataeval_spark.kernels.images.value_range import ValueRange

SIDE = 32
CELLS = 8
BINS = 9
LARGEST_SHARE = 0.1
COLOR_WEIGHT = 0.5
GRADIENTS, COLORS = CELLS * CELLS * BINS, CELLS * CELLS * 3
DEFINITION = (
    "32x32 RGB, Pillow BILINEAR; luma .299 .587 .114; central differences, edges repeated; 9 unsigned orientations, "
    "linear between two; 8x8 cells; unit length, clipped at .1, unit length; 8x8 mean colors, minus their mean, "
    "length .5; together divided by sqrt(1.25); float32; 1"
)
VERSION = xxhash.xxh3_64_hexdigest(DEFINITION.encode())
"""Version, which changes whenever the definition does: vectors of two versions must not be compared."""

_CHUNK = 256  # images whose intermediate arrays stay in the cache


class HogColor:
    """Describe an image by its edges and its colours: 768 numbers, of length 1 in all.

    The image is resized to 32 x 32 (Pillow's BILINEAR). Two parts follow one another:

    - 576 numbers: the gradients of the luma, summed by cell (8 x 8 cells of 4 x 4 pixels, rows first) and orientation
      (9 bins of 20 degrees without sign; a gradient is shared linearly between two), weighted by their magnitude;
      scaled to length 1, clipped at 0.1, scaled again, so that a few strong edges do not decide alone.
    - 192 numbers: mean red, green and blue of the same cells, minus the mean of all of them; half as long.

    Both are divided by sqrt(1.25). A part is zero where there is nothing to describe (a flat gray image has the
    zero vector). A change of exposure or contrast alone hardly matters.

    This is *not* a semantic embedding: it finds the same shapes and colours in the same places. In exchange it needs
    no download, no training and no GPU. What it finds, and why these parts, is measured in docs/encoders.md.

    References
    ----------
    Dalal and Triggs 2005, Histograms of oriented gradients for human detection; the clipping is that of Lowe 2004,
    Distinctive image features from scale-invariant keypoints. Without their blocks: the whole image is one.

    Examples
    --------
    >>> encoder = HogColor()
    >>> encoder.embed([encoder.prepare(np.eye(40, dtype=np.uint8)[:, :, np.newaxis] * 255)]).shape
    (1, 768)
    """

    name = "hog_color"
    version = VERSION
    dimension = GRADIENTS + COLORS
    batch_size = 1024

    def prepare(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[np.uint8]:
        image = image_of(pixels, encoded).convert("RGB")
        return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR))

    def embed(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        vectors = np.empty((len(prepared), self.dimension), dtype=np.float32)
        for start in range(0, len(prepared), _CHUNK):
            images = np.stack(prepared[start : start + _CHUNK]).astype(np.int32)
            part = vectors[start : start + len(images)]
            part[:, :GRADIENTS] = _clipped(_gradients(_luma(images)))
            part[:, GRADIENTS:] = COLOR_WEIGHT * _unit(_colors(images))
        return vectors / np.float32(np.sqrt(1 + COLOR_WEIGHT**2))


def _luma(images: NDArray[np.int32]) -> NDArray[np.float32]:
    # In thousandths, whole numbers: exact, so that a flat image has no gradient at all.
    weighted = images[..., 0] * 299 + images[..., 1] * 587 + images[..., 2] * 114
    return weighted.astype(np.float32)


def _gradients(luma: NDArray[np.float32]) -> NDArray[np.float64]:
    padded = np.pad(luma, ((0, 0), (1, 1), (1, 1)), mode="edge")
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    magnitude = np.hypot(right, down)
    position = np.mod(np.arctan2(down, right), np.float32(np.pi)) * np.float32(BINS / np.pi) - np.float32(0.5)
    lower = np.floor(position)
    upper_share = (position - lower) * magnitude
    lower_bin = lower.astype(np.int64) % BINS
    first_bin = _first_bins(len(luma))
    size = len(luma) * GRADIENTS
    below = np.bincount((first_bin + lower_bin).ravel(), (magnitude - upper_share).ravel(), size)
    above = np.bincount((first_bin + (lower_bin + 1) % BINS).ravel(), upper_share.ravel(), size)
    return np.asarray(below + above, dtype=np.float64).reshape(len(luma), GRADIENTS)


def _first_bins(images: int) -> NDArray[np.int64]:
    """First bin of the cell of each pixel (image, row, column)."""
    cell = np.arange(SIDE) // (SIDE // CELLS)
    offsets = (cell[:, np.newaxis] * CELLS + cell) * BINS
    return np.arange(images)[:, np.newaxis, np.newaxis] * GRADIENTS + offsets


def _colors(images: NDArray[np.int32]) -> NDArray[np.float64]:
    side = SIDE // CELLS
    sums = images.reshape(len(images), CELLS, side, CELLS, side, 3).sum(axis=(2, 4)).reshape(len(images), COLORS)
    return sums.astype(np.float64) - sums.mean(axis=1, dtype=np.float64, keepdims=True)


def _clipped(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return _unit(np.minimum(_unit(vectors), LARGEST_SHARE))


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))[:, np.newaxis]
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
