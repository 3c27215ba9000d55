"""An export's samples, written by a task: files of images and labels, shards, or rows of parquet files as
Hugging Face datasets reads them, and the result for each image.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from dataeval_spark.kernels.formats.coco import annotation_texts, image_text
from dataeval_spark.kernels.formats.export_boxes import fitted
from dataeval_spark.kernels.formats.export_paths import beside_labels, export_path, safe_folder
from dataeval_spark.kernels.formats.voc import annotation_text
from dataeval_spark.kernels.formats.webdataset import ShardWriter, document_of, object_of
from dataeval_spark.kernels.formats.yolo import label_text
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage
from dataeval_spark.kernels.images.decoding.image_size import is_turned_by_exif, upright_size
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.writing import open_for_writing, write_bytes
from dataeval_spark.options import ExportFormat
from dataeval_spark.tables.arrow import arrow_schema, arrow_type

IMAGE = arrow_type("struct<bytes: binary, path: string>")
OBJECTS = arrow_type("array<struct<class_name: string, bbox: array<double>, iscrowd: boolean, attributes: string>>")
WRITTEN_DDL = (
    "number bigint, path string, width int, height int, bytes bigint, image_text string, annotations_text string, "
    "boxes_clipped int, boxes_left_out int, is_turned boolean, error string"
)
WRITTEN = arrow_schema(WRITTEN_DDL)

# How the error of an image that is left out begins.
UNREADABLE = "Cannot be read"
NO_CLASS = "No class"
LOST = "Labels are lost"
NO_PART = "In no part"
# Formats that hold boxes alone, in a file of labels for each image.
OF_BOXES = ("yolo", "voc")
Row = Mapping[str, Any]
UNSORTED = "all"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Layout:
    """Place and form of an export.

    Attributes
    ----------
    root : str
        Folder or URI.
    format : str
        Format of the export.
    classes : mapping of str to int
        Number of each class: from 1 for COCO, from 0 for YOLO.
    samples_per_shard : int
        Number of samples per shard, for WebDataset.
    with_lost_labels : bool
        Whether to write images none of whose labels can be written, as images without labels.
    unlabelled_folder : str, optional
        Folder of the images without a class, in an export as folders; without it they are left out.
    """

    root: str
    format: ExportFormat
    classes: Mapping[str, int]
    samples_per_shard: int = 1000
    with_lost_labels: bool = False
    unlabelled_folder: str | None = None

    def path(self, row: Row, content: bytes) -> str:
        """Path of an image in the export.

        ``images/NAME`` for COCO, ``images/SPLIT/NAME`` for YOLO, ``JPEGImages/NAME`` for VOC, ``[SPLIT/]CLASS/NAME``
        for a folder. Except for COCO, a name that begins with these does not get them twice. For YOLO and VOC, no
        other folder of the path has the name of one of theirs.
        """
        path = export_path(
            row["name"],
            content,
            copy=row["copy"],
            distinct=bool(row.get("shares_stem")),
            dots=self.format != "webdataset",  # a sample's key ends at the first one
        )
        if self.format == "coco":
            return f"images/{path}"
        if self.format == "yolo":
            folder = images_of(row["split"])
            return f"{folder}/{beside_labels(path.removeprefix(f'{folder}/').removeprefix('images/'))}"
        if self.format == "voc":
            return f"JPEGImages/{beside_labels(path.removeprefix('JPEGImages/').removeprefix('images/'))}"
        if self.format == "folder":
            class_name = row["targets"][0]["class_name"] if row["targets"] else self.unlabelled_folder
            split, label = (safe_folder(name) if name else "" for name in (row["split"], class_name))
            folders = [f"{folder}/" for folder in (split, label) if folder]
            if path.startswith("".join(folders)):
                return path
            return "".join(folders[:-1] if path.startswith(folders[-1]) else folders) + path
        return path


def images_of(split: str | None) -> str:
    """The folder of a split's images in an export as YOLO."""
    return f"images/{beside_labels(safe_folder(split or UNSORTED) + '/').removesuffix('/')}"


