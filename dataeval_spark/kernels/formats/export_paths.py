"""Paths of exported images: image ids made safe to write, with an extension that tells the format."""

from __future__ import annotations

import hashlib
import os
import re

from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS, extension_of

# A file system takes 255 bytes; a copy's number, an extension and a hash come on top of these.
MAX_NAME_BYTES = 200
# Readers find the label file of an image by exchanging one of these folders for another in its path, in any case.
LABEL_FOLDERS = ("images", "labels", "jpegimages", "annotations")
# Separators of other systems, characters that some of them forbid, and control characters.
_UNSAFE = re.compile(r'[\x00-\x1f\x7f\\:*?"<>|]')


def export_path(name: str, content: bytes, *, copy: int = 0, distinct: bool = False, dots: bool = True) -> str:
    """Path of an image, relative to the export's folder.

    A name that a file system would refuse, or that leads elsewhere (``..``, a leading slash), is changed, and a hash
    of it appended so that no two names become one.

    Parameters
    ----------
    name : str
        Image id, with forward slashes.
    content : bytes
        Bytes of the file; the first ones give the extension where the name has none of an image.
    copy : int
        Number of the copy, of an image that was taken several times.
    distinct : bool
        Whether to append the hash in any case: another name differs by its extension only, which the format drops.
    dots : bool
        Whether to keep dots in the name besides that of the extension.

    Examples
    --------
    >>> export_path("cats/1", b"GIF89a"), export_path("cats/1.jpg", b"", copy=2)
    ('cats/1.gif', 'cats/1-copy2.jpg')
    """
    folder, _, base = name.rpartition("/")
    stem, extension = os.path.splitext(base)
    if extension.lower() not in IMAGE_EXTENSIONS:
        stem, extension = base, extension_of(content) or ".img"
    parts = [_safe(part) for part in folder.split("/")] if folder else []
    path = "/".join([*parts, _safe(stem if dots else stem.replace(".", "_"))])
    if distinct or path != (f"{folder}/{stem}" if folder else stem):
        path = f"{path}-{_hash(name)}"
    return f"{path}-copy{copy}{extension}" if copy else f"{path}{extension}"


def beside_labels(path: str) -> str:
    """Path below a folder of images whose label files are in another folder: no further folder is named like these.

    Examples
    --------
    >>> beside_labels("coco/images/train/1.jpg")
    'coco/images_/train/1.jpg'
    """
    *folders, name = path.split("/")
    return "/".join([*(f"{folder}_" if folder.lower() in LABEL_FOLDERS else folder for folder in folders), name])


def safe_folder(name: str) -> str:
    """A class or split as the name of one folder.

    Examples
    --------
    >>> safe_folder("cat"), safe_folder("a/b")[:4]
    ('cat', 'a_b-')
    """
    safe = _safe(name.replace("/", "_"))
    return safe if safe == name else f"{safe}-{_hash(name)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:10]


def _safe(part: str) -> str:
    """A safe part of a path. Names with a leading dot are hidden, and readers of folders pass them over."""
    part = _UNSAFE.sub("_", part.encode(errors="replace").decode())
    part = re.sub(r"^\.+", lambda dots: "_" * len(dots[0]), part) or "_"
    while len(part.encode()) > MAX_NAME_BYTES:
        part = part[:-1]
    return part
