"""Dimension statistics of an image or a box, and the whole pixels that a box covers."""

from __future__ import annotations

import math
from typing import NamedTuple

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the upright image; right and bottom are exclusive."""


TOLERANCE = 0.005
"""Half of COCO's last decimal: six decimals of a side of 6,000 pixels are exact to less, and no corner that is written
in two decimals is this far from a whole pixel."""


class Window(NamedTuple):
    """The visible part of a box in whole pixels, and the distance that it reaches beyond each edge of the image."""

    left: int
    top: int
    right: int
    bottom: int
    beyond_left: int = 0
    beyond_top: int = 0
    beyond_right: int = 0
    beyond_bottom: int = 0

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the image that the window shows."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def padding(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Rows above and below, and columns left and right of the image that the box covers."""
        return (self.beyond_top, self.beyond_bottom), (self.beyond_left, self.beyond_right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the box, with its part outside the image."""
        height = self.beyond_top + self.bottom - self.top + self.beyond_bottom
        return height, self.beyond_left + self.right - self.left + self.beyond_right

    @property
    def visible(self) -> int:
        """Number of pixels of the box inside the image."""
        return (self.right - self.left) * (self.bottom - self.top)

    @property
    def outside(self) -> int:
        """Number of pixels of the box outside the image, which count as missing."""
        return self.size[0] * self.size[1] - self.visible


def window_of(box: Box, height: int, width: int, *, tolerance: float = TOLERANCE) -> Window | None:
    """Round a box outwards to whole pixels and clip it to the image.

    Left and top are rounded down, right and bottom up, so that every pixel that the box touches is measured, but for
    those of which it covers no more than the tolerance: 99.9996 begins at pixel 100. The same box written in pixels
    (COCO) and in six decimals of the image's size (YOLO) has one window then.

    Parameters
    ----------
    box : tuple of float
        Box: left, top, right, bottom in pixels.
    height, width : int
        Size of the upright image.
    tolerance : float
        Pixels by which an edge may miss a whole pixel; 0 is DataEval's window.

    Returns
    -------
    Window or None
        None when the box is invalid (`is_invalid`).

    Examples
    --------
    >>> window_of((-1.5, 0, 3.2, 2), height=10, width=10)
    Window(left=0, top=0, right=4, bottom=2, beyond_left=2, beyond_top=0, beyond_right=0, beyond_bottom=0)
    """
    if is_invalid(box, height, width):
        return None
    x0, x1 = _whole(box[0], box[2], width, tolerance)
    y0, y1 = _whole(box[1], box[3], height, tolerance)
    left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
    return Window(left, top, right, bottom, left - x0, top - y0, x1 - right, y1 - bottom)


def _whole(low: float, high: float, size: int, tolerance: float) -> tuple[int, int]:
    first, last = math.floor(low + tolerance), math.ceil(high - tolerance)
    if max(first, 0) < min(last, size):
        return first, last
    return math.floor(low), math.ceil(high)  # a sliver: some pixel is what it covers


def is_invalid(box: Box, height: int, width: int) -> bool:
    """Whether a box is empty, inverted, not finite, or wholly outside the image.

    Examples
    --------
    >>> is_invalid((4, 4, 4, 9), height=16, width=16)
    True
    """
    x0, y0, x1, y1 = box
    if not all(map(math.isfinite, box)):
        return True
    return not (x0 < x1 and y0 < y1 and x1 > 0 and y1 > 0 and x0 < width and y0 < height)


def dimension_statistics(height: int, width: int, box: Box | None = None) -> dict[str, float | bool]:
    """Position, size and shape of a box, or of the whole image.

    With a box from (x0, y0) to (x1, y1), *not* clipped, in an image of W x H pixels:

    - ``offset_x, offset_y = x0, y0``; ``width, height = x1 - x0, y1 - y0``; ``size = width * height``
    - ``aspect_ratio = s * (1 - shorter / longer)``, s = -1 when tall and 1 otherwise, in [-1, 1)
    - ``center_x, center_y`` = middle of the box
    - ``distance_center`` = Euclidean distance from there to (W / 2, H / 2)
    - ``distance_edge = min(|x0|, |y0|, |x1 - W|, |y1 - H|)``: positive outside the image as well
    - ``invalid_box`` as `is_invalid`; False for the whole image

    Everything is in pixels but the ratio. The ratio is NaN when both sides are 0 or one is negative, and the size
    when one is negative. DataEval swaps the corners of an inverted box and calls it valid; here its negative
    width or height shows, and the box is invalid. Source: DataEval 1.1.4, dimension statistics.

    Parameters
    ----------
    height, width : int
        Size of the upright image.
    box : tuple of float, optional
        Box: left, top, right, bottom; the whole image by default.

    Examples
    --------
    >>> dimension_statistics(120, 160)["aspect_ratio"]
    0.25
    """
    x0, y0, x1, y1 = (0.0, 0.0, float(width), float(height)) if box is None else map(float, box)
    box_width, box_height = x1 - x0, y1 - y0
    inverted = box_width < 0 or box_height < 0
    center_x, center_y = (x0 + x1) / 2, (y0 + y1) / 2
    return {
        "offset_x": x0,
        "offset_y": y0,
        "width": box_width,
        "height": box_height,
        "size": math.nan if inverted else box_width * box_height,
        "aspect_ratio": math.nan if inverted else _aspect_ratio(box_width, box_height),
        "center_x": center_x,
        "center_y": center_y,
        "distance_center": math.hypot(center_x - width / 2, center_y - height / 2),
        "distance_edge": min(abs(x0), abs(y0), abs(x1 - width), abs(y1 - height)),
        "invalid_box": box is not None and is_invalid(box, height, width),
    }


def _aspect_ratio(width: float, height: float) -> float:
    longer = max(width, height)
    if longer == 0:
        return math.nan
    return (-1 if height > width else 1) * (1 - min(width, height) / longer)
