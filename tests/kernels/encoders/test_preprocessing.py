"""From pixels to a model's input: sizes, crops, numbers, and what a file may say about them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders.preprocessing import Preprocessing

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(
    ("resize", "size", "expected"),
    [
        (32, (50, 100), (32, 64)),
        (32, (100, 50), (64, 32)),
        (32, (50, 101), (32, 64)),
        ((20, 30), (50, 100), (20, 30)),
        (None, (50, 100), (50, 100)),
    ],
)
def test_an_integer_resizes_the_shorter_side_and_a_pair_both(resize, size, expected):
    pixels = np.zeros((*size, 3), dtype=np.uint8)

    assert Preprocessing(resize=resize, crop=None).pixels(pixels).shape == (*expected, 3)


def test_resizing_is_what_pillow_does_with_that_filter():
    pixels = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)

    found = Preprocessing(resize=(16, 16), interpolation="bicubic", crop=None).pixels(pixels)

    assert np.array_equal(found, np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BICUBIC)))


def test_the_crop_is_central_and_what_it_lacks_is_black():
    pixels = np.arange(1, 26, dtype=np.uint8).reshape(5, 5, 1)
    wanted = Preprocessing(resize=None, crop=3, channel_order="gray", mean=(0,), std=(1,))

    assert wanted.pixels(pixels)[:, :, 0].tolist() == [[7, 8, 9], [12, 13, 14], [17, 18, 19]]

    larger = Preprocessing(resize=None, crop=(5, 8), channel_order="gray", mean=(0,), std=(1,)).pixels(pixels)
    assert larger.shape == (5, 8, 1)
    assert larger[0, :, 0].tolist() == [0, 1, 2, 3, 4, 5, 0, 0]


def test_pixels_are_scaled_and_normalised_per_channel_in_the_layout_of_the_model():
    batch = np.array([[[[0, 51, 255]]]], dtype=np.uint8)
    numbers = {"mean": (0.0, 0.2, 0.5), "std": (1.0, 0.5, 0.25)}

    assert Preprocessing(**numbers).normalized(batch).ravel() == pytest.approx([0, 0, 2])
    assert Preprocessing(**numbers).normalized(batch).shape == (1, 3, 1, 1)
    assert Preprocessing(layout="HWC").normalized(batch).shape == (1, 1, 1, 3)


def test_models_of_blue_green_red_get_the_channels_in_that_order():
    batch = np.array([[[[10, 20, 30]]]], dtype=np.uint8)
    wanted = Preprocessing(channel_order="BGR", scale=1, mean=(0,), std=(1,))

    assert wanted.normalized(batch).ravel().tolist() == [30, 20, 10]


def test_sixteen_bits_are_shown_on_the_scale_of_eight():
    pixels = np.full((4, 4, 1), 65535 // 2, dtype=np.uint16)

    assert Preprocessing(resize=None, crop=None).pixels(pixels)[0, 0].tolist() == [127, 127, 127]


def test_a_file_beside_the_model_gives_what_differs_from_the_defaults(tmp_path):
    model = tmp_path / "model.pt"
    text = 'resize = [64, 48]\ncrop = 0\nmean = 0.5\nstd = [1, 2, 3]\ninterpolation = "bicubic"\nscale = 1\n'
    (tmp_path / "model.pt.preprocessing.toml").write_text(text)

    found = Preprocessing.beside(str(model))

    assert found == Preprocessing((64, 48), "bicubic", None, 1, (0.5,), (1.0, 2.0, 3.0))
    assert Preprocessing.beside(str(tmp_path / "other.pt")) == Preprocessing()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resise = 3", r"a name is 'resise'; .*Hint: .*'resize'"),
        ("resize = 1.5", r"resize is 1\.5; expected a side, or \[height, width\]"),
        ("resize = '3'", r"resize is '3'; expected a number"),
        ("crop = [1, 2, 3]", r"crop is \[1, 2, 3\]; expected a side"),
        ("crop = -1", r"preprocessing\.crop is -1; expected a number in"),
        ("interpolation = 3", r"interpolation is 3; expected a text"),
        ("interpolation = 'bilinaer'", r"interpolation is 'bilinaer'.*Hint: .*'bilinear'"),
        ("channel_order = 'RBG'", r"channel_order is 'RBG'"),
        ("layout = 'CWH'", r"layout is 'CWH'"),
        ("mean = [1, 2]", r"mean has 2 numbers; expected 1 or 3"),
        ("std = 0", r"std is 0\.0; expected a number in"),
        ("scale = true", r"scale is True; expected a number"),
        ("resize = ", r"is not TOML: .*Hint: .*resize = 256"),
    ],
)
def test_what_the_file_has_wrong_is_named(tmp_path, text, message):
    (tmp_path / "model.pt.preprocessing.toml").write_text(text)

    with pytest.raises(OptionError, match=f"(?s){message}"):
        Preprocessing.beside(str(tmp_path / "model.pt"))
