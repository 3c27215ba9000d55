"""WebDataset shards, written: an image and a JSON document per sample; `webdataset` reads them.

Format: https://github.com/webdataset/webdataset.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

from dataeval_spark.kernels.formats.export_boxes import extent

# Names in the document that mean something to readers.
OWN_NAMES = ("class_name", "annotations", "split", "captured_at")


class ShardWriter:
    """Samples appended to one shard.

    Parameters
    ----------
    file : binary file
        Written forwards, from where it stands.

    Examples
    --------
    >>> with open("shard.tar", "wb") as file, ShardWriter(file) as shard:  # doctest: +SKIP
    ...     shard.add("cats/1.jpg", content, {"class_name": "cat"})
    """

    def __init__(self, file: BinaryIO) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT)  # noqa: SIM115  closed below

    def __enter__(self) -> ShardWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self._tar.close()

    def add(self, path: str, content: bytes, document: Mapping[str, Any]) -> None:
        """Append a sample.

        Parameters
        ----------
        path : str
            Of the image in the shard, with one dot in its last part: the key of a sample ends there.
        content : bytes
            The image.
        document : mapping
            What else is known of it, without what is None.
        """
        text = json.dumps({name: value for name, value in document.items() if value is not None}, default=str)
        for name, data in ((path, content), (f"{path.rpartition('.')[0]}.json", text.encode())):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o644
            # No time, so that the same samples make the same shard.
            self._tar.addfile(entry, io.BytesIO(data))


def document_of(
    targets: Sequence[Mapping[str, Any]], split: str | None, captured_at: str | None, factors: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON document of a sample.

    A single label without a box is ``class_name``; all else is ``annotations``, with boxes as in COCO.

    Examples
    --------
    >>> label = {"class_name": "cat", "box": None, "is_crowd": None, "attributes": None}
    >>> document_of([label], "train", None, {"camera": "A"})
    {'camera': 'A', 'class_name': 'cat', 'split': 'train', 'captured_at': None}
    """
    found = {name: value for name, value in factors.items() if name not in OWN_NAMES}
    return {**found, **_labels(targets), "split": split, "captured_at": captured_at}


def _labels(targets: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not targets:
        return {}
    if len(targets) == 1 and targets[0]["box"] is None and not targets[0]["attributes"]:
        return {"class_name": targets[0]["class_name"]}
    return {"annotations": [object_of(target) for target in targets]}


def object_of(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target as a record with ``class_name``, ``bbox`` (left, top, width, height; pixels), ``iscrowd`` and others."""
    others = json.loads(target["attributes"]) if target["attributes"] else {}
    found = {**others, "class_name": target["class_name"]}
    if target["box"] is not None:
        x0, y0, x1, y1 = (target["box"][key] for key in ("x0", "y0", "x1", "y1"))
        found["bbox"] = [x0, y0, extent(x0, x1, x1), extent(y0, y1, y1)]
    if target["is_crowd"] is not None:
        found["iscrowd"] = target["is_crowd"]
    return found
