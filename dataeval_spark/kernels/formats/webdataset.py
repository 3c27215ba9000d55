"""WebDataset shards: tar files whose members belong together by name, read as a stream and written.

Format: https://github.com/webdataset/webdataset. The members of a sample follow one another and share a key, their
path up to the first dot of the base name; what follows is the field: ``a/1.jpg``, ``a/1.cls``, ``a/1.json``. Several
images of one key are an image each. No
member is written to disk, and one larger than the bound is passed over, so memory does not grow with the shard.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as field_of
from io import BytesIO
from typing import Any, BinaryIO

from dataeval_spark.kernels.formats.annotations import Row, finding
from dataeval_spark.kernels.formats.export_boxes import sized
from dataeval_spark.kernels.formats.factor_values import factor_values
from dataeval_spark.kernels.formats.objects import class_name, parse_objects
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.image_size import upright_size
from dataeval_spark.kernels.storage.files import IMAGE_EXTENSIONS

# Names in the document that mean something to readers.
OWN_NAMES = ("class_name", "annotations", "split", "captured_at")

SHARD_ENDINGS = (".tar", ".tar.gz", ".tgz")
MAX_MEMBER_BYTES = 512 * 2**20
# A text of more is a caption or a document, not the name of a class.
MAX_CLASS_NAME = 100
CLASS_KEYS = ("class_name", "class", "label")
OBJECT_KEYS = ("annotations", "objects")
# A picture of such a field describes the image beside it, such as a mask.
MASK_WORDS = frozenset(
    ("mask", "masks", "seg", "segmentation", "semantic", "instance", "panoptic", "depth", "normal", "alpha", "matte")
)


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


def key_and_field(name: str) -> tuple[str, str] | None:
    """The key of a member and its field: the path up to the first dot of the base name, and the rest of the name.

    None where the library passes a member over: its base name begins with a dot or has none, or it lies at the top and
    its name is of the form ``__name__``.

    Examples
    --------
    >>> key_and_field("a.b/1.left.JPG"), key_and_field("a/.hidden.jpg") is None
    (('a.b/1', 'left.jpg'), True)
    """
    name = name.removeprefix("./")
    folder, slash, base = name.rpartition("/")
    stem, dot, field = base.partition(".")
    if not stem or not dot or (not slash and base.startswith("__") and base.endswith("__")):
        return None
    return f"{folder}{slash}{stem}", field.lower()


def is_image_field(field: str) -> bool:
    """Whether a member of this field is an image of the sample, and not a mask or the like of it.

    Examples
    --------
    >>> is_image_field("jpg"), is_image_field("left.png"), is_image_field("mask.png"), is_image_field("cls")
    (True, True, False, False)
    """
    *words, extension = field.split(".")
    return f".{extension}" in IMAGE_EXTENSIONS and not any(word in MASK_WORDS for word in words)


@dataclass
class _Sample:
    """Members of one key that were read: path and bytes by field."""

    key: str
    members: dict[str, tuple[str, bytes]] = field_of(default_factory=dict)
    findings: list[Row] = field_of(default_factory=list)


class _Tally:
    """Counts of members by role and reason, with the first three names of each."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._names: defaultdict[tuple[str, str | None], list[str]] = defaultdict(list)

    def add(self, role: str, name: str, reason: str | None = None) -> None:
        self._counts[role, reason] += 1
        if self._counts[role, reason] <= 3:
            self._names[role, reason].append(name)

    def rows(self) -> list[dict[str, Any]]:
        """Role, reason, number and examples."""
        return [
            {"role": role, "reason": reason, "n": n, "found": ", ".join(self._names[role, reason])[:300]}
            for (role, reason), n in self._counts.items()
        ]


def read_shard(file: BinaryIO, *, max_bytes: int = MAX_MEMBER_BYTES) -> Iterator[Row]:
    """Yield the samples of a shard in order, an image each.

    The images of a sample are the members whose field ends in an image's extension (``jpg``, ``left.png``; not
    ``mask.png``); a sample without one is left out. The class of its images is in ``cls`` or ``txt`` (a line of at most
    100 characters) or in the JSON's ``class_name``, ``class`` or ``label``; the JSON's ``annotations`` or ``objects``
    (boxes as in COCO) are objects, ``split`` and ``captured_at`` what they say, and its other single values metadata.

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
        (:func:`dataeval_spark.kernels.formats.factor_values.factor_values`), ``targets`` and ``findings`` (as in
        :mod:`dataeval_spark.kernels.formats.annotations`). The last row has no member; its ``account`` says
        how every member was used (role, reason, n, found), and where the shard is damaged it has a finding.

    Examples
    --------
    >>> with open("shard-0000.tar", "rb") as file:  # doctest: +SKIP
    ...     names = [sample["member"] for sample in read_shard(file) if sample["member"]]
    """
    past_names: set[str] = set()
    tally = _Tally()
    findings: list[Row] = []
    try:
        for sample in _samples(file, max_bytes, tally):
            yield from _images(sample, past_names, tally)
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError, RecursionError) as error:
        # tarfile raises ValueError where a header has no number in the place of one.
        message = "Shard is damaged; the samples before the damage are taken"
        findings = [finding("tar", "broken_file", message, str(error)[:290], "a tar file")]
    yield {"member": None, "findings": findings, "account": tally.rows()}


