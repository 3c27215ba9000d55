"""Parts of a split over time, as intervals: shares with the latest last, expanding and rolling folds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.errors import OptionError

Longs = NDArray[np.int64]
Floats = NDArray[np.float64]
EXCLUDED = "excluded"
# Times are microseconds since 1970; these bounds are before and after all of them.
EARLIEST, LATEST = -(2**62), 2**62


@dataclass(frozen=True)
class Period:
    """Images taken from ``start`` (inclusive) to ``stop`` (exclusive) are in a part of a fold.

    ``rank`` orders the parts of a fold over time; -1 for images that are left out.
    """

    fold: int | None
    split: str
    rank: int
    start: int
    stop: int


class Timeline:
    """Distinct times in order, with the images of each: ``at(i)`` is the time of the i-th image.

    Parameters
    ----------
    times : ndarray of int64, (times,)
        Increasing.
    counts : ndarray of int64, (times,)
        Images of each time.
    """

    def __init__(self, times: Longs, counts: Longs) -> None:
        self._times = times
        self._ends = np.cumsum(counts)
        self.images = int(self._ends[-1]) if times.size else 0

    def at(self, index: int) -> int:
        """Time of the image at a place; images of one time are never parted, so a cut there falls before them all."""
        if index <= 0:
            return EARLIEST
        if index >= self.images:
            return LATEST
        return int(self._times[np.searchsorted(self._ends, index, side="right")])


def share_periods(
    timeline: Timeline, names: Sequence[str], shares: Floats, *, gap: int = 0, horizon_us: int = 0
) -> list[Period]:
    """Parts one after another, the last one latest, without the images in the gaps.

    Parameters
    ----------
    timeline : Timeline
        Times at which the images were taken.
    names, shares
        Parts and their shares of the images, in order of time.
    gap : int
        Number of images before each cut that are left out.
    horizon_us : int
        Time before each cut whose images are left out too, because their outcomes were not known before the cut.
    """
    cuts = [round(share * timeline.images) for share in np.cumsum(shares)[:-1]]
    starts = [EARLIEST, *(timeline.at(cut) for cut in cuts)]
    stops = [_last_before(timeline, cut, gap, horizon_us) for cut in cuts]
    stops = [max(start, stop) for start, stop in zip(starts, stops, strict=False)]
    periods = [
        Period(None, name, rank, start, stop)
        for rank, (name, start, stop) in enumerate(zip(names, starts, [*stops, LATEST], strict=True))
    ]
    left_out = [
        Period(None, EXCLUDED, -1, stop, start) for stop, start in zip(stops, starts[1:], strict=True) if stop < start
    ]
    return periods + left_out


def fold_periods(
    timeline: Timeline,
    folds: int,
    *,
    test_size: int | None = None,
    max_train: int | None = None,
    gap: int = 0,
    horizon_us: int = 0,
) -> list[Period]:
    """Folds whose test part follows their training part, as TimeSeriesSplit makes them.

    Parameters
    ----------
    timeline, gap, horizon_us
        As in `share_periods`.
    folds : int
        Number of folds; the test parts are the last ``folds * test_size`` images.
    test_size : int, optional
        Number of images in each test part; default images // (folds + 1).
    max_train : int, optional
        Largest number of images in a training part, the latest ones (rolling folds); default all (expanding folds).

    Raises
    ------
    OptionError
        There are too few images for so many folds.
    """
    size = timeline.images // (folds + 1) if test_size is None else test_size
    if size < 1 or timeline.images - gap - size * folds <= 0:
        raise OptionError(
            f"split: {timeline.images:,} images with a capture time are too few for {folds} folds over time with "
            f"{size:,} test images each and a gap of {gap:,}.\nHint: ask for fewer folds, a smaller test_size or gap"
        )
    periods = []
    for fold in range(folds):
        cut = timeline.images - (folds - fold) * size
        test_start, test_stop = timeline.at(cut), timeline.at(cut + size)
        train_stop = _last_before(timeline, cut, gap, horizon_us)
        train_start = timeline.at(cut - gap - max_train) if max_train is not None else EARLIEST
        periods.append(Period(fold, "train", 0, train_start, max(train_start, train_stop)))
        periods.append(Period(fold, "test", 1, test_start, test_stop))
        if train_stop < test_start:
            periods.append(Period(fold, EXCLUDED, -1, max(train_start, train_stop), test_start))
    return periods


def _last_before(timeline: Timeline, cut: int, gap: int, horizon_us: int) -> int:
    """End of a part that is followed by a cut: before the gap, and early enough for its outcomes to be known."""
    stop = timeline.at(cut - gap)
    cut_time = timeline.at(cut)
    # An image at time t has its outcome at t + horizon, which may be the very time of the cut.
    return min(stop, cut_time - horizon_us + 1) if horizon_us and cut_time < LATEST else stop
