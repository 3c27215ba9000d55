"""Rows of the profile's tables from one decode of an image."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.appearance import NAMES as APPEARANCE_NAMES
from dataeval_spark.kernels.images.appearance import appearance, colorfulness, is_grayscale
from dataeval_spark.kernels.images.blur import blur
from dataeval_spark.kernels.images.custom_statistics import CustomStatistic, measure_custom
from dataeval_spark.kernels.images.decoding.decode import Decoded, UnreadableImage, decode
from dataeval_spark.kernels.images.decoding.image_modes import is_opaque
from dataeval_spark.kernels.images.geometry import TOLERANCE, Box, Window, dimension_statistics, window_of
from dataeval_spark.kernels.images.hashes import COLUMNS as HASH_COLUMNS
from dataeval_spark.kernels.images.hashes import content_hash, dataeval_xxhash, file_hash, perceptual_hashes
from dataeval_spark.kernels.images.noise import noise, noise_floor
from dataeval_spark.kernels.images.pixel_statistics import NAMES as PIXEL_NAMES
from dataeval_spark.kernels.images.pixel_statistics import channel_counts, pixel_statistics
from dataeval_spark.kernels.images.value_range import (
    CLIPPING_NAMES,
    EIGHT_BIT,
    ValueRange,
    exposure_clipping,
    luma,
    perceptual,
    picture,
    value_range,
)
from dataeval_spark.kernels.images.visual_statistics import NAMES as VISUAL_NAMES
from dataeval_spark.kernels.images.visual_statistics import sharpness_of, visual_statistics
from dataeval_spark.options import MAX_PIXELS

_MEASURED = (
    *PIXEL_NAMES,
    *VISUAL_NAMES,
    *APPEARANCE_NAMES,
    *CLIPPING_NAMES,
    "colorfulness",
    "noise",
    "noise_floor",
    "blur",
)
_NO_HASHES = dict.fromkeys(("file_hash", "content_hash", "content_scope", *HASH_COLUMNS, "dataeval_xxhash"))
_LARGEST_PADDED = 2**26  # pixels of a box with its padding that are hashed as DataEval does
_TURNED = (5, 6, 7, 8)  # orientations that exchange width and height


@dataclass(frozen=True)
class Measures:
    """Measurements besides the statistics and hashes of every image and box, and limits.

    Attributes
    ----------
    max_pixels, timezone, channel_groups, background, value_range, statistics
        Options of these names as `measures_of` reads them; see `ProfileOptions`.
    frame_pixels : int
        Largest number of pixels of all frames together for which later frames are part of the content hash.
    compat : str or None
        "dataeval" adds DataEval's own xxhash, and takes its windows of boxes: without a tolerance, and hashed however
        much of them lies outside the image.
    keep_pixels : bool
        Whether to return the pixels of the image and of its boxes, for an encoder.
    """

    max_pixels: int = MAX_PIXELS
    frame_pixels: int = MAX_PIXELS
    timezone: str = "UTC"
    channel_groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    background: bool = False
    value_range: tuple[float, float] | None = None
    compat: str | None = None
    statistics: tuple[CustomStatistic, ...] = ()
    keep_pixels: bool = False

    @property
    def tolerance(self) -> float:
        """Pixels by which the edges of a box may miss a whole pixel: none in DataEval's windows."""
        return 0.0 if self.compat == "dataeval" else TOLERANCE


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
    """The profile of an image, of its boxes in their order, and of its background where that was measured."""

    image: TargetProfile
    boxes: tuple[TargetProfile, ...]
    background: dict[str, Any] | None = None


