"""Pages and samples of TIFF files, read by the tags of the file itself."""

from __future__ import annotations

import io
import struct
import time

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.tiff_samples import directories, page_count, page_of, samples
from tests.kernels import picture_files


def tiff(pages, **options):
    file = io.BytesIO()
    first, *others = (Image.new("L", (4, 3), shade) for shade in range(pages))
    first.save(file, "TIFF", save_all=True, append_images=others, **options)
    return file.getvalue()


@pytest.mark.parametrize("pages", [1, 2, 7])
@pytest.mark.parametrize("options", [{}, {"big_tiff": True}], ids=["plain", "big"])
def test_pages_are_counted_as_pillow_does(pages, options):
    data = tiff(pages, **options)

    assert page_count(data) == Image.open(io.BytesIO(data)).n_frames == pages


def file_of_directories(links, order="<"):
    """A file of directories with one tag each: directory i is followed by directory links[i]."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    place = {index: 8 + 18 * index for index in range(len(links))} | {None: 0}
    tag = struct.pack(order + "HHII", 256, 4, 1, 1)
    return head + b"".join(struct.pack(order + "H", 1) + tag + struct.pack(order + "I", place[to]) for to in links)


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (file_of_directories([1, 2, None], ">"), 3),
        (file_of_directories([1, 2, 0]), 3),  # comes back to itself
        (file_of_directories([1, 2, None])[:-1], 2),  # the last one is cut
        (b"II*\0" + struct.pack("<I", 2**32 - 1), 1),
        (b"II*\0" + struct.pack("<IH", 8, 0) + bytes(4), 1),
        (b"II", 1),
        (b"", 1),
    ],
)
def test_a_broken_chain_ends_where_it_breaks(data, pages):
    assert page_count(data) == pages


def test_very_many_pages_take_no_time():
    data = file_of_directories([*range(1, 100_000), None])
    started = time.perf_counter()

    assert page_count(data) == 100_000
    assert time.perf_counter() - started < 5


def test_the_place_of_every_directory_is_given():
    assert directories(file_of_directories([1, None])) == [8, 26]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{}, {"tile": 16}, {"planar": True}, {"compression": 8, "predictor": True}], ids=str)
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint32])
def test_samples_are_those_that_were_written(dtype, layout, order):
    written = (np.random.default_rng(0).random((5, 7, 2)) * 100).astype(dtype)

    found = samples(page_of(picture_files.tiff(written, order=order, **layout)))

    assert found.dtype == dtype
    assert found.tolist() == written.tolist()


@pytest.mark.parametrize("planar", [False, True])
def test_floats_keep_their_bits(planar):
    written = np.random.default_rng(0).normal(size=(5, 7, 2))

    assert samples(page_of(picture_files.tiff(written, order=">", planar=planar))).tolist() == written.tolist()


def test_samples_of_fewer_bits_than_a_byte_are_not_scaled():
    levels = np.array([[[0], [3], [1], [2], [3]]], dtype=np.uint8)

    assert samples(page_of(picture_files.tiff(levels, bits=2))).tolist() == levels.tolist()


def test_a_page_that_the_file_does_not_have_is_an_error():
    with pytest.raises(ValueError, match="no page 1: the file has 1"):
        page_of(tiff(1), 1)


def test_a_compression_that_loses_something_is_not_unpacked():
    data = picture_files.tiff(np.zeros((2, 2, 1), dtype=np.uint16), tags={259: ("H", (7,))})

    with pytest.raises(ValueError, match="compression 7"):
        samples(page_of(data))
