"""The compiled resize: Pillow's pixels, one for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataeval_spark.kernels.images.compiled.planes import blank, transpose
from dataeval_spark.kernels.images.compiled.resize import BICUBIC, LANCZOS, plan_of, resize

FILTERS = {LANCZOS: Image.Resampling.LANCZOS, BICUBIC: Image.Resampling.BICUBIC}


def resized(gray: np.ndarray, target_height: int, target_width: int, lobes: int) -> np.ndarray:
    height, width = gray.shape
    rows, columns = blank(1, height, width)[0], blank(1, width, height)[0]
    rows[:height, :width] = gray
    transpose(rows, height, width, columns)
    out = np.empty((target_height, target_width), np.uint8)
    resize(rows, columns, height, width, plan_of(height, width, target_height, target_width, lobes), out)
    return out


def by_pillow(gray: np.ndarray, target_height: int, target_width: int, lobes: int) -> np.ndarray:
    return np.asarray(Image.fromarray(gray).resize((target_width, target_height), FILTERS[lobes]))


def noise(height: int, width: int, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    high_contrast = seed % 3 == 0
    gray = random.integers(0, 256, (height, width), dtype=np.uint8)
    return (gray > 128) * np.uint8(255) if high_contrast else gray


sides = st.integers(1, 130)


@settings(max_examples=400, deadline=None)
@given(
    height=sides,
    width=sides,
    target_height=sides,
    target_width=sides,
    lobes=st.sampled_from([LANCZOS, BICUBIC]),
    seed=st.integers(0, 1000),
)
def test_any_size_to_any_size_equals_pillow(height, width, target_height, target_width, lobes, seed):
    gray = noise(height, width, seed)

    actual = resized(gray, target_height, target_width, lobes)

    assert (actual == by_pillow(gray, target_height, target_width, lobes)).all()


@settings(max_examples=100, deadline=None)
@given(
    height=st.integers(9, 700),
    width=st.integers(9, 700),
    side=st.sampled_from([8, 9, 16, 24, 32]),
    seed=st.integers(0, 1000),
)
def test_the_sizes_of_the_hashes_equal_pillow(height, width, side, seed):
    gray = noise(height, width, seed)

    assert (resized(gray, side, side, LANCZOS) == by_pillow(gray, side, side, LANCZOS)).all()


@pytest.mark.parametrize("lobes", [LANCZOS, BICUBIC])
@pytest.mark.parametrize("size", [(30, 12), (12, 30)])
def test_a_side_that_stays_is_left_alone(size, lobes):
    gray = noise(30, 30, 1)

    assert (resized(gray, *size, lobes) == by_pillow(gray, *size, lobes)).all()
    assert (resized(gray, 30, 12, lobes) == by_pillow(gray, 30, 12, lobes)).all()