def written_files(rows: Iterable[Row], layout: Layout) -> Iterator[dict[str, Any]]:
    """Write the file of each image, and for YOLO and VOC its labels; yield a result for each.

    Parameters
    ----------
    rows : iterable of mappings
        Columns of :func:`dataeval_spark.verbs.export.samples.samples_of`, ``content`` (bytes, or None for those to be
        read from ``uri``), ``number`` and ``weight_before`` (labels of all images before). ``lost`` is the reason why
        labels were lost earlier, ``unreadable`` the reason why the pixels cannot be read; else None.
    layout : Layout
        Folder, COCO, YOLO or VOC.

    Yields
    ------
    dict
        ``number``, ``path``, ``width``, ``height``, ``bytes``, ``boxes_clipped`` and ``boxes_left_out``, and
        ``is_turned``; for COCO ``image_text`` and ``annotations_text``, for VOC as ``image_text`` the line of a list;
        or ``error``: an image that cannot be read, has no size, has no class where the format needs one, or has lost
        all its labels, is not written.
    """
    for row in rows:
        content, targets, facts = _read(row, layout)
        if "error" in facts:
            yield facts
            continue
        size = facts["width"], facts["height"]
        path = facts["path"] = layout.path(row, content)
        write_bytes(f"{layout.root}/{path}", content)
        if layout.format == "coco":
            number = row["number"] + 1
            below = path.removeprefix("images/")
            facts["image_text"] = image_text(number, below, size, time_of(row["captured_us"]))
            texts = annotation_texts(row["weight_before"] + 1, number, targets, layout.classes)
            facts["annotations_text"] = ",\n".join(texts) or None
        elif layout.format == "yolo":
            labels = f"labels/{path.removeprefix('images/').rpartition('.')[0]}.txt"
            write_bytes(f"{layout.root}/{labels}", label_text(targets, size, layout.classes).encode())
        elif layout.format == "voc":
            below = path.removeprefix("JPEGImages/")
            facts["image_text"] = stem = below.rpartition(".")[0]
            write_bytes(f"{layout.root}/Annotations/{stem}.xml", annotation_text(below, size, targets).encode())
        yield facts


def written_shards(rows: Iterable[Row], layout: Layout) -> Iterator[dict[str, Any]]:
    """Write samples to the shards that their numbers give; yield a result for each, as :func:`written_files`.

    Parameters
    ----------
    rows : iterable of mappings
        Rows as there, in the order of their numbers; all samples of a shard are among them.
    layout : Layout
        WebDataset.
    """
    current: int | None = None
    with ExitStack() as stack:
        shard: ShardWriter | None = None
        for row in rows:
            shard_number = row["number"] // layout.samples_per_shard
            if shard is None or shard_number != current:
                stack.close()
                file = stack.enter_context(open_for_writing(f"{layout.root}/shard-{shard_number:06d}.tar"))
                shard, current = stack.enter_context(ShardWriter(file)), shard_number
            content, targets, facts = _read(row, layout)
            if "error" in facts:
                yield facts
                continue
            path = layout.path(row, content)
            moment = time_of(row["captured_us"])
            captured_at = None if moment is None else moment.isoformat()
            factors = json.loads(row["factors"]) if row["factors"] else {}
            document = document_of(targets, row["split"], captured_at, factors)
            shard.add(path, content, document)
            yield {**facts, "path": f"shard-{shard_number:06d}.tar/{path}"}


def table_rows(rows: Iterable[Row], layout: Layout) -> Iterator[dict[str, Any]]:
    """For each row of a parquet export ``number``, ``path``, ``data`` (bytes), ``objects`` and size, or ``error``."""
    for row in rows:
        content, targets, facts = _read(row, layout)
        if "error" in facts:
            yield facts
            continue
        # The attributes are a column of their own.
        objects = [{**object_of({**each, "attributes": None}), "attributes": each["attributes"]} for each in targets]
        yield {**facts, "path": layout.path(row, content), "data": content, "objects": objects}


def time_of(microseconds: int | None) -> datetime | None:
    """An instant from microseconds since 1970."""
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)


