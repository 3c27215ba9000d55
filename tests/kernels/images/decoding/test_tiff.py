"""TIFF files that Pillow reads with fewer bits, or wrongly, or not at all, as tifffile writes them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from dataeval_spark.kernels.images.decoding import decode as decoding
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.images.decoding.tiff import layers_by_tifffile, layers_of_page
from dataeval_spark.kernels.images.decoding.tiff_samples import page_of
from dataeval_spark.kernels.images.profile import profile_image

tifffile = pytest.importorskip("tifffile", reason="extra tiff")
RANDOM = np.random.default_rng(0)


def written(pixels, **options) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, pixels, **options)
    return file.getvalue()


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int16, np.float32, np.float64])
def test_many_bands_keep_their_values_and_type(dtype, planar):
    pixels = (RANDOM.random((7, 9, 5)) * 200).astype(dtype)
    stored = pixels if planar == "contig" else np.moveaxis(pixels, 2, 0)

    found = decode(written(stored, photometric="minisblack", planarconfig=planar))

    assert found.pixels.tolist() == pixels.tolist()
    assert found.pixels.dtype == dtype
    assert found.color_mode == f"{np.dtype(dtype)} x 5"


def test_sixteen_bits_per_color_channel_are_kept():
    pixels = RANDOM.integers(0, 65536, (6, 8, 3), dtype=np.uint16)

    found = decode(written(pixels, photometric="rgb"))

    assert (found.pixels == pixels).all()
    assert found.conversion is None


@pytest.mark.parametrize("extra", [["unspecified"], None])
@pytest.mark.parametrize("bands", [2, 4])
def test_a_band_that_is_no_alpha_is_kept(bands, extra):
    pixels = RANDOM.integers(0, 256, (6, 8, bands), dtype=np.uint8)
    kind = "minisblack" if bands == 2 or extra is None else "rgb"

    found = decode(written(pixels, photometric=kind, extrasamples=extra, planarconfig="contig"))

    assert found.pixels.tolist() == pixels.tolist()
    assert found.conversion is None


def test_a_band_that_the_file_calls_alpha_is_composited():
    pixels = np.dstack([np.full((2, 2, 3), 100, np.uint8), np.zeros((2, 2), np.uint8)])

    found = decode(written(pixels, photometric="rgb", extrasamples=["unassalpha"]))

    assert (found.pixels.shape, found.pixels.min(), found.conversion) == ((2, 2, 3), 255, "alpha over white")


@pytest.mark.parametrize(("dtype", "value"), [("uint32", 3_000_000_000), ("int8", -5)])
@pytest.mark.parametrize("has_tifffile", [True, False])
def test_integers_that_pillow_takes_for_others_keep_their_values(dtype, value, has_tifffile, monkeypatch):
    monkeypatch.setattr(decoding.tiff, "is_installed", lambda: has_tifffile)

    found = decode(written(np.full((4, 4), value, dtype=dtype), photometric="minisblack"))

    assert (found.pixels.ravel()[0], found.conversion, found.decoder) == (value, None, "Pillow")


def with_compression(data: bytes, compression: int) -> bytes:
    page = tifffile.TiffFile(io.BytesIO(data)).pages[0]
    offset = page.tags["Compression"].valueoffset
    return data[:offset] + compression.to_bytes(2, "little") + data[offset + 2 :]


@pytest.mark.parametrize(("has_tifffile", "reason"), [(False, "MissingExtraError: .*pip install"), (True, "decode: ")])
def test_a_compression_without_a_codec_is_unreadable_with_its_reason(has_tifffile, reason, monkeypatch):
    monkeypatch.setattr(decoding.tiff, "is_installed", lambda: has_tifffile)
    pixels = np.zeros((4, 4, 7), dtype=np.int16)

    with pytest.raises(UnreadableImage, match=reason):
        decode(with_compression(written(pixels, photometric="minisblack", planarconfig="contig"), 34887))


def test_tifffile_gives_what_our_own_reader_gives():
    pixels = RANDOM.integers(0, 256, (6, 8, 4), dtype=np.uint16)
    data = written(pixels, photometric="rgb", extrasamples=["unassalpha"])
    page = page_of(data)

    assert (layers_by_tifffile(page).colors == layers_of_page(page).colors).all()
    assert (layers_by_tifffile(page).alpha == layers_of_page(page).alpha).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_orientation_is_applied_as_pillow_applies_it(orientation):
    pixels = RANDOM.integers(0, 256, (5, 8, 3), dtype=np.uint16)
    tag = [(274, "H", 1, orientation, True)]
    exif = Image.Exif()
    exif[274] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels.astype(np.uint8)).save(file, "PNG", exif=exif)
    upright = ImageOps.exif_transpose(Image.open(file))

    found = decode(written(pixels, photometric="rgb", extratags=tag))

    assert (found.pixels == np.asarray(upright)).all()
    assert found.orientation == orientation


def test_size_and_damage_are_found_before_and_while_decoding():
    data = written(np.zeros((50, 60, 5), dtype=np.uint16), photometric="minisblack", planarconfig="contig")

    with pytest.raises(UnreadableImage, match="header: TooManyPixels: 60 x 50"):
        decode(data, max_pixels=100)
    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 2])
    with pytest.raises(UnreadableImage, match="complex"):
        decode(written(np.zeros((4, 4), dtype=np.complex64)))


def test_many_bands_are_measured_and_hashed():
    pixels = RANDOM.integers(0, 4096, (20, 30, 5), dtype=np.uint16)

    profile = profile_image(written(pixels, photometric="minisblack", planarconfig="contig"))

    stats = profile.image.stats
    assert (stats["channels"], stats["bit_depth"], stats["pixel_type"]) == (5, 12, "uint16")
    assert stats["mean"] == pytest.approx(pixels.mean(), rel=1e-12)
    assert len(profile.image.channels) == 5
    assert profile.image.hashes["phash"] is not None