def _samples(file: BinaryIO, max_bytes: int, tally: _Tally) -> Iterator[_Sample]:
    """Runs of members with one key; members that belong to none, or are not read, are counted."""
    current: _Sample | None = None
    try:
        with tarfile.open(fileobj=file, mode="r|*", tarinfo=_Entry) as tar:
            for entry in tar:
                tar.members = []  # type: ignore[attr-defined]  # or the whole directory of the shard would be kept
                name = entry.name.removeprefix("./")
                name_parts = key_and_field(name) if entry.isreg() else None
                if name_parts is None:
                    tally.add("skipped", name, "no_key" if entry.isreg() else "not_a_file")
                    continue
                key, field = name_parts
                if current is not None and key != current.key:
                    yield current
                    current = None
                current = current or _Sample(key)
                _add(current, tar, entry, field, max_bytes, tally)
    except Exception:
        if current is not None:  # what was read before the damage
            yield current
        raise
    if current is not None:
        yield current


def _add(
    sample: _Sample, tar: tarfile.TarFile, entry: tarfile.TarInfo, field: str, max_bytes: int, tally: _Tally
) -> None:
    name = entry.name.removeprefix("./")
    if field in sample.members:
        tally.add("skipped", name, "repeated")
        message = "Another member of the sample has this field; the first is taken"
        sample.findings.append(finding(name, "broken_element", message, name, "one member per field"))
    elif entry.size > max_bytes:
        tally.add("skipped", name, "too_large")
        message, expected = "Member is too large and was passed over", f"at most {max_bytes} bytes"
        sample.findings.append(finding(name, "broken_element", message, entry.size, expected))
    else:
        data = tar.extractfile(entry)
        sample.members[field] = (name, b"" if data is None else data.read())


def _images(sample: _Sample, past_names: set[str], tally: _Tally) -> Iterator[Row]:
    images = [member for field, member in sample.members.items() if is_image_field(field)]
    if not images:
        for name, _ in sample.members.values():
            tally.add("skipped", name, "no_image")
        if sample.findings:
            yield {"member": None, "findings": sample.findings}
        return
    if images[0][0] in past_names:
        for name, _ in sample.members.values():
            tally.add("skipped", name, "repeated")
        message = "Sample stands twice in the shard; the first is taken"
        doubled = finding(images[0][0], "duplicate_image", message, sample.key, "one sample per key")
        yield {"member": None, "findings": [*sample.findings, doubled]}
        return
    own_fields = {"json", "cls" if "cls" in sample.members else "txt"}
    for field, (name, _) in sample.members.items():
        if is_image_field(field):
            tally.add("images", name)
        elif field in own_fields:
            tally.add("annotations", name)
        else:
            tally.add("skipped", name, "unknown_member")
    document, broken = _document(sample.members.get("json"))
    sample_findings = [*sample.findings, *broken]
    for name, content in images:
        past_names.add(name)
        targets: list[Row] = []
        findings, sample_findings = sample_findings, []  # what concerns the sample is said once
        for row in _labels(sample.members, document, name, content):
            (targets if row["element"] == "target" else findings).append(row)
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
        value = decode_text(data)[0].strip()
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


class ShardWriter:
    """Samples appended to one shard.

    Parameters
    ----------
    file : binary file
        File to write, forwards from its position.

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
            Path of the image in the shard, with one dot in its last part: the key of a sample ends there.
        content : bytes
            Bytes of the image.
        document : mapping
            Other facts about the image; those that are None are left out.
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
    document = {name: value for name, value in factors.items() if name not in OWN_NAMES}
    if len(targets) == 1 and targets[0]["box"] is None and not targets[0]["attributes"]:
        document["class_name"] = targets[0]["class_name"]
    elif targets:
        document["annotations"] = [object_of(target) for target in targets]
    return {**document, "split": split, "captured_at": captured_at}


def object_of(target: Mapping[str, Any]) -> dict[str, Any]:
    """A target as a record with ``class_name``, ``bbox`` (left, top, width, height; pixels), ``iscrowd`` and others."""
    extras = json.loads(target["attributes"]) if target["attributes"] else {}
    record = {**extras, "class_name": target["class_name"]}
    if target["box"] is not None:
        record["bbox"] = sized(target["box"])
    if target["is_crowd"] is not None:
        record["iscrowd"] = target["is_crowd"]
    return record
