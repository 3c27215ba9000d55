"""The bytes of a file, wherever it is: local and mounted paths, object storage, whatever pyarrow or fsspec can open.

==========================  =========================================================================================
URI                         read with, and configured by
==========================  =========================================================================================
a path, file:, dbfs:        the operating system; ``dbfs:/x`` is ``/dbfs/x``
s3:, s3a:, s3n:             pyarrow, or obstore where it is installed (extra ``object-storage``): one request for each
                            object, not two. ``AWS_ACCESS_KEY_ID``, ``AWS_SECRET_ACCESS_KEY``, ``AWS_SESSION_TOKEN``,
                            profiles and instance roles; ``AWS_REGION``; ``AWS_ENDPOINT_URL`` for other servers than
                            Amazon's; ``AWS_SKIP_SIGNATURE=true`` for public buckets
gs:, gcs:                   pyarrow; ``GOOGLE_APPLICATION_CREDENTIALS`` or the machine's account
abfs:, abfss:               pyarrow; Azure's default credentials
hdfs:, viewfs:              pyarrow, which needs Hadoop's libhdfs
others (https:, ...)        fsspec where it is installed (extra ``object-storage``)
==========================  =========================================================================================

Nothing secret belongs into a URI: URIs are kept in tables. A key is taken as it is written, without percent-decoding.
"""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, BinaryIO, TypeVar, cast

from dataeval_spark.kernels.storage import s3
from dataeval_spark.kernels.storage.uris import local_path, without_credentials

ATTEMPTS = 5
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 10.0

_S3 = ("s3", "s3a", "s3n")
_ARROW = (*_S3, "gs", "gcs", "hdfs", "viewfs", "abfs", "abfss")
_TRANSIENT_ERRNO = {errno.EAGAIN, errno.EINTR, errno.EIO, errno.EPIPE, errno.ESTALE, errno.ETIMEDOUT}
_TRANSIENT_ERRNO |= {errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTUNREACH, errno.EHOSTDOWN}
_TRANSIENT_TEXT = re.compile(
    r"time[ds]? ?out|connection (?:\w+ )?(?:re|closed|aborted|error)|network|slow_?down|throttl|too ?many ?requests"
    r"|internal_?(?:failure|error|server)|service_?unavailable|curl|resolve host|dns|\b(?:429|50[0234])\b",
    re.IGNORECASE,
)
_MISSING_TEXT = re.compile(r"NO_SUCH_(?:KEY|BUCKET)|RESOURCE_NOT_FOUND|NoSuch(?:Key|Bucket)|\b404\b")
_FORBIDDEN_TEXT = re.compile(
    r"access_?denied|forbidden|unauthori[sz]ed|unauthenticated|permission_?denied|invalid_?access_?key|invalid_?client"
    r"|signature_?does_?not_?match|expired_?token|\b40[13]\b",
    re.IGNORECASE,
)

T = TypeVar("T")


def read_bytes(uri: str, *, attempts: int = ATTEMPTS) -> bytes:
    """All bytes of a file or object.

    What may pass (a reset connection, a busy server) is tried again after a random part of 0.2, 0.4, 0.8, ... seconds.

    Parameters
    ----------
    uri : str
        A path or a URI; see the module.
    attempts : int
        How often to try.

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
    if path is not None:
        return _tried(lambda: _read_local(path), uri, attempts)
    scheme, authority, key = split(uri)
    if scheme in _S3 and s3.has_one_request_client():
        return _tried(lambda: s3.get_object(authority, key), uri, attempts)
    return _tried(lambda: _read_object(uri), uri, attempts)


def open_file(uri: str) -> BinaryIO:
    """A file or object opened for reading at any position, to read a part of it.

    Raises
    ------
    OSError
        As :func:`read_bytes`.
    """
    path = local_path(uri)
    if path is not None:
        return open(path, "rb")
    return _tried(lambda: _open_object(uri), uri, ATTEMPTS)


def file_system(uri: str) -> tuple[Any, str]:
    """The pyarrow file system of a URI, one per process and bucket, and the path in it.

    Raises
    ------
    OSError
        Nothing that is installed opens URIs of this scheme.
    """
    scheme, authority, key = split(uri)
    if scheme not in _ARROW:
        return _fsspec(scheme, uri)
    try:
        if scheme in _S3:
            return s3.file_system(authority), f"{authority}/{key}"
        found, base = _arrow(scheme, authority)
    except ImportError:  # this build of pyarrow lacks it
        return _fsspec(scheme, uri)
    return found, f"{base.rstrip('/')}/{key}"


def split(uri: str) -> tuple[str, str, str]:
    """Scheme, authority and key of a URI; the key as it is written.

    Examples
    --------
    >>> split("S3://bucket/a/100%.png")
    ('s3', 'bucket', 'a/100%.png')
    """
    scheme, _, rest = uri.partition(":")
    authority, _, key = rest.removeprefix("//").partition("/")
    return scheme.lower(), authority, key


def as_os_error(error: BaseException, uri: str) -> OSError:
    """An error of any storage library as the OSError that it means, worded without credentials."""
    shown = without_credentials(uri)
    if isinstance(error, OSError) and error.errno and local_path(uri) is not None:
        return error
    # The key may look like a status code.
    text = str(error).replace(split(uri)[2] or uri, "")
    name = type(error).__name__
    if isinstance(error, FileNotFoundError) or _MISSING_TEXT.search(text):
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), shown)
    if isinstance(error, PermissionError) or _FORBIDDEN_TEXT.search(f"{name} {text}"):
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES), shown)
    message = without_credentials((str(error).strip().splitlines() or [name])[0])[:500]
    if isinstance(error, TimeoutError | ConnectionError) or _TRANSIENT_TEXT.search(text):
        return OSError(errno.EIO, message, shown)
    known = error.errno if isinstance(error, OSError) else None
    return OSError(known or errno.EINVAL, message, shown)


def _tried(read: Callable[[], T], uri: str, attempts: int) -> T:
    for attempt in range(attempts):
        try:
            return read()
        except Exception as error:
            failure = as_os_error(error, uri)
            if attempt == attempts - 1 or failure.errno not in _TRANSIENT_ERRNO:
                raise failure from None
        time.sleep(random.uniform(0, min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)))
    raise ValueError(f"attempts is {attempts}; expected at least 1")


def _read_local(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _open_object(uri: str) -> BinaryIO:
    filesystem, path = file_system(uri)
    return cast(BinaryIO, filesystem.open_input_file(path))


def _read_object(uri: str) -> bytes:
    with _open_object(uri) as file:
        return file.read()


@lru_cache(maxsize=64)
def _arrow(scheme: str, authority: str) -> tuple[Any, str]:
    from pyarrow import fs

    return fs.FileSystem.from_uri(f"{scheme}://{authority}/")


def _fsspec(scheme: str, uri: str) -> tuple[Any, str]:
    from pyarrow import fs

    try:
        import fsspec
    except ImportError:
        hint = "pip install 'dataeval_spark[object-storage]', and what fsspec needs for this scheme"
        raise OSError(errno.EPROTONOSUPPORT, f"no library here opens {scheme}: URIs; {hint}") from None
    found, path = fsspec.core.url_to_fs(uri)
    return fs.PyFileSystem(fs.FSSpecHandler(found)), path
