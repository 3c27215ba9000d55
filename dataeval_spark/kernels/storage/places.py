"""Places on a disk or on object storage: whether a file or a folder is there, and the entries of a folder."""

from __future__ import annotations

import os
import posixpath
from itertools import islice

from dataeval_spark.kernels.storage.files import top_entries
from dataeval_spark.kernels.storage.objects import storage_of
from dataeval_spark.kernels.storage.uris import is_uri, local_path


def is_file(location: str) -> bool:
    """Whether a path or URI is a file or object; False where it cannot be looked at.

    Examples
    --------
    >>> is_file("/etc/hostname"), is_file("/etc")
    (True, False)
    """
    path = local_path(location)
    return os.path.isfile(path) if path is not None else _kind(location) == "file"


def is_folder(location: str) -> bool:
    """Whether a path is a folder, or objects lie below a URI; False where it cannot be looked at."""
    path = local_path(location)
    return os.path.isdir(path) if path is not None else _kind(location) == "folder"


def exists(location: str) -> bool:
    """Whether there is a file or a folder."""
    path = local_path(location)
    return os.path.exists(path) if path is not None else _kind(location) is not None


def entries_of(folder: str, most: int) -> tuple[list[str], list[str]]:
    """Names of files and of folders in a folder, ``most`` in all; none where it cannot be listed.

    Examples
    --------
    >>> files, folders = entries_of("s3://bucket/photos", 1000)  # doctest: +SKIP
    """
    files: list[str] = []
    folders: list[str] = []
    path = local_path(folder)
    try:
        if path is None:
            for each in islice(top_entries(folder), most):
                (files if each.is_file else folders).append(each.name)
        else:
            with os.scandir(path) as entries:
                for entry in islice(entries, most):
                    (folders if entry.is_dir() else files).append(entry.name)
    except OSError:
        return [], []
    return files, folders


def joined(folder: str, path: str) -> str:
    """A path in a folder, without ``.`` and ``..``; an absolute path stays as it is.

    Examples
    --------
    >>> joined("s3://bucket/set", "../other/images"), joined("/data/set", "./images/")
    ('s3://bucket/other/images', '/data/set/images')
    """
    if is_uri(path) or os.path.isabs(path) or not is_uri(folder):
        return path if is_uri(path) else os.path.normpath(os.path.join(folder, path))
    scheme, separator, rest = folder.partition("://")
    if not separator:
        scheme, separator, rest = folder.partition(":")
    authority, _, key = rest.partition("/")
    inner = posixpath.normpath(f"/{key}/{path}").strip("/")
    return f"{scheme}{separator}{authority}/{inner}" if inner else f"{scheme}{separator}{authority}"


def _kind(uri: str) -> str | None:
    try:
        storage, key = storage_of(uri)
        return storage.kind(key)
    except Exception:  # whatever the library of the storage raises
        return None
