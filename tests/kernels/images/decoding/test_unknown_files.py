"""What files are that are no images: each kind has a message of its own, which says what to do."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"


def saved(file_format: str) -> bytes:
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, file_format)
    return file.getvalue()


def heif(brand: bytes) -> bytes:
    return b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1" + brand + bytes(64)


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("a.txt", "text")
    return file.getvalue()


FILES = {
    "empty": (b"", "EmptyFile", "0 bytes"),
    "zeros": (bytes(5000), "EmptyFile", "5,000 bytes are zero"),
    "lfs": (LFS, "GitLfsPointer", "of 12,345 bytes.*git lfs pull"),
    "heic": (heif(b"heic"), "HeifImage", "convert it to JPEG or PNG"),
    "heif": (heif(b"mif1"), "HeifImage", "convert it to JPEG or PNG"),
    "video": (heif(b"isom"), "NotAnImage", "brand isom.*extract its frames"),
    "html": (b"\n<!DOCTYPE html><html><title>404 Not Found</title></html>", "HtmlPage", "'404 Not Found'.*download"),
    "html-comment": (b"<!-- x --><html><body>Log in</body></html>", "HtmlPage", "login page"),
    "json": (b'{"error": "expired"}', "JsonText", "answer of a server"),
    "xml": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "XmlText", "error of a server"),
    "svg": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "SvgDrawing", "render it"),
    "text": ("d\u00e9j\u00e0 vu".encode(), "PlainText", "begins 'd\u00e9j\u00e0 vu'"),
    "zip": (archive(), "NotAnImage", "ZIP archive.*unpack"),
    "gzip": (gzip.compress(b"x"), "NotAnImage", "gzip archive.*unpack"),
    "pdf": (b"%PDF-1.7\n", "NotAnImage", "PDF document"),
    "dicom": (bytes(128) + b"DICM\x02\0", "NotAnImage", "DICOM file.*convert"),
    "cut-jpeg": (b"\xff\xd8\xff\xe0", "DamagedHeader", "JPEG file.*4 bytes"),
    "cut-png": (saved("PNG")[:12], "DamagedHeader", "PNG file.*12 bytes"),
    "noise": (b"\x81\x02\x13\x84" * 9, "UnidentifiedImageError", "begin 81 02 13 84.*convert"),
}


@pytest.mark.parametrize(("data", "error_class", "message"), list(FILES.values()), ids=list(FILES))
def test_each_kind_of_file_says_what_it_is_and_what_to_do(data, error_class, message):
    with pytest.raises(UnreadableImage, match=message) as caught:
        decode(data)

    assert (caught.value.stage, caught.value.error_class) == ("header", error_class)


def test_all_messages_differ():
    messages = set()
    for data, _, _ in FILES.values():
        with pytest.raises(UnreadableImage) as caught:
            decode(data)
        messages.add(caught.value.message)

    assert len(messages) == len(FILES) - 1  # the two HEIF brands are one case


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP"])
def test_a_file_that_ends_early_is_named_by_its_format(file_format):
    data = saved(file_format)

    with pytest.raises(UnreadableImage, match=f"{file_format}|WebP") as caught:
        decode(data[: len(data) * 2 // 3])

    assert "again" in caught.value.message
