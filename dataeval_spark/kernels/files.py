"""Files of an image folder: which there are, which are images, and what is in them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from dataeval_spark.kernels import storage

IMAGE_EXTENSIONS = frozenset(
    f".{extension}"
    for extension in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "gif", "bmp", "dib", "tif", "tiff", "webp", "jp2", "j2k", "jpx"),
        *("avif", "heic", "heif", "ppm", "pgm", "pbm", "pnm", "tga", "psd", "ico"),
    )
)
# First bytes of the common image formats, for files whose names do not tell, and the extension of each.
SIGNATURES = {
    b"\xff\xd8\xff": ".jpg",
    b"\x89PNG\r\n\x1a\n": ".png",
    b"GIF87a": ".gif",
    b"GIF89a": ".gif",
    b"BM": ".bmp",
    b"II*\x00": ".tif",
    b"MM\x00*": ".tif",
    b"\x00\x00\x00\x0cjP  ": ".jp2",
    b"8BPS": ".psd",
}


@dataclass(frozen=True)
class File:
    """One file below a root; ``path`` is relative to it, with forward slashes; the time is None where none is kept."""

    path: str
    size: int
    modified_us: int | None
    is_image: bool


def walk(root: str, folder: str = "", *, recursive: bool = True) -> Iterator[File]:
    """Yield the files below ``root/folder`` in sorted order.

    Hidden files and folders (a leading dot) are never images, nor are files whose path is no UTF-8, which is
    shown with escapes. Links to folders are not followed.

    Parameters
    ----------
    root : str
        Directory that paths are relative to.
    folder : str
        Where to start, relative to the root.
    recursive : bool
        Go into sub-folders.

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    with os.scandir(os.path.join(root, folder)) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir(follow_symlinks=False):
            if recursive:
                yield from walk(root, path)
        elif entry.is_file():
            status = entry.stat()
            shown = os.fsencode(path).decode(errors="backslashreplace")
            hidden = any(part.startswith(".") for part in path.split("/"))
            taken = not hidden and shown == path and is_image(entry.path)
            yield File(shown, status.st_size, status.st_mtime_ns // 1000, taken)


def is_image(path: str) -> bool:
    """Whether a file has an image's extension or an image's first bytes."""
    if os.path.splitext(path)[1].lower() in IMAGE_EXTENSIONS:
        return True
    try:
        with open(path, "rb") as file:
            start = file.read(16)
    except OSError:
        return False
    return has_signature(start)


def has_signature(start: bytes) -> bool:
    """Whether a file's first 16 bytes are those of an image."""
    return extension_of(start) is not None


def extension_of(start: bytes) -> str | None:
    """The usual extension of an image's format, by its first 16 bytes; None of one that is not known.

    Examples
    --------
    >>> extension_of(b"GIF89a")
    '.gif'
    """
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return ".webp"
    return next((extension for first, extension in SIGNATURES.items() if start.startswith(first)), None)


def glob_pattern(pattern: str) -> str:
    """Regular expression for a glob over relative paths: ``*`` and ``?`` stay in a folder, ``**`` does not.

    Examples
    --------
    >>> bool(re.fullmatch(glob_pattern("**/*.jpg"), "a/b/c.jpg"))
    True
    """
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", pattern)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        known.get(part) or ("[" + part[1:-1].replace("!", "^", 1) + "]" if part.startswith("[") else re.escape(part))
        for part in parts
        if part
    )


def read_file(uri: str) -> bytes:
    """The bytes of a file or object: a path, or a URI of any kind that `storage` knows.

    Raises
    ------
    OSError
        It cannot be read.
    """
    return storage.read_bytes(uri)


def open_file(uri: str) -> BinaryIO:
    """A file or object, given as for :func:`read_file`, opened to read a part of it.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    return storage.open_file(uri)
