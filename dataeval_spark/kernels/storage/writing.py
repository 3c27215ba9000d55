"""Files and objects written whole: on a disk under another name first, so that no reader meets half a file.

Places are those of `storage`: paths, mounted volumes, and URIs of `objects`.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, cast

from dataeval_spark.kernels.storage.objects import storage_at
from dataeval_spark.kernels.storage.uris import local_path, without_credentials

# Bytes to be written to an object wait in memory up to this size, then on the disk.
SPOOLED = 32 * 2**20
# How names of files begin that are being written. A leading dot: readers of folders pass them over.
UNFINISHED = ".writing-"


def write_bytes(uri: str, data: bytes) -> None:
    """Write a file or object; folders above a file are made.

    Raises
    ------
    OSError
        It cannot be written. Neither the message nor what is chained to it has credentials.

    Examples
    --------
    >>> write_bytes("/tmp/export/a.txt", b"text")  # doctest: +SKIP
    """
    with open_for_writing(uri) as file:
        file.write(data)


@contextmanager
def open_for_writing(uri: str) -> Iterator[BinaryIO]:
    """A file or object to write from its start; it is there when the block ends, and not when it fails.

    Raises
    ------
    OSError
        As :func:`write_bytes`.
    """
    path = local_path(uri)
    if path is None:
        with _object(uri) as file:
            yield file
        return
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    # Of two attempts at one task each writes its own.
    handle, temporary = tempfile.mkstemp(prefix=UNFINISHED, dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        with suppress(OSError):  # mounted storage may know no rights
            os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


@contextmanager
def _object(uri: str) -> Iterator[BinaryIO]:
    """An object is sent when all of it is written: no reader meets half of one."""
    with storage_at(uri) as (storage, key), tempfile.SpooledTemporaryFile(SPOOLED) as spooled:
        file = cast(BinaryIO, spooled)
        yield file
        file.seek(0)
        storage.write(key, file)


def is_vacant(uri: str) -> bool:
    """Whether there is nothing at a place: no folder, or one with nothing but what a killed process was writing.

    Raises
    ------
    OSError
        It cannot be looked into, or is a file.
    """
    path = local_path(uri)
    if path is not None:
        return not os.path.lexists(path) or all(name.startswith(UNFINISHED) for name in os.listdir(path))
    with storage_at(uri) as (storage, key):
        is_file = storage.kind(key) == "file"
        is_empty = not any(storage.files_below(key))
    if is_file:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), without_credentials(uri))
    return is_empty


def clear(uri: str, keep: str | None = None) -> None:
    """Remove a folder's contents, or all objects below a prefix, but for the file of a name.

    Raises
    ------
    OSError
        They cannot be removed.
    """
    path = local_path(uri)
    if path is not None:
        for entry in os.scandir(path):
            if entry.name == keep:
                continue
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        return
    with storage_at(uri) as (storage, key):
        kept = f"{key}/{keep}".strip("/")
        storage.delete(file for file in storage.files_below(key) if file.strip("/") != kept)


def _umask() -> int:
    """Rights that a new file of this process does not get. Asking sets the mask, so it is set back at once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
