"""MAITE data, to the rows of a sample and back: images as channel-first arrays, targets as scores or as boxes.

Protocols: https://github.com/mit-ll-ai-technology/maite (image_classification, object_detection). They are structural:
nothing of that package is needed here. Arrays are whatever numpy can view, tensors on a CPU among them.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.kernels.formats.annotations import Corners, Row, box_findings, finding, numbers, target_row

# Grey, grey with alpha, colour, colour with alpha.
CHANNELS = (1, 2, 3, 4)


def png_of(image: Any) -> bytes:
    """A PNG file of a MAITE image.

    Parameters
    ----------
    image : array-like
        Array (channels, height, width) with 1 (grey), 2 (with alpha), 3 or 4 channels, or (height, width). Whole
        numbers in [0, 255] and booleans (0 and 255) are kept as they are, one channel of whole numbers up to 65535 in
        16 bits; floating-point numbers must lie in [0, 1] and are rounded to 255ths, an error of at most 1/510.

    Raises
    ------
    ValueError
        The image has another shape, or values beyond these ranges.

    Examples
    --------
    >>> len(png_of(np.zeros((3, 4, 5), np.uint8))) > 0
    True
    """
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = pixels[np.newaxis]
    if pixels.ndim != 3 or pixels.shape[0] not in CHANNELS or 0 in pixels.shape:
        raise ValueError(
            f"an image of shape {np.shape(image)}; expected (channels, height, width) with 1 to 4 channels"
        )
    pixels = _whole_numbers(pixels)
    rows = np.ascontiguousarray(pixels.transpose(1, 2, 0))
    picture = Image.fromarray(rows[:, :, 0] if len(pixels) == 1 else rows)
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    return file.getvalue()


def _whole_numbers(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.dtype == np.bool_:
        return pixels.astype(np.uint8) * np.uint8(255)
    if not np.issubdtype(pixels.dtype, np.integer) and not np.issubdtype(pixels.dtype, np.floating):
        raise ValueError(f"values of type {pixels.dtype}; expected numbers")
    low, high = pixels.min(), pixels.max()
    if np.issubdtype(pixels.dtype, np.floating):
        if not (low >= 0 and high <= 1):  # also where one is no number
            raise ValueError(f"floating-point values in [{low}, {high}]; expected [0, 1]")
        return np.rint(pixels * 255).astype(np.uint8)
    if low < 0 or high > (65535 if len(pixels) == 1 else 255):
        raise ValueError(f"whole numbers in [{low}, {high}]; expected [0, 255], or up to 65535 in one channel")
    is_wide = len(pixels) == 1 and (high > 255 or pixels.dtype == np.uint16)
    return pixels.astype(np.uint16 if is_wide else np.uint8)


def target_rows(target: Any, names: Mapping[int, str] | None, size: tuple[int, int]) -> Iterator[Row]:
    """Yield targets and findings of a MAITE target.

    Parameters
    ----------
    target : object or array-like
        For detection, an object with ``boxes`` (N, 4: x0, y0, x1, y1 in pixels), ``labels`` (N,) and ``scores`` (N,) or
        (N, classes); for classification, scores per class, of which the largest is the class, or a class by number.
        Scores of which none is above 0 are no label.
    names : mapping or None
        Class names by number; without them the number is the name.
    size : tuple of int
        Width and height of the image, pixels.

    Yields
    ------
    dict
        As in :mod:`dataeval_spark.kernels.formats.annotations`. Scores other than one-hot ones are in
        ``attributes``: ``score`` of the object, or ``scores`` by class name.
    """
    if hasattr(target, "boxes") and hasattr(target, "labels"):
        yield from _objects(target, names, size)
        return
    values = np.asarray(target)
    if values.ndim > 1 or not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_):
        expected = "scores per class, a class by number, or an object with boxes and labels"
        yield finding("target", "broken_element", "Target has no known form", repr(target), expected, target_index=0)
        return
    if values.ndim == 0:
        yield from _target(0, int(values), None, names, None)
    elif values.size and np.nanmax(np.append(values.astype(float), 0)) > 0:
        scores = values.astype(float)
        is_one_hot = np.count_nonzero(scores) == 1 and scores.max() == 1
        yield from _target(0, int(np.nanargmax(scores)), None, names, None if is_one_hot else scores)


def _objects(target: Any, names: Mapping[int, str] | None, size: tuple[int, int]) -> Iterator[Row]:
    boxes = np.asarray(target.boxes, dtype=float)
    labels = np.asarray(target.labels)
    scores = getattr(target, "scores", None)
    scores = None if scores is None else np.asarray(scores, dtype=float)
    if boxes.size == 0 and labels.size == 0:
        return
    if boxes.shape != (len(labels), 4) or labels.ndim != 1 or (scores is not None and len(scores) != len(labels)):
        shapes = f"boxes {boxes.shape}, labels {labels.shape}, scores {None if scores is None else scores.shape}"
        expected = "boxes (N, 4), labels (N,), scores (N,) or (N, classes)"
        yield finding("target", "broken_element", "Shapes of the target do not agree", shapes, expected)
        return
    for index, (corners, label) in enumerate(zip(boxes.tolist(), labels.tolist(), strict=True)):
        location = f"target[{index}]"
        if numbers(corners) is None:
            expected = "x0, y0, x1, y1 in pixels"
            yield finding(location, "not_numeric_box", "Box is not four numbers", corners, expected, target_index=index)
            continue
        x0, y0, x1, y1 = corners
        yield from box_findings((x0, y0, x1, y1), size, location, value=corners, target_index=index)
        yield from _target(index, int(label), (x0, y0, x1, y1), names, None if scores is None else scores[index])


def _target(
    index: int, label: int, corners: Corners | None, names: Mapping[int, str] | None, scores: Any
) -> Iterator[Row]:
    location = f"target[{index}]"
    name = str(label) if names is None else names.get(label)
    if name is None:
        expected = "a number in index2label"
        yield finding(location, "unknown_class", "No class has this number", label, expected, target_index=index)
    extras: dict[str, Any] = {}
    if scores is not None and np.ndim(scores) == 0:
        extras["score"] = None if scores == 1 else float(scores)
    elif scores is not None:
        extras["scores"] = {(names or {}).get(n, str(n)): value for n, value in enumerate(np.asarray(scores).tolist())}
    yield target_row(index, name, corners, extras, location)
