"""The encoder without a model: its definition pixel by pixel, and what does not change a vector."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.datasets import load_digits

from dataeval_spark.kernels.encoders.hog_color import VERSION, HogColor
from tests.kernels.reference import INPUTS, image


def vectors(*pixels):
    encoder = HogColor()
    return encoder.embed([encoder.prepare(each) for each in pixels])


def unit(vector):
    length = math.sqrt(sum(x * x for x in vector))
    return [x / length if length else 0.0 for x in vector]


def by_definition(pixels):
    """The docstring of HogColor, one pixel after another."""
    small = HogColor().prepare(pixels).astype(float)
    luma = small @ [0.299, 0.587, 0.114]
    gradients, colors = [0.0] * 576, [0.0] * 192
    for y in range(32):
        for x in range(32):
            cell = y // 4 * 8 + x // 4
            right = luma[y, min(x + 1, 31)] - luma[y, max(x - 1, 0)]
            down = luma[min(y + 1, 31), x] - luma[max(y - 1, 0), x]
            position = math.degrees(math.atan2(down, right)) % 180 / 20 - 0.5
            lower, share = math.floor(position), position - math.floor(position)
            gradients[cell * 9 + lower % 9] += (1 - share) * math.hypot(right, down)
            gradients[cell * 9 + (lower + 1) % 9] += share * math.hypot(right, down)
            for channel in range(3):
                colors[cell * 3 + channel] += small[y, x, channel] / 16
    mean = sum(colors) / 192
    edges = unit([min(x, 0.1) for x in unit(gradients)])
    return np.array(edges + [x / 2 for x in unit([c - mean for c in colors])]) / math.sqrt(1.25)


def test_it_is_what_its_definition_says_for_a_photograph_of_any_size():
    pixels = np.random.default_rng(1).integers(0, 256, (50, 37, 3), dtype=np.uint8)

    assert vectors(pixels)[0] == pytest.approx(by_definition(pixels), abs=1e-6)


@pytest.mark.parametrize("name", list(INPUTS))
def test_any_image_gives_768_finite_numbers_of_length_one_or_nothing(name):
    (vector,) = vectors(image(name))

    assert vector.shape == (768,)
    assert vector.dtype == np.float32
    assert round(float(np.linalg.norm(vector)), 5) in (0.0, 1.0)


def test_a_flat_gray_image_gives_zeros_and_a_flat_red_one_only_colors():
    gray = np.full((20, 30, 1), 77, dtype=np.uint8)
    red = np.dstack([np.full((20, 30), value, dtype=np.uint8) for value in (200, 3, 3)])

    flat, colored = vectors(gray, red)

    assert not flat.any()
    assert not colored[:576].any()
    assert colored[576:579].tolist() == pytest.approx([0.0456, -0.0228, -0.0228], abs=1e-4)


def test_exposure_and_contrast_hardly_matter():
    pixels = np.random.default_rng(2).integers(60, 120, (32, 32, 3), dtype=np.uint8)

    same, brighter, stronger = vectors(pixels, pixels + 60, (pixels - 50) * 3)

    assert same @ brighter == pytest.approx(1, abs=1e-6)
    assert same @ stronger == pytest.approx(1, abs=1e-6)


def test_a_vector_does_not_depend_on_its_batch():
    pixels = [np.random.default_rng(n).integers(0, 256, (32, 32, 3), dtype=np.uint8) for n in range(300)]

    together = vectors(*pixels)

    assert np.array_equal(together[280:], vectors(*pixels[280:]))


def test_digits_are_recognised_by_their_nearest_neighbor():
    digits = load_digits(n_class=10)
    found = vectors(*(np.clip(each * 16, 0, 255).astype(np.uint8)[:, :, None] for each in digits.images[:600]))
    similar = found @ found.T
    np.fill_diagonal(similar, -1)

    assert (digits.target[:600][similar.argmax(axis=1)] == digits.target[:600]).mean() > 0.985


def test_the_version_changes_only_with_the_definition():
    assert VERSION == "bb91954e2ebae987"
