"""Layers of Pillow's image modes: colours, their transparency, and what is shown of both."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.image_modes import (
    Layers,
    array_of,
    is_opaque,
    layers_of,
    with_alpha,
    without_false_alpha,
)


def pixel(*values: float, dtype: str = "uint8") -> np.ndarray:
    return np.array([[values]], dtype=dtype)


@pytest.mark.parametrize(
    ("colors", "alpha", "is_premultiplied", "shown"),
    [
        (pixel(10, 20, 30), pixel(0), False, [255, 255, 255]),
        (pixel(10, 20, 30), pixel(51), False, [206, 208, 210]),  # a fifth of the color, four fifths of white
        (pixel(10, 20), pixel(51), False, [206, 208]),
        (pixel(1000, dtype="uint16"), pixel(13107, dtype="uint16"), False, [52628]),
        (pixel(0.5, dtype="float32"), pixel(0.25, dtype="float32"), False, [0.875]),
        (pixel(10, 20, 30), pixel(51), True, [214, 224, 234]),
        (pixel(0.5, dtype="float32"), pixel(0.25, dtype="float32"), True, [1.0]),
    ],
)
def test_colors_are_shown_over_white(colors, alpha, is_premultiplied, shown):
    found = Layers(colors, alpha, is_premultiplied=is_premultiplied).over_white()

    assert found.dtype == colors.dtype
    assert found[0, 0].tolist() == shown


def test_an_alpha_that_is_opaque_everywhere_is_left_out():
    assert with_alpha(pixel(9), pixel(255)).alpha is None
    assert with_alpha(pixel(9), pixel(254)).alpha is not None
    assert with_alpha(pixel(9.0, dtype="float32"), pixel(1.0, dtype="float32")).alpha is None


def test_the_content_has_the_colors_beneath_transparent_pixels_and_says_what_its_channels_are():
    content, kind = Layers(pixel(10, 20, 30), pixel(0)).content()
    inks = Layers(pixel(1, 2, 3), source=pixel(4, 5, 6, 7), source_kind="CMYK").content()

    assert (content[0, 0].tolist(), kind) == ([10, 20, 30, 0], "alpha")
    assert (inks[0][0, 0].tolist(), inks[1]) == ([4, 5, 6, 7], "CMYK")
    assert not is_opaque(content, kind)
    assert is_opaque(pixel(1, 255), "alpha")
    assert not is_opaque(pixel(1, 255), "")


@pytest.mark.parametrize(
    ("image", "colors", "conversion"),
    [
        (Image.new("1", (1, 1), 1), [255], "1 bit to 8"),
        (Image.new("L", (1, 1), 7), [7], None),
        (Image.new("RGB", (1, 1), (9, 8, 7)).quantize(2), [9, 8, 7], "palette to RGB"),
        (Image.new("CMYK", (1, 1), (0, 255, 255, 0)), [255, 0, 0], "CMYK to RGB"),
        (Image.new("LA", (1, 1), (5, 0)), [5], "alpha over white"),
        (Image.new("I", (1, 1), 70_000), [70_000], None),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_every_mode_is_gray_or_rgb_and_says_what_was_converted(image, colors, conversion):
    layers = layers_of(image)

    assert layers.colors[0, 0].tolist() == colors
    assert layers.full_conversion() == conversion


def test_the_fourth_byte_of_a_tga_pixel_is_alpha_only_where_the_file_says_so():
    image = Image.new("RGBA", (1, 1))
    image.format = "TGA"

    assert without_false_alpha(image, bytes(18)).mode == "RGB"
    assert without_false_alpha(image, bytes(17) + b"\x08").mode == "RGBA"


@pytest.mark.parametrize("mode", ["I;16", "I;16B"])
def test_sixteen_bits_have_native_byte_order(mode):
    found = array_of(Image.new(mode, (1, 1), 513))

    assert (found.dtype, found.dtype.isnative, found.tolist()) == (np.uint16, True, [[[513]]])