def profile_image(data: bytes, boxes: Sequence[Box] = (), measures: Measures | None = None) -> ImageProfile:
    """Decode an image once and measure it and each box in it.

    NaN and infinite values are counted (``non_finite``) and left out of all statistics. Values are plain Python
    numbers, strings and lists, histograms arrays; what cannot be measured is None. Of an invalid box (empty, inverted,
    outside) only geometry, file columns, ``invalid_box`` and ``missing`` = 1
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
    measures = Measures() if measures is None else measures
    zone = ZoneInfo(measures.timezone)
    decoded = decode(data, max_pixels=measures.max_pixels, zone=zone, frame_pixels=measures.frame_pixels)
    try:
        decoded = with_finite_pixels(decoded)
        encoded = _range(decoded.pixels, measures)
        whole = _profile(decoded, encoded, None, measures)
        whole.hashes["file_hash"] = file_hash(data)
        targets = tuple(_profile(decoded, encoded, box, measures) for box in boxes)
        if not measures.background:
            return ImageProfile(whole, targets)
        background = background_statistics(decoded.pixels, encoded, boxes, tolerance=measures.tolerance)
        return ImageProfile(whole, targets, _nulled(background))
    except Exception as error:
        raise UnreadableImage.from_error("statistics", error) from error


def _profile(decoded: Decoded, encoded: ValueRange | None, box: Box | None, measures: Measures) -> TargetProfile:
    height, width, channels = decoded.pixels.shape
    geometry = dimension_statistics(height, width, box)
    stats: dict[str, Any] = {
        **(geometry if box is None else _nulled(geometry)),
        "channels": channels,
        "bit_depth": None if encoded is None else encoded.bit_depth,
        **dict.fromkeys(_MEASURED),
        "non_finite": None,
        "format": decoded.format,
        "color_mode": decoded.color_mode,
        "orientation": decoded.orientation,
        "stored_width": height if decoded.orientation in _TURNED else width,
        "stored_height": width if decoded.orientation in _TURNED else height,
        "frames": decoded.frames,
        "pixel_type": str(decoded.pixels.dtype),
        "conversion": decoded.conversion,
        "decoder": decoded.decoder,
        **asdict(decoded.facts),
    }
    window = Window(0, 0, width, height) if box is None else window_of(box, height, width, tolerance=measures.tolerance)
    if window is None:
        stats["missing"] = 1.0
        return TargetProfile(stats, [], dict(_NO_HASHES))
    pixels = decoded.pixels[window.slices]
    if pixels.dtype == np.uint8 and channels in (1, 3) and encoded == EIGHT_BIT:
        # Numba takes a moment to load: only where images are measured.
        from dataeval_spark.kernels.images.compiled import measure

        measured, channel_rows, perceived = measure.measure(decoded.pixels, window)
    else:
        measured, channel_rows = measure_plainly(pixels, encoded, window)
        perceived = perceptual_hashes(pixels, encoded, window=window)
    stats.update(measured)
    stats["non_finite"] = 0 if pixels.dtype.kind in "biu" else int(np.count_nonzero(~np.isfinite(pixels)))
    hashes: dict[str, Any] = _NO_HASHES | content_hashes(decoded, None if box is None else window) | perceived
    if measures.compat == "dataeval":
        hashes |= _dataeval_hashes(decoded, pixels, encoded, window)
    groups = [_group(decoded, window, name, indices, measures) for name, indices in measures.channel_groups.items()]
    custom, errors = measure_custom(measures.statistics, pixels)
    kept_pixels = pixels if measures.keep_pixels else None
    return TargetProfile(stats, channel_rows, hashes, groups, custom, errors, kept_pixels, encoded)


def _dataeval_hashes(
    decoded: Decoded, pixels: NDArray[Any], encoded: ValueRange | None, window: Window
) -> dict[str, str | None]:
    """DataEval's xxhash, and the perceptual hashes of a box that is nearly all padding, which we would leave out."""
    stored = pixels
    if decoded.content is not None and not decoded.content_kind:  # with infinite values
        stored = decoded.content[window.slices]
    hashes: dict[str, str | None] = {"dataeval_xxhash": None}
    if window.visible + window.outside > _LARGEST_PADDED:
        return hashes
    hashes["dataeval_xxhash"] = dataeval_xxhash(stored, window) or None
    if window.outside:
        hashes |= perceptual_hashes(pixels, encoded, window=window, any_padding=True)
    return hashes


