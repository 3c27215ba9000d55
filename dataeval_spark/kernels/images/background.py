"""Statistics of the pixels that no box covers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.images.geometry import TOLERANCE, Box, window_of
from dataeval_spark.kernels.images.pixel_statistics import NAMES as PIXEL_NAMES
from dataeval_spark.kernels.images.pixel_statistics import pixel_statistics
from dataeval_spark.kernels.images.value_range import ValueRange
from dataeval_spark.kernels.images.visual_statistics import NAMES as VISUAL_NAMES
from dataeval_spark.kernels.images.visual_statistics import sharpness_of, visual_statistics


def background_statistics(
    pixels: NDArray[Any], encoded: ValueRange | None, boxes: Sequence[Box], *, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """Measure the pixels outside all boxes, all channels together.

    The pixel and visual statistics of the image, over the pixels that no box covers; sharpness over those whose eight
    neighbors are background too (or lie beyond the image's border). Source: DataEval 1.1.4, per_background.

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
            covered[window.top : window.bottom, window.left : window.right] = True
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
