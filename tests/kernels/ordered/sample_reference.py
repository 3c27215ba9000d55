"""Random samples with ties, and SciPy's statistics of them."""

from __future__ import annotations

import warnings

import numpy as np
from hypothesis import strategies as st
from scipy import stats

VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: float(np.float32(value))),
    st.sampled_from([-0.0, 0.0, 0.1, 1e-300]),
)
SAMPLE = st.lists(VALUES, min_size=1, max_size=30)


def of_scipy(reference, current):
    """Statistics by the names of ours; without those that SciPy refuses."""
    x, y = np.array(reference), np.array(current)
    found = {
        "statistic": stats.ks_2samp(x, y).statistic,
        "wasserstein": stats.wasserstein_distance(x, y),
        "energy": stats.energy_distance(x, y),
        "u": stats.mannwhitneyu(y, x).statistic,
    }
    if min(x.size, y.size) > 1:
        found["cramer_von_mises"] = stats.cramervonmises_2samp(x, y).statistic
    if np.unique(np.r_[x, y]).size > 1 and x.size + y.size > 3:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says when its p-value is cut
            found["anderson_darling"] = stats.anderson_ksamp([x, y], variant="midrank").statistic
            found["anderson_darling_right"] = stats.anderson_ksamp([x, y], variant="right").statistic
    return found
