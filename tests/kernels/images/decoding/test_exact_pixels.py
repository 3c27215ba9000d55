"""The content hash covers all that a decoder gives, or says that it does not."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.profile import Measures, profile_image
from tests.kernels.picture_files import png, tiff

RANDOM = np.random.default_rng(2)
COLOR = RANDOM.integers(0, 256, (12, 17, 3), dtype=np.uint8)
GRAY = COLOR[:, :, :1]
WIDE = RANDOM.integers(0, 65536, (12, 17, 3), dtype=np.uint16)
OPAQUE = np.full_like(GRAY, 255)


def saved(image: Image.Image, file_format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def animated(file_format: str, frames: list[np.ndarray], **options: Any) -> bytes:
    first, *others = [Image.fromarray(frame) for frame in frames]
    return saved(first, file_format, save_all=True, append_images=others, **options)


def hashes(data: bytes, **options: Any) -> tuple[str | None, str | None]:
    found = profile_image(data, measures=Measures(**options)).image.hashes
    return found["content_hash"], found["content_scope"]


def last_bit(samples: np.ndarray) -> np.ndarray:
    changed = samples.copy()
    changed[5, 5, 0] ^= 1
    return changed


CLEAR = np.dstack([COLOR, np.zeros_like(GRAY)])
FRAMES = [np.full((12, 17, 3), value, dtype=np.uint8) for value in (10, 90, 170)]
OTHER_LATER = [*FRAMES[:2], FRAMES[2] + np.uint8(9)]
INKS = np.dstack([COLOR, GRAY])
DIFFERENT = {
    "low bit of 16-bit color PNG": (png(WIDE, 16, 2), png(last_bit(WIDE), 16, 2)),
    "low bit of 16-bit gray PNG": (png(WIDE[:, :, :1], 16, 0), png(last_bit(WIDE[:, :, :1]), 16, 0)),
    "low bit of 16-bit TIFF": (tiff(WIDE, photometric=2), tiff(last_bit(WIDE), photometric=2)),
    "color beneath alpha": (png(CLEAR, 8, 6), png(last_bit(CLEAR), 8, 6)),
    "alpha beneath white": (
        png(np.dstack([OPAQUE, OPAQUE // 2]), 8, 4),
        png(np.dstack([OPAQUE, OPAQUE // 3]), 8, 4),
    ),
    "premultiplied or not": (
        tiff(np.dstack([COLOR // 2, OPAQUE // 2]), photometric=2, extra=(1,)),
        tiff(np.dstack([COLOR // 2, OPAQUE // 2]), photometric=2, extra=(2,)),
    ),
    "black ink under full ink": (
        saved(Image.fromarray(np.full((12, 17, 4), 255, np.uint8), "CMYK"), "TIFF"),
        saved(Image.fromarray(np.dstack([np.full_like(COLOR, 255), OPAQUE - 9]), "CMYK"), "TIFF"),
    ),
    "inks or color and alpha": (
        saved(Image.fromarray(INKS, "CMYK"), "TIFF"),
        saved(Image.fromarray(INKS, "RGBA"), "TIFF"),
    ),
    "later frame of GIF": (animated("GIF", FRAMES), animated("GIF", OTHER_LATER)),
    "later frame of WebP": (
        animated("WEBP", FRAMES, lossless=True),
        animated("WEBP", OTHER_LATER, lossless=True),
    ),
    "later frame of PNG": (animated("PNG", FRAMES), animated("PNG", OTHER_LATER)),
    "later page of TIFF": (animated("TIFF", FRAMES), animated("TIFF", OTHER_LATER)),
    "one page more": (animated("TIFF", FRAMES), animated("TIFF", FRAMES[:2])),
    "order of frames": (animated("TIFF", FRAMES), animated("TIFF", [FRAMES[0], FRAMES[2], FRAMES[1]])),
    "one frame of several": (animated("TIFF", FRAMES), saved(Image.fromarray(FRAMES[0]), "TIFF")),
}


@pytest.mark.parametrize(("one", "other"), list(DIFFERENT.values()), ids=list(DIFFERENT))
def test_files_that_differ_in_anything_that_is_decoded_have_different_hashes(one, other):
    first, second = hashes(one), hashes(other)

    assert first[0] != second[0]
    assert (first[1], second[1]) == ("all", "all")


PALETTE = RANDOM.integers(0, 256, (256, 3), dtype=np.uint8)
SAME = {
    "opaque alpha of color": (png(np.dstack([COLOR, OPAQUE]), 8, 6), png(COLOR, 8, 2)),
    "opaque alpha of gray": (png(np.dstack([GRAY, OPAQUE]), 8, 4), png(GRAY, 8, 0)),
    "opaque alpha of 16 bits": (
        png(np.dstack([WIDE, np.full((12, 17), 65535, np.uint16)]), 16, 6),
        tiff(WIDE, photometric=2, order=">"),
    ),
    "palette": (png(GRAY, 8, 3, chunks=((b"PLTE", PALETTE.tobytes()),)), png(PALETTE[GRAY[:, :, 0]], 8, 2)),
    "formats": (saved(Image.fromarray(COLOR), "BMP"), tiff(COLOR, photometric=2, planar=True)),
    "formats with alpha": (
        png(CLEAR, 8, 6),
        saved(Image.fromarray(CLEAR), "WEBP", lossless=True, exact=True),
    ),
    "pages of formats": (animated("TIFF", FRAMES), animated("WEBP", FRAMES, lossless=True)),
    "compressions of pages": (animated("TIFF", FRAMES), animated("TIFF", FRAMES, compression="tiff_lzw")),
}


@pytest.mark.parametrize(("one", "other"), list(SAME.values()), ids=list(SAME))
def test_files_of_the_same_pixels_have_the_same_hash(one, other):
    assert hashes(one) == hashes(other)


def test_frames_are_covered_up_to_so_many_pixels_in_all():
    three = animated("TIFF", FRAMES)
    pixels = 3 * 12 * 17

    assert hashes(three, frame_pixels=pixels)[1] == "all"
    assert hashes(three, frame_pixels=pixels - 1)[1] == "first_frame"
    # Another limit for one image, as a task sets for its own process, changes nothing.
    assert hashes(three, frame_pixels=pixels, max_pixels=12 * 17) == hashes(three, frame_pixels=pixels)


def test_a_damaged_later_frame_leaves_the_first_one_and_says_so():
    noise = [RANDOM.integers(0, 256, (12, 17, 3), dtype=np.uint8) for _ in range(3)]
    data = animated("GIF", noise)

    content, scope = hashes(data[: len(data) - 200])

    assert content is not None
    assert scope == "first_frame"


def test_a_decoder_that_gives_eight_of_more_bits_says_so():
    assert hashes(saved(Image.fromarray(COLOR), "SGI", bpc=2))[1] == "fewer_bits"


def test_a_box_covers_its_own_pixels_and_the_first_frame():
    mixed = np.dstack([COLOR, OPAQUE])
    mixed[0, 0, 3] = 7
    corner, rest = (0, 0, 5, 5), (5, 5, 12, 12)

    with_alpha, plain = (profile_image(png(p, 8, k), [corner, rest]) for p, k in ((mixed, 6), (COLOR, 2)))
    moving = profile_image(animated("TIFF", FRAMES), [corner])

    assert with_alpha.boxes[0].hashes["content_hash"] != plain.boxes[0].hashes["content_hash"]
    assert with_alpha.boxes[1].hashes == plain.boxes[1].hashes
    assert plain.boxes[0].hashes["content_scope"] == "all"
    assert moving.boxes[0].hashes["content_scope"] == "first_frame"