def background_statistics(
    pixels: NDArray[Any], encoded: ValueRange | None, boxes: Sequence[Box], *, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """Measure the pixels outside all boxes, all channels together.

    The pixel and visual statistics of the image, over the pixels that no box covers; sharpness over those whose eight
    neighbours are background too (or lie beyond the image's border). Source: DataEval 1.1.4, per_background.

    Parameters
    ----------
    pixels : ndarray
        Pixels (height, width, channels) of the whole image.
    encoded : ValueRange or None
        Range of the whole image.
    boxes : sequence of (left, top, right, bottom)
        Boxes in pixels; parts beyond the image and invalid boxes cover nothing.
    tolerance : float
        Tolerance of `window_of`.

    Returns
    -------
    dict
        ``share`` of the image that is background, in [0, 1], and the statistics by name; NaN where there is none.

    Examples
    --------
    >>> image = np.array([[[10], [20], [250]]], dtype=np.uint8)
    >>> found = background_statistics(image, ValueRange(8, 255.0), [(2.0, 0.0, 3.0, 1.0)])
    >>> found["mean"], round(found["share"], 3)
    (15.0, 0.667)
    """
    height, width, channels = pixels.shape
    covered = np.zeros((height, width), dtype=bool)
    for box in boxes:
        window = window_of(box, height, width, tolerance=tolerance)
        if window is not None:
            covered[window.slices] = True
    share = 1.0 - float(covered.mean())
    if share == 0:
        return {"share": share, **dict.fromkeys((*PIXEL_NAMES, *VISUAL_NAMES), float("nan"))}
    values = pixels[~covered].reshape(1, -1, channels)
    statistics = pixel_statistics(values, encoded).whole | visual_statistics(values, encoded).whole
    if encoded is not None:
        holes = pixels.astype(np.float64)
        holes[covered] = np.nan
        statistics["sharpness"] = sharpness_of(holes, encoded)[0]
    return {"share": share, **statistics}


def with_finite_pixels(decoded: Decoded) -> Decoded:
    """The image with NaN for infinite values, which all statistics leave out; what is hashed stays as it is."""
    pixels = decoded.pixels
    if pixels.dtype.kind in "biu" or not np.isinf(pixels).any():
        return decoded
    content = pixels if decoded.content is None else decoded.content
    return replace(decoded, pixels=np.where(np.isinf(pixels), pixels.dtype.type(np.nan), pixels), content=content)


def perceptual_hashes_of_file(data: bytes, max_pixels: int = MAX_PIXELS) -> dict[str, str | None]:
    """Perceptual hashes of an image file; raises UnreadableImage."""
    pixels = with_finite_pixels(decode(data, max_pixels=max_pixels)).pixels
    return perceptual_hashes(pixels, value_range(pixels))


def content_hashes(decoded: Decoded, window: Window | None = None) -> dict[str, str | None]:
    """Columns ``content_hash`` and ``content_scope`` of an image, or of the first frame's window."""
    pixels, content, kind = decoded.pixels, decoded.content, decoded.content_kind
    scope = "fewer_bits" if decoded.is_reduced else "all"
    if scope == "all" and (decoded.later is None or (window is not None and decoded.frames > 1)):
        scope = "first_frame"
    content = pixels if content is None else content
    if window is None:
        return {"content_hash": content_hash(content, kind, decoded.later or ()), "content_scope": scope}
    part = content[window.slices]
    if is_opaque(part, kind):
        part, kind = pixels[window.slices], ""
    return {"content_hash": content_hash(part, kind), "content_scope": scope}


def _range(pixels: NDArray[Any], measures: Measures) -> ValueRange | None:
    if measures.value_range is None:
        return value_range(pixels, as_dataeval=measures.compat == "dataeval")
    low, high = measures.value_range
    return ValueRange(None, high, low)


def _group(decoded: Decoded, window: Window, name: str, indices: Sequence[int], measures: Measures) -> dict[str, Any]:
    row: dict[str, Any] = {"group_name": name, **dict.fromkeys((*PIXEL_NAMES, *VISUAL_NAMES))}
    if max(indices) >= decoded.pixels.shape[2]:
        return row  # this image has no such channel
    pixels = decoded.pixels[:, :, list(indices)]
    encoded = _range(pixels, measures)
    part = pixels[window.slices]
    statistics = pixel_statistics(part, encoded, outside=window.outside).whole
    return row | _nulled(statistics) | _nulled(visual_statistics(part, encoded, window=window).whole)


def measure_plainly(
    pixels: NDArray[Any], encoded: ValueRange | None, window: Window
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Columns of the whole and rows of channels, for pixels of any type and number of channels."""
    counts = channel_counts(pixels) if pixels.dtype == np.uint8 else None
    values = pixel_statistics(pixels, encoded, outside=window.outside, counts=counts)
    visual = visual_statistics(pixels, encoded, window=window, counts=counts)
    measured = _nulled(values.whole) | _nulled(visual.whole)
    if encoded is not None and values.whole["missing"] < 1:
        filled = without_holes(pixels)
        rendered, gray = picture(filled, encoded), luma(perceptual(filled, encoded))
        measured |= _nulled(
            appearance(rendered, counts=counts if rendered is pixels else None)
            | exposure_clipping(pixels, encoded)
            | {
                "colorfulness": colorfulness(rendered),
                "noise": noise(gray),
                "noise_floor": noise_floor(gray),
                "blur": blur(gray),
            }
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


def without_holes(pixels: NDArray[Any]) -> NDArray[Any]:
    """Pixels with each channel's median where they are NaN: a hole is neither an edge nor dark.

    Examples
    --------
    >>> without_holes(np.array([[[1.0], [np.nan], [3.0], [9.0]]])).ravel().tolist()
    [1.0, 3.0, 3.0, 9.0]
    """
    holes = np.isnan(pixels) if pixels.dtype.kind == "f" else None
    if holes is None or not holes.any():
        return pixels
    channels = range(pixels.shape[2])
    valid_pixels = [pixels[:, :, c][~holes[:, :, c]] for c in channels]
    medians = np.array([np.median(values) if values.size else 0 for values in valid_pixels], dtype=pixels.dtype)
    return np.where(holes, medians, pixels)


def _nulled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value if _is_measured(value) else None for name, value in values.items()}


def _is_measured(value: float | list[float]) -> bool:
    return all(map(math.isfinite, value)) if isinstance(value, list) else math.isfinite(value)
