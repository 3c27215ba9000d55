"""Hashes: DataEval's strings where it is right, and what we do where it is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fftpack import dct

from dataeval_spark.kernels.images.geometry import window_of
from dataeval_spark.kernels.images.hashes import (
    NAMES,
    content_hash,
    dhash,
    dhash_d4,
    dhash_noise_bits,
    file_hash,
    perceptual_hashes,
    phash,
    phash_d4,
    phash_noise_bits,
    phashes,
)
from dataeval_spark.kernels.images.value_range import EIGHT_BIT, luma, value_range
from tests.kernels.reference import EXPECTED, HASHES_WHERE_DATAEVAL_IS_WRONG, VALID_BOXES, image

RIGHT = [name for name in EXPECTED["whole"] if name not in HASHES_WHERE_DATAEVAL_IS_WRONG]


def noise(
    height: int, width: int, channels: int = 1, seed: int = 0, high: int = 256, dtype: str = "uint8"
) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, high, (height, width, channels)).astype(dtype)


@pytest.mark.parametrize("name", RIGHT)
def test_hashes_of_an_image_equal_dataeval(name):
    pixels = image(name)

    hashes = perceptual_hashes(pixels, value_range(pixels, as_dataeval=True))

    assert {key: hashes[key] or "" for key in NAMES} == {key: EXPECTED["whole"][name][key] for key in NAMES}


# DataEval contradicts itself on pixels 0 and 1: compute_stats stretches them to 0 and 255; phash does not, as we do.
@pytest.mark.parametrize("name", RIGHT)
def test_single_hash_functions_equal_those_of_dataeval(name):
    pixels = image(name)

    hashes = {"phash": phash, "dhash": dhash, "phash_d4": phash_d4, "dhash_d4": dhash_d4}

    assert {key: function(pixels) or "" for key, function in hashes.items()} == EXPECTED["hashes"][name]


@pytest.mark.parametrize("name", list(HASHES_WHERE_DATAEVAL_IS_WRONG))
def test_where_dataeval_is_wrong_our_hashes_differ(name):
    pixels = image(name)

    hashes = perceptual_hashes(pixels, value_range(pixels, as_dataeval=True))

    assert hashes["phash"] != EXPECTED["whole"][name]["phash"]
    assert hashes["dhash"] != EXPECTED["whole"][name]["dhash"]


@pytest.mark.parametrize(
    "case", [case for case in VALID_BOXES if case.values[0]["image"] not in HASHES_WHERE_DATAEVAL_IS_WRONG]
)
def test_hashes_of_a_box_equal_dataeval(case):
    pixels = image(case["image"])
    window = window_of(tuple(case["box"]), *pixels.shape[:2])

    crop = pixels[window.slices]
    hashes = perceptual_hashes(crop, value_range(pixels, as_dataeval=True), window=window)

    assert {key: hashes[key] or "" for key in NAMES} == {key: case["expected"][key] for key in NAMES}


def plain_phash(gray: np.ndarray) -> str:
    side = 8 * min((min(gray.shape) - 1) // 8, 4)
    small = np.asarray(Image.fromarray(gray).resize((side, side), Image.Resampling.LANCZOS))
    low = dct(dct(small.T).T)[:8, :8]
    return np.packbits((low > np.median(low)).ravel()).tobytes().hex()


def plain_dhash(gray: np.ndarray) -> str:
    small = np.asarray(Image.fromarray(gray).resize((9, 9), Image.Resampling.LANCZOS))[:8]
    return np.packbits((small[:, :-1] > small[:, 1:]).ravel()).tobytes().hex()


@settings(max_examples=60, deadline=None)
@given(height=st.integers(9, 90), width=st.integers(9, 90), seed=st.integers(0, 10_000))
def test_the_shared_resizes_give_the_hashes_of_eight_separate_ones(height, width, seed):
    gray = noise(height, width, seed=seed)[:, :, 0]
    turned = [turn for k in range(4) for turn in (np.rot90(gray, k), np.fliplr(np.rot90(gray, k)))]

    hashes = perceptual_hashes(gray[:, :, np.newaxis], EIGHT_BIT)

    assert {key: hashes[key] for key in NAMES} == {
        "phash": plain_phash(gray),
        "dhash": plain_dhash(gray),
        "phash_d4": min(map(plain_phash, turned)),
        "dhash_d4": min(map(plain_dhash, turned)),
    }


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_d4_hashes_do_not_depend_on_rotation(turns):
    pixels = image("flower_u8")
    turned = np.rot90(pixels, turns)

    assert (phash_d4(turned), dhash_d4(turned)) == (phash_d4(pixels), dhash_d4(pixels))


@pytest.mark.parametrize(("height", "width"), [(8, 100), (100, 8), (1, 1)])
def test_an_image_with_a_side_below_nine_pixels_has_no_perceptual_hash(height, width):
    assert set(perceptual_hashes(noise(height, width), EIGHT_BIT).values()) == {None}


def test_unrelated_sixteen_bit_images_have_different_hashes():
    hashes = {phash(noise(40, 40, seed=seed, high=65_536, dtype="uint16")) for seed in range(10)}

    assert len(hashes) == 10


def test_an_image_has_the_same_hashes_at_eight_and_sixteen_bits():
    eight = image("china_u8")

    assert phash(eight.astype(np.uint16) * 257) == phash(eight)


def test_pixels_of_unknown_range_have_no_perceptual_hash():
    assert phash(image("signed_f64")) is None


def test_a_crop_is_not_stretched_by_its_own_maximum():
    dark = noise(20, 20, high=2).astype(np.uint16)

    assert (
        perceptual_hashes(dark, EIGHT_BIT)["dhash"]
        != perceptual_hashes(dark, value_range(dark, as_dataeval=True))["dhash"]
    )


def test_a_box_that_is_nearly_all_outside_has_no_perceptual_hash():
    window = window_of((0, 0, 1e9, 1e9), 40, 40)

    assert perceptual_hashes(noise(40, 40), EIGHT_BIT, window=window)["phash"] is None


def flipped_by_noise(small: np.ndarray, hashed, draws: int = 400) -> np.ndarray:
    """How often each of 64 bits differs from that of the picture as it is, under noise of one gray level."""
    rng = np.random.default_rng(5)
    noisy = small.astype(np.int16) + rng.choice([-1, 1], size=(draws, *small.shape))
    bits = np.array([[int(digit) for digit in f"{int(hashed(each), 16):064b}"] for each in (small, *noisy)])
    return (bits[1:] != bits[0]).mean(axis=0)


def small_pictures(side: int) -> dict[str, np.ndarray]:
    """Gray pictures in the middle of the range, so that noise is not clipped."""
    y, x = np.mgrid[0 : 1 : side * 1j, 0 : 1 : side * 1j]
    texture = np.random.default_rng(1).normal(128, 25, (side, side))
    photograph = np.asarray(Image.fromarray(luma(image("china_u8"))).resize((side, side), Image.Resampling.LANCZOS))
    drawn = {"flat": 90 + 0 * x, "ramp": 60 + 120 * x, "oblique": 60 + 60 * (x + y), "texture": texture}
    return {"photograph": 20 + photograph.astype(float) * 0.8, **drawn}


@pytest.mark.parametrize("name", ["photograph", "flat", "ramp", "oblique", "texture"])
def test_the_noise_bits_of_phash_are_those_that_simulated_noise_flips(name):
    small = np.rint(small_pictures(32)[name]).clip(2, 253)

    flipped = flipped_by_noise(small, lambda picture: phashes(picture[np.newaxis])[0])

    # Bits that are not counted flip in fewer than one of forty; the median moves a little too.
    assert np.count_nonzero(flipped > 0.06) <= phash_noise_bits(small.astype(np.uint8))
    assert phash_noise_bits(small.astype(np.uint8)) <= np.count_nonzero(flipped > 0.005)


@pytest.mark.parametrize("name", ["photograph", "flat", "ramp", "oblique", "texture"])
def test_the_noise_bits_of_dhash_are_those_that_simulated_noise_flips(name):
    tiny = np.rint(small_pictures(9)[name]).clip(2, 253)

    def plain(picture: np.ndarray) -> str:
        return "".join("1" if a > b else "0" for row in picture[:8] for a, b in pairwise(row))

    flipped = flipped_by_noise(tiny, lambda picture: f"{int(plain(picture), 2):016x}")

    assert np.count_nonzero(flipped) == dhash_noise_bits(tiny.astype(np.uint8))


def test_flat_isoluminant_and_smooth_pictures_have_noise_bits_and_photographs_hardly_any():
    ramp = np.tile(np.linspace(20, 230, 64), (64, 1)).astype(np.uint8)[:, :, np.newaxis]
    red_and_green = np.zeros((64, 64, 3), np.uint8)
    red_and_green[:, ::2, 0], red_and_green[:, 1::2, 1] = 120, 61  # both have a luma of 35
    pictures = {
        "flat blue": np.full((64, 64, 3), (0, 0, 255), dtype=np.uint8),
        "isoluminant": red_and_green,
        "ramp": ramp,
        "photograph": image("china_u8"),
    }

    bits = {name: perceptual_hashes(pixels, EIGHT_BIT) for name, pixels in pictures.items()}

    assert {name: found["phash_noise_bits"] for name, found in bits.items()} == {
        "flat blue": 63,
        "isoluminant": 63,
        "ramp": 59,
        "photograph": 2,
    }
    assert bits["flat blue"]["dhash_noise_bits"] == bits["isoluminant"]["dhash_noise_bits"] == 64


def test_the_file_hash_is_xxh3_128():
    assert file_hash(b"") == "99aa06d3014798d86001c324468d497f"


def test_the_content_hash_is_pinned():
    assert content_hash(np.arange(12, dtype=np.uint8).reshape(2, 2, 3)) == "5e2e1c9f18420cbe40bcaaf8f98501f6"


@pytest.mark.parametrize(
    "other",
    [np.zeros((9, 4, 1), "uint8"), np.zeros((6, 6, 1), "uint8"), np.zeros((4, 9, 1), "uint16")],
    ids=["transposed", "another shape", "another type"],
)
def test_the_content_hash_depends_on_shape_and_type(other):
    assert content_hash(other) != content_hash(np.zeros((4, 9, 1), "uint8"))


def test_the_content_hash_does_not_depend_on_layout_or_byte_order():
    pixels = noise(6, 5, 3, high=65_536, dtype="uint16")

    assert content_hash(np.asfortranarray(pixels)) == content_hash(pixels)
    assert content_hash(pixels.astype(">u2")) == content_hash(pixels)
