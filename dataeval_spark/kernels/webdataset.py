"""WebDataset shards: tar files whose members belong together by name, read as a stream.

Format: https://github.com/webdataset/webdataset. The members of a sample follow one another and share a key, their
path up to the first dot of the base name; what follows is the field: ``a/1.jpg``, ``a/1.cls``, ``a/1.json``. No
member is written to disk, and one larger than the bound is passed over, so memory does not grow with the shard.
"""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any, BinaryIO

from dataeval_spark.kernels.annotations import Row, finding
from dataeval_spark.kernels.decode import UnreadableImage
from dataeval_spark.kernels.factor_values import factor_values
from dataeval_spark.kernels.files import IMAGE_EXTENSIONS
from dataeval_spark.kernels.image_size import upright_size
from dataeval_spark.kernels.objects import class_name, parse_objects

SHARD_ENDINGS = (".tar", ".tar.gz", ".tgz")
MAX_MEMBER_BYTES = 512 * 2**20
# A text of more is a caption or a document, not the name of a class.
MAX_CLASS_NAME = 100
CLASS_KEYS = ("class_name", "class", "label")
OBJECT_KEYS = ("annotations", "objects")


class _Entry(tarfile.TarInfo):
    """A member whose damaged header is an error; the standard library takes it for the end of the archive."""

    @classmethod
    def fromtarfile(cls, tar: tarfile.TarFile) -> _Entry:
        try:
            return super().fromtarfile(tar)
        except tarfile.HeaderError as error:
            if isinstance(error, tarfile.EOFHeaderError):  # type: ignore[attr-defined]  # the end of the archive
                raise
            raise tarfile.ReadError(f"{error} at byte {tar.offset}") from error


def read_shard(file: BinaryIO, *, max_bytes: int = MAX_MEMBER_BYTES) -> Iterator[Row]:
    """Yield the samples of a shard in order.

    The image of a sample is the member whose field is an image's extension (``jpg``, not ``mask.png``); a sample
    without one is left out. The class is in ``cls`` or ``txt`` (a line of at most 100 characters) or in the JSON's
    ``class_name``, ``class`` or ``label``; the JSON's ``annotations`` or ``objects`` (boxes as in COCO) are objects,
    ``split`` and ``captured_at`` what they say, and its other single values metadata.

    Parameters
    ----------
    file : binary file
        The shard, from its start; it is read once, forwards.
    max_bytes : int
        Size of the largest member that is read.

    Yields
    ------
    dict
        ``member`` (path of the image in the shard), ``content``, ``split``, ``captured_at``, ``factors``
        (:func:`dataeval_spark.kernels.factor_values.factor_values`), ``targets`` and ``findings`` (as in
        :mod:`dataeval_spark.kernels.annotations`). Where the shard is damaged, the last row has no member and a
        finding.

    Examples
    --------
    >>> with open("shard-0000.tar", "rb") as file:
    ...     names = [sample["member"] for sample in read_shard(file)]
    """
    seen: set[str] = set()
    try:
        for key, members, passed_over in _groups(file, max_bytes):
            findings = [_too_large(name, size, max_bytes) for name, size in passed_over]
            yield from _sample(key, members, findings, seen)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        # tarfile raises ValueError for numbers in headers that are none.
        message = "Shard is damaged; the samples before the damage are taken"
        yield {"member": None, "findings": [finding("tar", "broken_file", message, str(error)[:290], "a tar file")]}


def _groups(
    file: BinaryIO, max_bytes: int
) -> Iterator[tuple[str, dict[str, tuple[str, bytes]], list[tuple[str, int]]]]:
    """Key, field to (path, bytes) and (path, size) of members passed over, for each run of members with one key."""
    current: str | None = None
    members: dict[str, tuple[str, bytes]] = {}
    passed_over: list[tuple[str, int]] = []
    try:
        with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Entry) as tar:
            for entry in tar:
                tar.members = []  # type: ignore[attr-defined]  # or the whole directory of the shard would be kept
                name = entry.name.removeprefix("./")
                folder, _, base = name.rpartition("/")
                if not entry.isreg() or base.startswith((".", "__")) or "." not in base:
                    continue
                stem, _, field = base.partition(".")
                key = f"{folder}/{stem}" if folder else stem
                if current is not None and key != current:
                    yield current, members, passed_over
                    members, passed_over = {}, []
                current = key
                if entry.size > max_bytes:
                    passed_over.append((name, entry.size))
                    continue
                data = tar.extractfile(entry)
                if data is not None:
                    members.setdefault(field.lower(), (name, data.read()))
    except Exception:
        if current is not None:  # what was read before the damage
            yield current, members, passed_over
        raise
    if current is not None:
        yield current, members, passed_over


def _sample(key: str, members: dict[str, tuple[str, bytes]], findings: list[Row], seen: set[str]) -> Iterator[Row]:
    image = next((members[field] for field in members if f".{field}" in IMAGE_EXTENSIONS), None)
    if image is None:
        if findings:
            yield {"member": None, "findings": findings}
        return
    name, content = image
    if name in seen:
        message = "Sample stands twice in the shard; the first is taken"
        yield {"member": None, "findings": [finding(name, "duplicate_image", message, key, "one sample per key")]}
        return
    seen.add(name)
    document, broken = _document(members.get("json"))
    findings += broken
    targets: list[Row] = []
    for row in _labels(members, document, name, content):
        (findings if row["element"] == "finding" else targets).append(row)
    yield {
        "member": name,
        "content": content,
        "split": document.get("split") if isinstance(document.get("split"), str) else None,
        "captured_at": document.get("captured_at") if isinstance(document.get("captured_at"), str) else None,
        "factors": factor_values(document, without=("split", "captured_at", *CLASS_KEYS, *OBJECT_KEYS)),
        "targets": targets,
        "findings": findings,
    }


def _labels(
    members: dict[str, tuple[str, bytes]], document: dict[str, Any], image: str, content: bytes
) -> Iterator[Row]:
    """Objects where the JSON has some, else the class of the image."""
    key = next((key for key in OBJECT_KEYS if document.get(key) is not None), None)
    if key is not None:
        place = f"{members['json'][0]}:{key}"
        yield from parse_objects(document[key], size=_size(content), location=place)
        return
    place, value = image, next((document[key] for key in CLASS_KEYS if document.get(key) is not None), None)
    field = next((field for field in ("cls", "txt") if field in members), None)
    if field is not None:
        place, data = members[field]
        value = data.decode("utf-8", errors="replace").strip()
    elif value is None:
        return
    name = class_name(value, None)
    if name is None or len(name) > MAX_CLASS_NAME or len(name.splitlines()) > 1:
        expected = f"a line of at most {MAX_CLASS_NAME} characters"
        yield finding(place, "unknown_class", "Label is no name of a class", value, expected, target_index=0)
        return
    yield {"element": "target", "target_index": 0, "class_name": name, "location": place}


def _document(member: tuple[str, bytes] | None) -> tuple[dict[str, Any], list[Row]]:
    if member is None:
        return {}, []
    name, data = member
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        return {}, [finding(name, "broken_element", "Metadata are no JSON", str(error), "a JSON object")]
    if not isinstance(document, dict):
        return {}, [finding(name, "broken_element", "Metadata are no JSON object", document, "a JSON object")]
    return document, []


def _size(content: bytes) -> tuple[float, ...] | None:
    try:
        return upright_size(BytesIO(content))
    except UnreadableImage:  # the profile says so
        return None


def _too_large(name: str, size: int, max_bytes: int) -> Row:
    return finding(
        name, "broken_element", "Member is too large and was passed over", size, f"at most {max_bytes} bytes"
    )
