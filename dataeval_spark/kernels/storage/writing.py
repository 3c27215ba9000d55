"""Files and objects written whole: on a disk under another name first, so that no reader meets half a file.

Places are those of `storage`: paths, mounted volumes, and URIs that pyarrow or fsspec can write.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from dataeval_spark.kernels.storage.reading import as_os_error, file_system
from dataeval_spark.kernels.storage.uris import local_path


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
    # A leading dot: readers of folders pass it over. Of two attempts at one task each writes its own.
    handle, temporary = tempfile.mkstemp(prefix=".writing-", dir=os.path.dirname(path) or ".")
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
    """An object appears when its stream is closed, so a failed one is cut off and removed."""
    try:
        filesystem, path = file_system(uri)
        stream = filesystem.open_output_stream(path)
    except Exception as error:
        raise as_os_error(error, uri) from None
    try:
        yield cast(BinaryIO, stream)
        stream.close()
    except BaseException as error:
        _discard(filesystem, stream, path)
        if isinstance(error, Exception):
            raise as_os_error(error, uri) from None
        raise


def _discard(filesystem: Any, stream: Any, path: str) -> None:
    """Remove what was written; where that fails too, the first error is the one to show."""
    with suppress(Exception):
        stream.close()
    with suppress(Exception):
        filesystem.delete_file(path)


def is_vacant(uri: str) -> bool:
    """Whether there is nothing at a place: no folder, or an empty one.

    Raises
    ------
    OSError
        It cannot be looked into, or is a file.
    """
    path = local_path(uri)
    if path is not None:
        return not os.path.lexists(path) or not os.listdir(path)
    from pyarrow import fs

    try:
        filesystem, key = file_system(uri)
        for recursive in (False, True):
            selector = fs.FileSelector(key.rstrip("/"), allow_not_found=True, recursive=recursive)
            found = filesystem.get_file_info(selector)
            # Folders alone are what is left of objects that were deleted.
            if not found or any(entry.is_file for entry in found):
                return not found
        return True
    except Exception as error:
        raise as_os_error(error, uri) from None


def clear(uri: str) -> None:
    """Remove a folder's contents, or all objects below a prefix.

    Raises
    ------
    OSError
        They cannot be removed.
    """
    path = local_path(uri)
    if path is not None:
        for entry in os.scandir(path):
            shutil.rmtree(entry.path) if entry.is_dir(follow_symlinks=False) else os.unlink(entry.path)
        return
    from pyarrow import fs

    try:
        filesystem, key = file_system(uri)
        # One by one: not every server that speaks S3 knows the request for many.
        for entry in filesystem.get_file_info(fs.FileSelector(key.rstrip("/"), recursive=True)):
            if entry.is_file:
                filesystem.delete_file(entry.path)
    except Exception as error:
        raise as_os_error(error, uri) from None


def _umask() -> int:
    """What a new file of this process may not be. Asking sets it, so it is set back at once."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
