"""Everything that one decode of an image yields: the rows of the profile's tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.appearance import NAMES as APPEARANCE_NAMES
from dataeval_spark.kernels.appearance import appearance, is_grayscale
from dataeval_spark.kernels.background import background_statistics
from dataeval_spark.kernels.colorfulness import colorfulness
from dataeval_spark.kernels.custom_statistics import CustomStatistic, measure_custom
from dataeval_spark.kernels.decode import MAX_PIXELS, Decoded, UnreadableImage, decode
from dataeval_spark.kernels.exposure_clipping import NAMES as CLIPPING_NAMES
from dataeval_spark.kernels.exposure_clipping import exposure_clipping
from dataeval_spark.kernels.geometry import Box, Window, dimension_statistics, window_of
from dataeval_spark.kernels.hashes import NAMES as HASH_NAMES
from dataeval_spark.kernels.hashes import NOISE_NAMES, content_hash, dataeval_xxhash, file_hash, perceptual_hashes
from dataeval_spark.kernels.noise import noise
from dataeval_spark.kernels.pixel_statistics import NAMES as PIXEL_NAMES
from dataeval_spark.kernels.pixel_statistics import channel_counts, pixel_statistics
from dataeval_spark.kernels.value_range import EIGHT_BIT, ValueRange, luma, perceptual, picture, value_range
from dataeval_spark.kernels.visual_statistics import NAMES as VISUAL_NAMES
from dataeval_spark.kernels.visual_statistics import visual_statistics

_MEASURED = (*PIXEL_NAMES, *VISUAL_NAMES, *APPEARANCE_NAMES, *CLIPPING_NAMES, "colorfulness", "noise")
_NO_HASHES = dict.fromkeys(("file_hash", "content_hash", *HASH_NAMES, *NOISE_NAMES, "dataeval_xxhash"))


@dataclass(frozen=True)
class Measures:
    """What is measured besides the statistics and hashes of every image and box.

    Attributes
    ----------
    max_pixels : int
        Larger images are refused before they are decoded.
    timezone : str
        Zone of capture times that name none.
    channel_groups : mapping of str to sequence of int
        Channels that are also measured together, by a name.
    background : bool
        Measure what no box covers.
    value_range : tuple of float or None
        Lowest and highest value that pixels can have, for images whose own values do not tell.
    compat : str or None
        "dataeval" adds DataEval's own xxhash.
    statistics : tuple of CustomStatistic
        A user's own, of the decoded pixels.
    keep_pixels : bool
        Give the pixels of the image and of its boxes back, for an encoder.
    """

    max_pixels: int = MAX_PIXELS
    timezone: str = "UTC"
    channel_groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    background: bool = False
    value_range: tuple[float, float] | None = None
    compat: str | None = None
    statistics: tuple[CustomStatistic, ...] = ()
    keep_pixels: bool = False


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
    groups : list of dict
        Columns of `channel_group_stats` from group_name.
    custom, custom_errors : dict
        Values of a user's own statistics by column, and errors of those that failed.
    pixels : ndarray or None
        (height, width, channels), where they are kept; None for an invalid box.
    encoded : ValueRange or None
        Value range of the whole image.
    """

    stats: dict[str, Any]
    channels: list[dict[str, Any]]
    hashes: dict[str, Any]
    groups: list[dict[str, Any]] = field(default_factory=list)
    custom: dict[str, float | None] = field(default_factory=dict)
    custom_errors: dict[str, str] = field(default_factory=dict)
    pixels: NDArray[Any] | None = None
    encoded: ValueRange | None = None


@dataclass(frozen=True)
class ImageProfile:
    """The profile of an image, of its boxes in the order they were given, and of its background where it is asked."""

    image: TargetProfile
    boxes: tuple[TargetProfile, ...]
    background: dict[str, Any] | None = None


def profile_image(data: bytes, boxes: Sequence[Box] = (), measures: Measures | None = None) -> ImageProfile:
    """Decode an image once and measure it and each box in it.

    Values are plain Python numbers, strings and lists, histograms arrays; what cannot be measured (NaN, infinity) is
    None. Of an invalid box (empty, inverted, outside) only geometry, file columns, ``invalid_box`` and ``missing`` = 1
    are given. Value range and bit depth are those of the whole image.

    Parameters
    ----------
    data : bytes
        The whole file.
    boxes : sequence of (left, top, right, bottom)
        In pixels of the upright image.
    measures : Measures, optional
        Limits, and what else to measure.

    Raises
    ------
    UnreadableImage
        When the image cannot be decoded, or (stage "statistics") measured. Nothing else is raised.

    Examples
    --------
    >>> profile_image(b"P5 2 1 255 " + bytes([100, 200])).image.stats["mean"]
    150.0
    """
    asked = Measures() if measures is None else measures
    decoded = decode(data, max_pixels=asked.max_pixels, zone=ZoneInfo(asked.timezone))
    try:
        encoded = _range(decoded.pixels, asked)
        whole = _profile(decoded, encoded, None, asked)
        whole.hashes["file_hash"] = file_hash(data)
        targets = tuple(_profile(decoded, encoded, box, asked) for box in boxes)
        background = _nulled(background_statistics(decoded.pixels, encoded, boxes)) if asked.background else None
        return ImageProfile(whole, targets, background)
    except Exception as error:
        raise UnreadableImage.of("statistics", error) from error


