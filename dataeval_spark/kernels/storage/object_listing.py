"""Objects below a prefix, as `files.walk` lists the files below a folder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS, File, has_signature
from dataeval_spark.kernels.storage.reading import as_os_error, file_system, open_file


def walk_objects(root: str, folder: str = "", *, recursive: bool = True) -> Iterator[File]:
    """Yield the objects below ``root/folder`` in sorted order, folder by folder.

    What is hidden and what is an image is as for files, but an object is looked into (a read of 16 bytes) only where
    its name has no extension. Memory grows with the largest folder, about 1 kB an object.

    Parameters
    ----------
    root : str
        URI that paths are relative to, such as ``s3://bucket/prefix``.
    folder : str
        Where to start, relative to the root.
    recursive : bool
        Go into sub-folders.

    Raises
    ------
    OSError
        It cannot be listed.
    """
    for name, entry in _entries(root, folder):
        path = f"{folder}/{name}" if folder else name
        if entry.is_file:
            modified_us = None if entry.mtime_ns is None else entry.mtime_ns // 1000
            hidden = any(part.startswith(".") for part in path.split("/"))
            is_image = not hidden and _is_image(f"{root}/{path}", name)
            yield File(path, entry.size or 0, modified_us, is_image, "hidden" if hidden else None)
        elif recursive:
            yield from walk_objects(root, path)


def top_folders(root: str) -> list[str]:
    """Names of the folders directly below a URI, sorted.

    Raises
    ------
    OSError
        It cannot be listed, or nothing is there.
    """
    return [name for name, entry in _entries(root, "") if not entry.is_file]


def top_entries(root: str) -> list[tuple[str, bool]]:
    """Names directly below a URI, sorted, and whether each is an object.

    Raises
    ------
    OSError
        As :func:`top_folders`.
    """
    return [(name, bool(entry.is_file)) for name, entry in _entries(root, "")]


def _entries(root: str, folder: str) -> list[tuple[str, Any]]:
    from pyarrow import fs

    uri = f"{root}/{folder}" if folder else root
    try:
        filesystem, path = file_system(uri)
        found = filesystem.get_file_info(fs.FileSelector(path.rstrip("/")))
    except Exception as error:
        raise as_os_error(error, uri) from None
    return sorted((entry.base_name, entry) for entry in found)


def _is_image(uri: str, name: str) -> bool:
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        return f".{extension.lower()}" in IMAGE_EXTENSIONS
    try:
        with open_file(uri) as file:
            return has_signature(file.read(16))
    except OSError:
        return False
