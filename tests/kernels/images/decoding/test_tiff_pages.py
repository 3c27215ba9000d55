"""Pages of a TIFF file are counted without reading them, as Pillow counts them."""

from __future__ import annotations

import io
import struct
import time

import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.tiff_pages import page_count


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


def directories(links, order="<"):
    """A file of directories with one tag each: directory i is followed by directory links[i]."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    place = {index: 8 + 18 * index for index in range(len(links))} | {None: 0}
    tag = struct.pack(order + "HHII", 256, 4, 1, 1)
    return head + b"".join(struct.pack(order + "H", 1) + tag + struct.pack(order + "I", place[to]) for to in links)


@pytest.mark.parametrize(
    ("data", "pages"),
    [
        (directories([1, 2, None], ">"), 3),
        (directories([1, 2, 0]), 3),  # comes back to itself
        (directories([1, 2, None])[:-1], 2),  # the last one is cut
        (b"II*\0" + struct.pack("<I", 2**32 - 1), 1),
        (b"II*\0" + struct.pack("<IH", 8, 0) + bytes(4), 1),
        (b"II", 1),
        (b"", 1),
    ],
)
def test_a_broken_chain_ends_where_it_breaks(data, pages):
    assert page_count(data) == pages


def test_very_many_pages_take_no_time():
    data = directories([*range(1, 100_000), None])
    started = time.perf_counter()

    assert page_count(data) == 100_000
    assert time.perf_counter() - started < 5
