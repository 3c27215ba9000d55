"""Objects below a prefix, as `files.walk` lists the files below a folder."""

from __future__ import annotations

from collections.abc import Iterator

from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS, File, has_signature
from dataeval_spark.kernels.storage.objects import Entry, as_os_error, storage_of


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
    for entry in top_entries(f"{root}/{folder}" if folder else root):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_file:
            hidden = any(part.startswith(".") for part in path.split("/"))
            is_image = not hidden and _is_image(f"{root}/{path}", entry.name)
            yield File(path, entry.size, entry.modified_us, is_image, "hidden" if hidden else None)
        elif recursive:
            yield from walk_objects(root, path)


def top_folders(root: str) -> list[str]:
    """Names of the folders directly below a URI, sorted.

    Raises
    ------
    OSError
        It cannot be listed, or nothing is there.
    """
    return [entry.name for entry in top_entries(root) if not entry.is_file]


def top_entries(uri: str) -> list[Entry]:
    """What is directly below a URI, sorted by name; raises as :func:`top_folders`."""
    try:
        storage, key = storage_of(uri)
        return sorted(storage.entries(key), key=lambda entry: entry.name)
    except Exception as error:
        raise as_os_error(error, uri) from None


def _is_image(uri: str, name: str) -> bool:
    stem, dot, extension = name.rpartition(".")
    if dot and stem:
        return f".{extension.lower()}" in IMAGE_EXTENSIONS
    try:
        storage, key = storage_of(uri)
        return has_signature(storage.start(key, 16))
    except Exception:  # one that is empty, or cannot be read
        return False
