"""Everything that one decode of an image yields: the rows of four tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.appearance import NAMES as APPEARANCE_NAMES
from dataeval_spark.kernels.appearance import appearance, is_grayscale
from dataeval_spark.kernels.decode import MAX_PIXELS, Decoded, UnreadableImage, decode
from dataeval_spark.kernels.geometry import Box, Window, dimension_statistics, window_of
from dataeval_spark.kernels.hashes import NAMES as HASH_NAMES
from dataeval_spark.kernels.hashes import content_hash, file_hash, perceptual_hashes
from dataeval_spark.kernels.pixel_statistics import NAMES as PIXEL_NAMES
from dataeval_spark.kernels.pixel_statistics import channel_counts, pixel_statistics
from dataeval_spark.kernels.value_range import EIGHT_BIT, ValueRange, picture, value_range
from dataeval_spark.kernels.visual_statistics import NAMES as VISUAL_NAMES
from dataeval_spark.kernels.visual_statistics import visual_statistics

Embed = Callable[[NDArray[Any]], NDArray[np.float32]]


@dataclass(frozen=True)
class TargetProfile:
    """The measured columns of one image or box.

    Attributes
    ----------
    stats : dict
        Columns of `image_stats` between target_index and fingerprint.
    channels : list of dict
        Columns of `channel_stats` from channel to histogram; empty for an invalid box.
    hashes : dict
        Columns of `hashes`; file_hash is None for a box.
    embedding : ndarray of float32 or None
        Of the whole image, when an encoder is given.
    """

    stats: dict[str, Any]
    channels: list[dict[str, Any]]
    hashes: dict[str, str | None]
    embedding: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class ImageProfile:
    """The profile of an image and of its boxes, in the order they were given."""

    image: TargetProfile
    boxes: tuple[TargetProfile, ...]


def profile_image(
    data: bytes, boxes: Sequence[Box] = (), *, max_pixels: int = MAX_PIXELS, embed: Embed | None = None
) -> ImageProfile:
    """Decode an image once and measure it and each box in it.

    Values are plain Python numbers, strings and lists; what cannot be measured (NaN, infinity) is None. Of an invalid
    box (empty, inverted, outside) only geometry, file columns, ``invalid_box`` and ``missing`` = 1 are given.
    Value range and bit depth are those of the whole image.

    Parameters
    ----------
    data : bytes
        The whole file.
    boxes : sequence of (left, top, right, bottom)
        In pixels of the upright image.
    max_pixels : int
        Larger images are refused before they are decoded.
    embed : callable, optional
        Encoder of the decoded pixels, for example `thumbnail_embedding`.

    Raises
    ------
    UnreadableImage
        When the image cannot be decoded, or (stage "statistics") measured. Nothing else is raised.

    Examples
    --------
    >>> profile_image(b"P5 2 1 255 " + bytes([100, 200])).image.stats["mean"]
    150.0
    """
    decoded = decode(data, max_pixels=max_pixels)
    try:
        encoded = value_range(decoded.pixels)
        whole = _profile(decoded, encoded, None)
        whole.hashes["file_hash"] = file_hash(data)
        embedding = None if embed is None else np.asarray(embed(decoded.pixels), dtype=np.float32)
        image = TargetProfile(whole.stats, whole.channels, whole.hashes, embedding)
        return ImageProfile(image, tuple(_profile(decoded, encoded, box) for box in boxes))
    except Exception as error:
        raise UnreadableImage.of("statistics", error) from error


def _profile(decoded: Decoded, encoded: ValueRange | None, box: Box | None) -> TargetProfile:
    height, width, channels = decoded.pixels.shape
    geometry = dimension_statistics(height, width, box)
    stats: dict[str, Any] = {
        **(geometry if box is None else _nulled(geometry)),
        "channels": channels,
        "bit_depth": None if encoded is None else encoded.bit_depth,
        **dict.fromkeys((*PIXEL_NAMES, *VISUAL_NAMES, *APPEARANCE_NAMES)),
        "format": decoded.format,
        "color_mode": decoded.color_mode,
        "orientation": decoded.orientation,
        "frames": decoded.frames,
    }
    window = Window(0, 0, width, height) if box is None else window_of(box, height, width)
    if window is None:
        stats["missing"] = 1.0
        return TargetProfile(stats, [], dict.fromkeys(("file_hash", "content_hash", *HASH_NAMES)))
    pixels = decoded.pixels[window.top : window.bottom, window.left : window.right]
    if pixels.dtype == np.uint8 and channels in (1, 3) and encoded == EIGHT_BIT:
        from dataeval_spark.kernels import eight_bit  # numba takes a moment to load: only where images are measured

        measured, channel_rows, perceptual = eight_bit.measure(decoded.pixels, window)
    else:
        measured, channel_rows = measure_plainly(pixels, encoded, window)
        perceptual = perceptual_hashes(pixels, encoded, window=window)
    stats.update(measured)
    hashes: dict[str, str | None] = {"file_hash": None, "content_hash": content_hash(pixels)}
    return TargetProfile(stats, channel_rows, hashes | perceptual)


def measure_plainly(
    pixels: NDArray[Any], encoded: ValueRange | None, window: Window
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    counts = channel_counts(pixels) if pixels.dtype == np.uint8 else None
    values = pixel_statistics(pixels, encoded, outside=window.outside, counts=counts)
    visual = visual_statistics(pixels, encoded, window=window, counts=counts)
    measured = _nulled(values.whole) | _nulled(visual.whole)
    if encoded is not None:
        shown = picture(pixels, encoded)
        measured |= _nulled(appearance(shown, counts=counts if shown is pixels else None))
    measured["is_grayscale"] = is_grayscale(pixels)  # needs no value range
    channels = [
        {
            "channel": index,
            **_nulled(values.channels[index]),
            **_nulled(visual.channels[index]),
            "histogram": None if values.histograms is None else values.histograms[index].tolist(),
        }
        for index in range(pixels.shape[2])
    ]
    return measured, channels


def _nulled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if _is_measured(value) else None for name, value in values.items()}


def _is_measured(value: float | list[float]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, list) else math.isfinite(value)