def _read(row: Row, layout: Layout) -> tuple[bytes, list[Row], dict[str, Any]]:
    """Bytes of an image, its labels as they can be written, and its number with size and counts, or with an error."""
    if row["unreadable"] is not None:
        return b"", [], {"number": row["number"], "error": f"{UNREADABLE}: {row['unreadable']}"}
    if error := _no_class(row, layout):
        return b"", [], {"number": row["number"], "error": error}
    try:
        content = row["content"] if row["content"] is not None else read_file(row["uri"] or "")
        width, height = upright_size(io.BytesIO(content))
        is_turned = is_turned_by_exif(io.BytesIO(content))
    except (OSError, UnreadableImage) as error:
        return b"", [], {"number": row["number"], "error": f"{UNREADABLE}: {type(error).__name__}: {error}"[:500]}
    targets, clipped, left_out = fitted(row["targets"], (width, height))
    writable = [each for each in targets if each["box"] is not None] if layout.format in OF_BOXES else targets
    if not writable and not layout.with_lost_labels and (lost := _lost(row, layout)):
        return b"", [], {"number": row["number"], "error": f"{LOST}: {lost}", "boxes_left_out": left_out}
    counts = {"boxes_clipped": clipped, "boxes_left_out": left_out, "is_turned": is_turned}
    facts = {"number": row["number"], "bytes": len(content), "width": width, "height": height, **counts}
    return content, targets, facts


def _no_class(row: Row, layout: Layout) -> str | None:
    """Error of an image that has no folder in an export as folders."""
    if layout.format != "folder" or row["targets"] or layout.unlabelled_folder:
        return None
    if row["lost"] is not None and not layout.with_lost_labels:
        return f"{LOST}: {row['lost']}"
    return f"{NO_CLASS}: the folder format needs one (unlabelled_folder names a folder for images without)"


def _lost(row: Row, layout: Layout) -> str | None:
    """Reason why none of the labels of an image is written: a trainer would take the image for background."""
    if row["lost"] is not None:
        return str(row["lost"])
    if layout.format == "folder":
        return None
    if any(target["box"] is not None for target in row["targets"]):
        return "no box has an area in the image"
    if row["targets"]:
        return f"{layout.format} holds boxes"
    return "labels have no class" if row["unlabelled"] else None


def written_table(batches: Iterator[pa.RecordBatch], *, layout: Layout, is_plain: bool) -> Iterator[pa.RecordBatch]:
    """Write the samples of a partition to parquet files, and yield a result for each.

    Parameters
    ----------
    batches : iterator of RecordBatch
        Samples, all of a file one after the other in the order of their numbers, with ``content``, and ``shown``, a
        struct of the columns to write.
    layout : Layout
        Place to write to; a file holds those of ``samples_per_shard`` numbers that could be read.
    is_plain : bool
        Whether the label is among the columns to write; else ``objects`` are written.

    Yields
    ------
    RecordBatch
        Columns of `WRITTEN`.
    """
    current: int | None = None
    with ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for batch in batches:
            rows = list(table_rows(batch.drop_columns(["shown"]).to_pylist(), layout))
            table = _table(batch, rows, is_plain)
            written = [row["number"] for row in rows if row.get("path")]
            for shard, each in groupby(written, key=lambda number: number // layout.samples_per_shard):
                numbers = list(each)
                if writer is None or shard != current:
                    stack.close()
                    file = stack.enter_context(open_for_writing(f"{layout.root}/data/from-{numbers[0]:09d}.parquet"))
                    writer, current = stack.enter_context(pq.ParquetWriter(file, table.schema)), shard
                writer.write_table(table.slice(0, len(numbers)))
                table = table.slice(len(numbers))
            results = [{name: row.get(name) for name in WRITTEN.names} for row in rows]
            yield pa.RecordBatch.from_pylist(results, schema=WRITTEN)


def _table(batch: pa.RecordBatch, rows: list[dict[str, object]], is_plain: bool) -> pa.Table:
    """The rows whose image could be read."""
    pictures = [{"bytes": row.get("data"), "path": row.get("path")} for row in rows]
    shown_columns = batch.column("shown")
    names = [field.name for field in shown_columns.type]
    columns = dict(zip(names, shown_columns.flatten(), strict=True))
    columns["image"] = pa.array(pictures, IMAGE)
    if not is_plain:
        columns["objects"] = pa.array([row.get("objects") for row in rows], OBJECTS)
    return pa.table(columns).filter(pa.array([row.get("path") is not None for row in rows]))
