"""Boxes as an export may hold them: within the image, and with an area.

Trainers reject a whole file with a box beyond its image, or without area, or learn objects from it that are not there.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

Target = Mapping[str, Any]

LEAST_SIDE = 1e-4
"""Width in pixels below which a box has no area: ten digits of the largest image would lose it."""
COUNTED = 0.01
"""Smallest move of an edge, in pixels, that counts as clipping: less is rounding."""


class Fitted(NamedTuple):
    """Targets with boxes in the image, the number of clipped boxes, and the number of boxes left out."""

    targets: list[Target]
    clipped: int
    left_out: int


def fitted(targets: Iterable[Target], size: tuple[int, int]) -> Fitted:
    """Clip the boxes of an image to it, and leave out those that vanish.

    Parameters
    ----------
    targets : iterable of mappings
        ``box`` is a mapping of x0, y0, x1, y1 (pixels of the upright image), or None for a label without a box.
    size : tuple of int
        Width and height of the upright image, pixels.

    Examples
    --------
    >>> box = {"x0": -5.0, "y0": 0.0, "x1": 50.0, "y1": 25.0}
    >>> fitted([{"box": box}], (40, 30))
    Fitted(targets=[{'box': {'x0': 0.0, 'y0': 0.0, 'x1': 40.0, 'y1': 25.0}}], clipped=1, left_out=0)
    """
    survivors: list[Target] = []
    clipped = left_out = 0
    for target in targets:
        if target["box"] is None:
            survivors.append(target)
            continue
        corners = {key: float(target["box"][key]) for key in ("x0", "y0", "x1", "y1")}
        box = _inside(corners, size)
        if box is None:
            left_out += 1
            continue
        clipped += any(abs(box[key] - corners[key]) >= COUNTED for key in corners)
        survivors.append({**target, "box": box})
    return Fitted(survivors, clipped, left_out)


def _inside(box: Mapping[str, float], size: tuple[int, int]) -> dict[str, float] | None:
    if not all(map(math.isfinite, box.values())):
        return None
    x0, x1 = (min(max(box[key], 0.0), float(size[0])) for key in ("x0", "x1"))
    y0, y1 = (min(max(box[key], 0.0), float(size[1])) for key in ("y0", "y1"))
    has_area = x1 - x0 >= LEAST_SIDE and y1 - y0 >= LEAST_SIDE
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1} if has_area else None


def extent(start: float, end: float, size: float) -> float:
    """Length from ``start`` to ``end``; ``start`` and it do not add up to more than ``size``, whatever is rounded.

    Examples
    --------
    >>> extent(0.25, 0.75, 1.0)
    0.5
    """
    length = end - start
    while start + length > size:
        length = math.nextafter(length, 0.0)
    return length


def sized(box: Mapping[str, float]) -> list[float]:
    """Left, top, width and height of a box, as COCO writes them.

    Examples
    --------
    >>> sized({"x0": 1.0, "y0": 2.0, "x1": 4.0, "y1": 6.0})
    [1.0, 2.0, 3.0, 4.0]
    """
    x0, y0, x1, y1 = (box[key] for key in ("x0", "y0", "x1", "y1"))
    return [x0, y0, extent(x0, x1, x1), extent(y0, y1, y1)]


def clipped_polygon(points: Sequence[float], size: tuple[int, int]) -> list[float] | None:
    """The part of a polygon that is in the image, by Sutherland and Hodgman (1974); None where it has no area.

    Parameters
    ----------
    points : sequence of float
        x and y of each corner, pixels.
    size : tuple of int
        Width and height of the image, pixels.

    Examples
    --------
    >>> clipped_polygon([-2, 0, 2, 0, 2, 4], (8, 8))
    [0.0, 2.0, 0.0, 0.0, 2.0, 0.0, 2.0, 4.0]
    """
    corners = [(float(x), float(y)) for x, y in zip(points[::2], points[1::2], strict=True)]
    for axis, limit, sign in ((0, 0.0, 1), (0, float(size[0]), -1), (1, 0.0, 1), (1, float(size[1]), -1)):
        corners = _beyond(corners, axis, limit, sign)
    # Crossings are rounded.
    inside = [(min(max(x, 0.0), float(size[0])), min(max(y, 0.0), float(size[1]))) for x, y in corners]
    following = [*inside[1:], *inside[:1]]
    area = sum(x * v - u * y for (x, y), (u, v) in zip(inside, following, strict=True)) / 2
    return [value for corner in inside for value in corner] if abs(area) >= LEAST_SIDE**2 else None


def _beyond(corners: Sequence[tuple[float, float]], axis: int, limit: float, sign: int) -> list[tuple[float, float]]:
    """The part of a polygon on one side of a line: above ``limit`` where the sign is 1, else below."""
    polygon: list[tuple[float, float]] = []
    for place, (x, y) in enumerate(corners):
        u, v = corners[place - 1]
        here, before = sign * ((x, y)[axis] - limit) >= 0, sign * ((u, v)[axis] - limit) >= 0
        if here != before:
            share = (limit - (u, v)[axis]) / ((x, y)[axis] - (u, v)[axis])
            polygon.append((limit, v + share * (y - v)) if axis == 0 else (u + share * (x - u), limit))
        if here:
            polygon.append((x, y))
    return polygon