def _profile(decoded: Decoded, encoded: ValueRange | None, box: Box | None, asked: Measures) -> TargetProfile:
    height, width, channels = decoded.pixels.shape
    geometry = dimension_statistics(height, width, box)
    stats: dict[str, Any] = {
        **(geometry if box is None else _nulled(geometry)),
        "channels": channels,
        "bit_depth": None if encoded is None else encoded.bit_depth,
        **dict.fromkeys(_MEASURED),
        "format": decoded.format,
        "color_mode": decoded.color_mode,
        "orientation": decoded.orientation,
        "frames": decoded.frames,
        "pixel_type": str(decoded.pixels.dtype),
        "conversion": decoded.conversion,
        "decoder": decoded.decoder,
        **decoded.facts.columns(),
    }
    window = Window(0, 0, width, height) if box is None else window_of(box, height, width)
    if window is None:
        stats["missing"] = 1.0
        return TargetProfile(stats, [], dict(_NO_HASHES))
    pixels = decoded.pixels[window.top : window.bottom, window.left : window.right]
    if pixels.dtype == np.uint8 and channels in (1, 3) and encoded == EIGHT_BIT:
        from dataeval_spark.kernels import eight_bit  # numba takes a moment to load: only where images are measured

        measured, channel_rows, perceived = eight_bit.measure(decoded.pixels, window)
    else:
        measured, channel_rows = measure_plainly(pixels, encoded, window)
        perceived = perceptual_hashes(pixels, encoded, window=window)
    stats.update(measured)
    hashes: dict[str, Any] = _NO_HASHES | {"content_hash": content_hash(pixels)} | perceived
    if asked.compat == "dataeval":
        hashes["dataeval_xxhash"] = dataeval_xxhash(pixels) or None
    groups = [_group(decoded, window, name, indices, asked) for name, indices in asked.channel_groups.items()]
    custom, errors = measure_custom(asked.statistics, pixels)
    kept = pixels if asked.keep_pixels else None
    return TargetProfile(stats, channel_rows, hashes, groups, custom, errors, kept, encoded)


def _range(pixels: NDArray[Any], asked: Measures) -> ValueRange | None:
    if asked.value_range is None:
        return value_range(pixels, as_dataeval=asked.compat == "dataeval")
    low, high = asked.value_range
    return ValueRange(None, high, low)


def _group(decoded: Decoded, window: Window, name: str, indices: Sequence[int], asked: Measures) -> dict[str, Any]:
    row: dict[str, Any] = {"group_name": name, **dict.fromkeys((*PIXEL_NAMES, *VISUAL_NAMES))}
    if max(indices) >= decoded.pixels.shape[2]:
        return row  # this image has no such channel
    pixels = decoded.pixels[:, :, list(indices)]
    encoded = _range(pixels, asked)
    part = pixels[window.top : window.bottom, window.left : window.right]
    found = pixel_statistics(part, encoded, outside=window.outside).whole
    return row | _nulled(found) | _nulled(visual_statistics(part, encoded, window=window).whole)


def measure_plainly(
    pixels: NDArray[Any], encoded: ValueRange | None, window: Window
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Columns of the whole and rows of channels, for pixels of any type and number of channels."""
    counts = channel_counts(pixels) if pixels.dtype == np.uint8 else None
    values = pixel_statistics(pixels, encoded, outside=window.outside, counts=counts)
    visual = visual_statistics(pixels, encoded, window=window, counts=counts)
    measured = _nulled(values.whole) | _nulled(visual.whole)
    if encoded is not None:
        shown = picture(pixels, encoded)
        measured |= _nulled(
            appearance(shown, counts=counts if shown is pixels else None)
            | exposure_clipping(pixels, encoded)
            | {"colorfulness": colorfulness(shown), "noise": noise(luma(perceptual(pixels, encoded)))}
        )
    measured["is_grayscale"] = is_grayscale(pixels)  # needs no value range
    channels = [
        {
            "channel": index,
            **_nulled(values.channels[index]),
            **_nulled(visual.channels[index]),
            "histogram": None if values.histograms is None else values.histograms[index],
        }
        for index in range(pixels.shape[2])
    ]
    return measured, channels


def _nulled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if _is_measured(value) else None for name, value in values.items()}


def _is_measured(value: float | list[float]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, list) else math.isfinite(value)
