"""The upright size of an image from its header is that of the decoded image."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.images.decoding.image_size import upright_size


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_the_size_is_that_of_the_decoded_image(format, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.new("RGB", (8, 4)).save(file, format, exif=exif)

    height, width, _ = decode(file.getvalue()).pixels.shape

    assert upright_size(io.BytesIO(file.getvalue())) == (width, height)


@pytest.mark.parametrize("data", [b"", b"no image", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_says_so(data):
    with pytest.raises(UnreadableImage, match="header"):
        upright_size(io.BytesIO(data))


def test_a_truncated_image_has_the_size_in_its_header():
    file = io.BytesIO()
    Image.new("RGB", (80, 40)).save(file, "PNG")

    assert upright_size(io.BytesIO(file.getvalue()[:60])) == (80, 40)


@pytest.mark.shared
def test_sizes_of_real_photographs_with_all_orientations(shared):
    files = sorted((shared / "data" / "exif").rglob("*_*.jpg"))
    sizes = {}
    for path in files:
        with path.open("rb") as file:
            sizes[path] = upright_size(file)

    assert len(files) > 16
    assert sizes == {path: decode(path.read_bytes()).pixels.shape[1::-1] for path in files}
