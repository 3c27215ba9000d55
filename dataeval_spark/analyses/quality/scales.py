"""Scale on which each statistic of images is compared: photographs spread about evenly both ways on it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import Column
from pyspark.sql import functions as F

from dataeval_spark.frames.logarithms import log_of_one_and


@dataclass(frozen=True)
class Scale:
    """A rising transform of a statistic.

    Attributes
    ----------
    forward, backward : callable
        Functions from the statistic to the scale, and back.
    least : float
        Smallest spread on the scale: a smaller difference does not matter, however alike the images are.
    """

    forward: Callable[[Column], Column]
    backward: Callable[[Column], Column]
    least: float


def _plain(least: float = 0.0) -> Scale:
    return Scale(lambda x: x, lambda t: t, least)


def _log(offset: float, least: float) -> Scale:
    """Scale for statistics with a long tail above."""
    return Scale(lambda x: F.log(x + offset), lambda t: F.exp(t) - offset, least)


def _below(limit: float, offset: float, least: float) -> Scale:
    """Scale for statistics that gather below a limit, with a long tail down from it."""
    top = limit + offset
    return Scale(lambda x: -F.log(top - x), lambda t: top - F.exp(-t), least)


def _share(offset: float, least: float) -> Scale:
    """Scale for shares, most of them near 0: the logit, with an offset that both ends can bear."""
    top = 1 + offset
    return Scale(
        lambda x: F.log((x + offset) / (top - x)), lambda t: (top - offset * F.exp(-t)) / (1 + F.exp(-t)), least
    )


# Of a picture 4 wide and 3 high, and of one 3 wide and 4 high, the same: ln(4 / 3). Only long is odd.
_ELONGATION = Scale(lambda x: -log_of_one_and(-F.abs(x)), lambda t: 1 - F.exp(-t), 0.1)

SCALES = {
    "width": _log(0.0, 0.25),
    "height": _log(0.0, 0.25),
    "size": _log(0.0, 0.45),
    "aspect_ratio": _ELONGATION,
    "channels": _log(0.0, 0.05),
    "std": _log(1.0, 0.15),
    "var": _log(1.0, 0.3),
    "skew": Scale(F.asinh, F.sinh, 0.3),
    "kurtosis": _log(3.05, 0.4),
    "entropy": _below(math.log(256), 0.02, 0.1),
    "missing": _share(0.01, 1.0),
    "zeros": _share(0.01, 1.0),
    "clipped_low": _share(0.01, 1.0),
    "clipped_high": _share(0.01, 1.0),
    "contrast": _log(0.1, 0.2),
    "sharpness": _log(1.0, 0.15),
    "colorfulness": _log(20.0, 0.1),
    "noise": _log(0.25, 0.2),
    "noise_floor": _plain(2.2),
    "blur": _plain(0.2),
    "perceived_brightness_p5": _below(1.0, 0.01, 0.2),
    "perceived_brightness_p99": _log(0.01, 0.15),
}
"""Other statistics, a user's own among them, are compared as they are."""

FAMILIES = {"width": "size", "height": "size", "var": "std"}
"""Statistics that measure the same as another one: together they are one reason."""

COMPARED = (
    "size",
    "aspect_ratio",
    "mean",
    "std",
    "skew",
    "kurtosis",
    "entropy",
    "missing",
    "zeros",
    "contrast",
    "sharpness",
    "colorfulness",
    "noise",
    "noise_floor",
    "blur",
    "perceived_brightness_p5",
    "perceived_brightness_p99",
)
"""Statistics compared by default, one of each kind of oddity. Gray pictures have a rule in `image_findings`."""


def scale_of(statistic: str) -> Scale:
    """Scale of a statistic.

    Examples
    --------
    >>> scale_of("custom_contours").least
    0.0
    """
    return SCALES.get(statistic, _plain())


def families(statistics: Sequence[str]) -> int:
    """Number of different things that the statistics measure.

    Examples
    --------
    >>> families(["width", "size", "mean"])
    2
    """
    return len({FAMILIES.get(name, name) for name in statistics})
