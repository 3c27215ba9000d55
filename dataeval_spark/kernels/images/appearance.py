"""Raw numbers behind cleanvision's findings (dark, light, low information, blurry, grayscale), and colorfulness.

Source of the former: cleanvision 0.3, image_property.py; the same values for 8-bit gray and RGB images. Measured on the
upright image, where cleanvision takes the file's own orientation (which only moves the 64-pixel resize by rounding).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from dataeval_spark.kernels.images.pixel_statistics import channel_counts

_RED, _GREEN, _BLUE = 0.241, 0.691, 0.068
_BLUR_SIDE = 64
NAMES = (
    "perceived_brightness",
    "perceived_brightness_p5",
    "perceived_brightness_p99",
    "entropy_bits",
    "blurriness",
    "blurriness_grayscale_std",
    "is_grayscale",
)

Appearance = dict[str, float | bool]


def appearance(picture: NDArray[np.uint8], *, counts: NDArray[np.int64] | None = None) -> Appearance:
    """Measure how an 8-bit picture looks.

    - ``perceived_brightness = sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255`` of the mean colour, in [0, 1]; gray
      pictures have R = G = B
    - ``perceived_brightness_p5``, ``_p99``: exact percentiles of the same formula over the pixels (gray: value / 255)
    - ``entropy_bits = -sum p log2 p`` over the histograms of the channels put side by side, in bits,
      in [0, 8 + log2(channels)]
    - ``blurriness`` = standard deviation of Pillow's FIND_EDGES on the gray picture of at most 64 pixels a side;
      *low* means blurry
    - ``blurriness_grayscale_std`` = standard deviation of that gray picture's 256 histogram counts
    - ``is_grayscale``: one channel, or all channels equal in every pixel (cleanvision asks the file's mode only)

    Parameters
    ----------
    picture : ndarray of uint8
        Pixels (height, width, 1 or 3).
    counts : ndarray, optional
        `channel_counts(picture)`, where the caller has it already.

    Examples
    --------
    >>> appearance(np.zeros((4, 4, 3), dtype=np.uint8))["perceived_brightness"]
    0.0
    """
    counts = channel_counts(picture) if counts is None else counts
    p5, p99 = brightness_percentiles(picture, (5.0, 99.0))
    means = (counts @ np.arange(256.0)) / counts[0].sum()
    red, green, blue = means if len(means) == 3 else (means[0],) * 3
    blurriness, gray_std = _blurriness(picture)
    return {
        "perceived_brightness": perceived_brightness(red, green, blue),
        "perceived_brightness_p5": p5,
        "perceived_brightness_p99": p99,
        "entropy_bits": _entropy_bits(counts),
        "blurriness": blurriness,
        "blurriness_grayscale_std": gray_std,
        "is_grayscale": is_grayscale(picture),
    }


def perceived_brightness(red: float, green: float, blue: float) -> float:
    """``sqrt(0.241 R^2 + 0.691 G^2 + 0.068 B^2) / 255`` of one colour, in [0, 1].

    Examples
    --------
    >>> perceived_brightness(0.0, 0.0, 0.0)
    0.0
    """
    return math.sqrt(_RED * red * red + _GREEN * green * green + _BLUE * blue * blue) / 255


def brightness_percentiles(picture: NDArray[np.uint8], percentiles: tuple[float, ...]) -> list[float]:
    """Exact percentiles of the pixels' perceived brightness, linearly interpolated, in [0, 1].

    Colours are ranked by the integer 241 R^2 + 691 G^2 + 68 B^2, which orders them as the brightness does, so that
    the root is taken of a few values only.

    Examples
    --------
    >>> brightness_percentiles(np.array([[[0], [255]]], dtype=np.uint8), (50.0,))
    [0.5]
    """
    n = picture.shape[0] * picture.shape[1]
    positions = [percentile / 100 * (n - 1) for percentile in percentiles]
    ranks = sorted({rank for position in positions for rank in (math.floor(position), math.ceil(position))})
    if picture.shape[2] == 1:
        ranked = np.partition(picture.ravel(), ranks)
        brightness = {rank: int(ranked[rank]) / 255 for rank in ranks}
    else:
        squares = np.square(picture, dtype=np.int32)
        ranked = np.partition((squares @ np.array([241, 691, 68], dtype=np.int32)).ravel(), ranks)
        brightness = {rank: math.sqrt(int(ranked[rank]) / 1000) / 255 for rank in ranks}
    below = [brightness[math.floor(position)] for position in positions]
    above = [brightness[math.ceil(position)] for position in positions]
    return [
        low + (high - low) * (position - math.floor(position))
        for position, low, high in zip(positions, below, above, strict=True)
    ]


def colorfulness(picture: NDArray[np.uint8]) -> float:
    """Colorfulness of Hasler and Süsstrunk: 0 for gray, about 15 slightly, 45 averagely, 109 extremely colourful.

    ``M = sqrt(var(rg) + var(yb)) + 0.3 sqrt(mean(rg)^2 + mean(yb)^2)`` with the opponent colours ``rg = R - G`` and
    ``yb = (R + G) / 2 - B`` of every pixel. Source: Hasler and Süsstrunk 2003, "Measuring colourfulness in natural
    images", equation 9.

    Parameters
    ----------
    picture : ndarray of uint8
        Pixels (height, width, 1 or 3).

    Examples
    --------
    >>> colorfulness(np.full((2, 2, 3), 90, dtype=np.uint8))
    0.0
    """
    if picture.shape[2] == 1:
        return 0.0
    red, green, blue = (picture[:, :, c].astype(np.int64) for c in range(3))
    red_green, twice_yellow_blue = red - green, red + green - 2 * blue
    sums = [int(s) for plane in (red_green, twice_yellow_blue) for s in (plane.sum(), (plane * plane).sum())]
    return colorfulness_of_sums(picture.shape[0] * picture.shape[1], *sums)


def colorfulness_of_sums(n: int, rg: int, rg_squares: int, twice_yb: int, twice_yb_squares: int) -> float:
    """Colorfulness from the sums over n pixels of rg, rg^2, 2 yb and (2 yb)^2, which are whole numbers.

    Examples
    --------
    >>> colorfulness_of_sums(1, 0, 0, 0, 0)
    0.0
    """
    # Whole numbers of any size: a flat colour has variance 0 exactly.
    rg_variance = (n * rg_squares - rg * rg) / (n * n)
    yb_variance = (n * twice_yb_squares - twice_yb * twice_yb) / (4 * n * n)
    return math.sqrt(rg_variance + yb_variance) + 0.3 * math.hypot(rg / n, twice_yb / (2 * n))


def _entropy_bits(counts: NDArray[np.int64]) -> float:
    share = counts[counts > 0] / counts.sum()
    return float(-(share * np.log2(share)).sum()) + 0.0


def is_grayscale(picture: NDArray[Any]) -> bool:
    """Whether an image of any type has one channel, or equal channels in every pixel.

    Examples
    --------
    >>> is_grayscale(np.array([[[9, 9, 9], [7, 7, 8]]]))
    False
    """
    if picture.shape[2] == 1:
        return True
    first, has_holes = picture[:, :, 0], picture.dtype.kind == "f"
    return all(np.array_equal(first, picture[:, :, c], equal_nan=has_holes) for c in range(1, picture.shape[2]))


def blur_size(height: int, width: int) -> tuple[int, int]:
    """Height and width at which blurriness is measured: the longer side is at most 64.

    Examples
    --------
    >>> blur_size(375, 500)
    (48, 64)
    """
    ratio = max(height, width) / _BLUR_SIDE
    return (max(int(height // ratio), 1), max(int(width // ratio), 1)) if ratio > 1 else (height, width)


def _blurriness(picture: NDArray[np.uint8]) -> tuple[float, float]:
    image = Image.fromarray(picture[:, :, 0] if picture.shape[2] == 1 else picture)
    height, width = blur_size(*picture.shape[:2])
    gray = image.resize((width, height)).convert("L")  # a copy where the size stays
    edges = np.asarray(gray.filter(ImageFilter.FIND_EDGES))
    return float(edges.std(dtype=np.float64)), float(np.std(gray.histogram()))
