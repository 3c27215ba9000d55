"""Files of an image folder, on a disk or on object storage: which there are, which are images, and their bytes."""

from __future__ import annotations

import errno
import os
import random
import re
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

from dataeval_spark.kernels.storage.objects import (
    ATTEMPTS,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    Entry,
    as_os_error,
    storage_at,
    storage_of,
)
from dataeval_spark.kernels.storage.uris import local_path

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

# Why an entry of a folder is passed over, whatever format is read.
REASONS = {
    "hidden": "its name, or that of a folder above it, begins with a dot",
    "broken_link": "a link to nothing",
    "link_cycle": "a link to a folder that it lies in",
    "unreadable_folder": "a folder that cannot be listed",
    "no_regular_file": "a pipe, socket or device",
    "name_is_no_utf8": "its name is no UTF-8",
}

# Errors that may pass.
_TRANSIENT = {errno.EAGAIN, errno.EINTR, errno.EIO, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT}
_TRANSIENT |= {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN}

T = TypeVar("T")


@dataclass(frozen=True)
class File:
    """One file below a root; ``path`` is relative to it, with forward slashes; the time is None where none is kept.

    ``reason`` is why it is passed over, one of `REASONS`; None where it may be read.
    """

    path: str
    size: int
    modified_us: int | None
    is_image: bool
    reason: str | None = None


def walk(root: str, folder: str = "", *, recursive: bool = True) -> Iterator[File]:
    """Yield the entries below ``root/folder`` in sorted order: every file, and every folder that cannot be gone into.

    Hidden files and folders (a leading dot) are never images, nor are files whose path is no UTF-8, which is
    shown with escapes. Links are followed, but for one to a folder that the link lies in. An object is looked into (a
    read of 16 bytes) only where its name has no extension; memory grows with the largest folder of objects, about 1 kB
    each.

    Parameters
    ----------
    root : str
        Directory or URI, such as ``s3://bucket/prefix``, that paths are relative to.
    folder : str
        Where to start, relative to the root.
    recursive : bool
        Go into sub-folders.

    Raises
    ------
    OSError
        The root cannot be listed.
    """
    if (local := local_path(root)) is None:
        yield from _walk_objects(root, folder, recursive=recursive)
        return
    root = local
    real_root = os.path.realpath(root)
    above = frozenset({real_root, *map(str, Path(real_root).parents)})
    above |= {os.path.realpath(os.path.join(root, parent)) for parent in Path(folder).parents}
    start = os.path.join(root, folder)
    if folder and os.path.islink(start) and os.path.realpath(start) in above:
        yield _passed_over(folder, "link_cycle")
        return
    yield from _walk(root, folder, above | {os.path.realpath(start)}, recursive=recursive)


def _walk(root: str, folder: str, above: frozenset[str], *, recursive: bool) -> Iterator[File]:
    try:
        with os.scandir(os.path.join(root, folder)) as unsorted:
            entries = sorted(unsorted, key=lambda entry: entry.name)
    except OSError:
        if not folder:
            raise
        yield _passed_over(folder, "unreadable_folder")
        return
    for entry in entries:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if _is_folder(entry):
            if not recursive:
                continue
            place = os.path.realpath(entry.path) if entry.is_symlink() else f"{os.path.realpath(root)}/{path}"
            if entry.is_symlink() and place in above:
                yield _passed_over(path, "link_cycle")
            else:
                yield from _walk(root, path, above | {place}, recursive=True)
        else:
            yield _file(entry, path)


def _walk_objects(root: str, folder: str, *, recursive: bool) -> Iterator[File]:
    for entry in top_entries(f"{root}/{folder}" if folder else root):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_file:
            is_hidden = _is_hidden(path)
            is_taken = not is_hidden and _is_image_object(f"{root}/{path}", entry.name)
            yield File(path, entry.size, entry.modified_us, is_taken, "hidden" if is_hidden else None)
        elif recursive:
            yield from _walk_objects(root, path, recursive=True)


def top_folders(root: str) -> list[str]:
    """Names of the folders directly below a directory or URI, sorted.

    Raises
    ------
    OSError
        It cannot be listed, or nothing is there.
    """
    if (local := local_path(root)) is None:
        return [entry.name for entry in top_entries(root) if not entry.is_file]
    with os.scandir(local) as entries:
        return sorted(entry.name for entry in entries if _is_folder(entry))


def top_entries(uri: str) -> list[Entry]:
    """Entries directly below a URI, sorted by name; raises as :func:`top_folders`."""
    with storage_at(uri) as (storage, key):
        return sorted(storage.entries(key), key=lambda entry: entry.name)


def _is_image_object(uri: str, name: str) -> bool:
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        return f".{extension.lower()}" in IMAGE_EXTENSIONS
    try:
        storage, key = storage_of(uri)
        return has_signature(storage.start(key, 16))
    except Exception:  # one that is empty, or cannot be read
        return False


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") for part in path.split("/"))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a folder, or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # links in a circle
        return False


def _file(entry: os.DirEntry[str], path: str) -> File:
    shown = os.fsencode(path).decode(errors="backslashreplace")
    try:
        status = entry.stat()
    except OSError:
        return _passed_over(path, "broken_link")
    if not stat.S_ISREG(status.st_mode):
        return _passed_over(path, "no_regular_file")
    reason = None
    if _is_hidden(path):
        reason = "hidden"
    elif shown != path:
        reason = "name_is_no_utf8"
    taken = reason is None and is_image(entry.path)
    return File(shown, status.st_size, status.st_mtime_ns // 1000, taken, reason)


def _passed_over(path: str, reason: str) -> File:
    return File(os.fsencode(path).decode(errors="backslashreplace"), 0, None, False, reason)


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
    wildcards = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(
        wildcards.get(part)
        or ("[" + part[1:-1].replace("!", "^", 1) + "]" if part.startswith("[") else re.escape(part))
        for part in parts
        if part
    )


def read_file(uri: str) -> bytes:
    """All bytes of a file or object.

    What may pass (a reset connection, a busy server, an error of a mounted volume) is tried again, five times in all,
    after random pauses that grow from 0.2 seconds.

    Parameters
    ----------
    uri : str
        A path; a ``file:`` URI; ``dbfs:/x``, which is ``/dbfs/x``; or a URI of `objects`.

    Raises
    ------
    OSError
        It cannot be read: FileNotFoundError when there is no such object, PermissionError when it may not be read.
        Neither the message nor what is chained to it has credentials.

    Examples
    --------
    >>> read_file("/etc/hostname")  # doctest: +SKIP
    """
    path = local_path(uri)
    return _tried(lambda: _read_local(path) if path is not None else _read_object(uri), uri)


def open_file(uri: str) -> BinaryIO:
    """A file or object opened for reading at any position, to read a part of it.

    Raises
    ------
    OSError
        As :func:`read_file`.
    """
    path = local_path(uri)
    return open(path, "rb") if path is not None else _tried(lambda: _open_object(uri), uri)


def _tried(read: Callable[[], T], uri: str) -> T:
    attempt = 1
    while True:
        try:
            return read()
        except Exception as error:
            # The errors of obstore are other ones: it has tried again itself.
            may_pass = isinstance(error, TimeoutError | ConnectionError) or getattr(error, "errno", None) in _TRANSIENT
            if attempt == ATTEMPTS or not may_pass:
                raise as_os_error(error, uri) from None
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1))))
        attempt += 1


def _read_local(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _read_object(uri: str) -> bytes:
    storage, key = storage_of(uri)
    return storage.read(key)


def _open_object(uri: str) -> BinaryIO:
    storage, key = storage_of(uri)
    return storage.open(key)
