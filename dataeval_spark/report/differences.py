"""Where two pictures differ: a gray picture of the differences, the brighter the larger."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

from dataeval_spark.report.data import Thumbnail

# Copies differ by a few levels, which nobody would see; larger differences are as bright as they can be.
GAIN = 4


def difference_of(kept: Thumbnail, other: Thumbnail) -> tuple[str, float] | None:
    """A picture of the differences of two thumbnails, and their mean.

    Returns
    -------
    tuple of (str, float) or None
        A PNG as a data URI in the size of ``other``, four times as bright as the differences are, and the mean absolute
        difference over all channels, 0 to 255. None where a picture is missing.

    Examples
    --------
    >>> difference_of(Thumbnail(None), Thumbnail(None)) is None
    True
    """
    if kept.data is None or other.data is None:
        return None
    with Image.open(BytesIO(kept.data)) as first, Image.open(BytesIO(other.data)) as second:
        size = second.size
        one = np.asarray(first.convert("RGB").resize(size, Image.Resampling.BILINEAR), np.int16)
        two = np.asarray(second.convert("RGB"), np.int16)
    distance = np.abs(one - two)
    bright = np.minimum(distance.max(axis=2) * GAIN, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(bright).save(file, "PNG", optimize=True)
    return f"data:image/png;base64,{b64encode(file.getvalue()).decode()}", float(distance.mean())
