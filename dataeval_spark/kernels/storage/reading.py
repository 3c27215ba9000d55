"""The bytes of a file, wherever it is: local and mounted paths, object storage, whatever `objects` opens."""

from __future__ import annotations

import errno
import random
import time
from collections.abc import Callable
from typing import BinaryIO, TypeVar

from dataeval_spark.kernels.storage.objects import ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE, as_os_error, storage_of
from dataeval_spark.kernels.storage.uris import local_path

_TRANSIENT = {errno.EAGAIN, errno.EINTR, errno.EIO, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT}
_TRANSIENT |= {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN}

T = TypeVar("T")


def read_bytes(uri: str) -> bytes:
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
    >>> read_bytes("/etc/hostname")  # doctest: +SKIP
    """
    path = local_path(uri)
    return _tried(lambda: _read_local(path) if path is not None else _read_object(uri), uri)


def open_file(uri: str) -> BinaryIO:
    """A file or object opened for reading at any position, to read a part of it.

    Raises
    ------
    OSError
        As :func:`read_bytes`.
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
