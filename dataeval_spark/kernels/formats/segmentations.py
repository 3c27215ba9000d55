"""Boxes around segmentations as COCO writes them: polygons, or the runs of a mask.

A mask is a mapping of ``size`` ([height, width]) and ``counts``: lengths of runs of pixels outside and inside in turn,
down the columns; a list of numbers, or text of 5 bits a character, in which a run from the fourth on is written as the
difference from the one before the last. Format: pycocotools, `maskApi.c`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from dataeval_spark.kernels.formats.annotations import numbers

XYWH = tuple[float, float, float, float]
LARGEST_SIDE = 2**20


def segmentation_box(segmentation: Any) -> XYWH | None:
    """Left, top, width and height of the box around a segmentation; None of an empty mask, and of anything else.

    Examples
    --------
    >>> segmentation_box([[1, 2, 5, 2, 5, 9]])
    (1.0, 2.0, 4.0, 7.0)
    >>> segmentation_box({"size": [3, 4], "counts": [4, 2, 1, 2, 3]})
    (1.0, 1.0, 2.0, 2.0)
    """
    return _mask_box(segmentation) if isinstance(segmentation, Mapping) else _polygon_box(segmentation)


def _polygon_box(polygons: Any) -> XYWH | None:
    if not isinstance(polygons, list):
        return None
    parts = polygons if all(isinstance(part, list) for part in polygons) else [polygons]
    points = [numbers(part, len(part)) for part in parts if len(part) >= 6 and len(part) % 2 == 0]
    if not points or any(part is None for part in points):
        return None
    xs = [x for part in points if part for x in part[0::2]]
    ys = [y for part in points if part for y in part[1::2]]
    return min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)


def _mask_box(mask: Mapping[str, Any]) -> XYWH | None:
    size = numbers(mask.get("size"), 2)
    runs = _runs(mask.get("counts"))
    if size is None or runs is None or not all(1 <= side <= LARGEST_SIDE for side in size):
        return None
    height, width = map(int, size)
    if min(runs) < 0 or max(runs) > height * width:
        return None
    ends = np.cumsum(np.asarray(runs, np.int64))
    if ends[-1] != height * width:
        return None
    starts, ends = ends[:-1:2], ends[1::2]
    starts, last = starts[ends > starts], ends[ends > starts] - 1
    if not len(starts):
        return None
    left, right = int(starts.min()) // height, int(last.max()) // height
    # A run that goes on in the next column holds the last pixel of one and the first of the other.
    is_in_one = starts // height == last // height
    top = int((starts % height).min()) if is_in_one.all() else 0
    bottom = int((last % height).max()) if is_in_one.all() else height - 1
    return float(left), float(top), float(right - left + 1), float(bottom - top + 1)


def _runs(counts: Any) -> list[int] | None:
    if isinstance(counts, str):
        return _decompressed(counts)
    lengths = numbers(counts, len(counts)) if isinstance(counts, list) and counts else None
    return (
        None if lengths is None or any(value != int(value) for value in lengths) else [int(value) for value in lengths]
    )


def _decompressed(text: str) -> list[int] | None:
    runs: list[int] = []
    value = shift = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or shift > 50:
            return None
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            if bits & 16:
                value -= 1 << shift
            runs.append(value + runs[-2] if len(runs) > 2 else value)
            value = shift = 0
    return runs if runs and not shift else None
