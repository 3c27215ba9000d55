"""Folder of an export, and its documents: annotation files, the data set file, metadata, the mark of its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import ExportError, OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.sorted_groups import PLACE, sorted_groups
from dataeval_spark.kernels.formats import coco
from dataeval_spark.kernels.formats.export import images_of
from dataeval_spark.kernels.formats.export_paths import safe_folder
from dataeval_spark.kernels.formats.yolo import SPLIT_KEYS, data_text
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.writing import clear, is_vacant, open_for_writing, write_bytes
from dataeval_spark.session.bounded import bounded, bounded_arrow, streamed
from dataeval_spark.tables.images import FACTORS
from dataeval_spark.verbs.export.samples import Facts, factor_columns
from dataeval_spark.workspace.version import __version__
from dataeval_spark.workspace.workspace import Workspace

MARK = "export.json"

NUMBERS_PER_BLOCK = 1000
NUMBERS_PER_FILE = 100_000


def write_documents(
    workspace: Workspace, to: str, format: str, manifest: DataFrame, samples: DataFrame, facts: Facts
) -> None:
    """Write the documents about all images: annotation files, the data set file, metadata."""
    done = manifest.where("error IS NULL")
    if format == "coco":
        _write_annotations(to, "annotations.json", done, facts.classes)
        for split in facts.splits:
            if split is not None:
                rows = done.where(F.col("split") == split)
                _write_annotations(to, f"annotations_{safe_folder(split)}.json", rows, facts.classes)
    elif format == "yolo":
        folders = {split: images_of(split) for split in facts.splits}
        write_bytes(f"{to}/data.yaml", data_text(facts.classes, folders).encode())
    elif format == "voc":
        for name, splits in _lists(facts).items():
            _write_list(to, name, done.where(F.col("split").isin(*splits)))
    if format in ("parquet", "webdataset"):
        return
    rows = samples.select("number", "image_id", "captured_us", "targets")
    rows = rows.join(done.select("number", "path", "split"), on="number", how="inner")
    metadata = rows.select(
        "number",
        "image_id",
        "path",
        "split",
        F.timestamp_micros("captured_us").alias("captured_at"),
        *_folder_label(format),
    )
    factors = workspace.read_or_none(FACTORS)
    if factors is not None:
        of_images = factors.where("target_index IS NULL").select("image_id", *factor_columns(factors))
        metadata = metadata.join(of_images, on="image_id", how="left")
    write_parquet(metadata.drop("image_id"), f"{to}/metadata.parquet")


def _folder_label(format: str) -> list[Column]:
    return [F.get("targets", F.lit(0))["class_name"].alias("class_name")] if format == "folder" else []


def _lists(facts: Facts) -> dict[str, list[str]]:
    """The splits of each list of VOC's folder `ImageSets/Main`."""
    lists: dict[str, list[str]] = {}
    for split in facts.splits:
        if split is not None:
            lists.setdefault(SPLIT_KEYS.get(split.lower(), safe_folder(split)), []).append(split)
    return lists


def _write_list(to: str, name: str, rows: DataFrame) -> None:
    with open_for_writing(f"{to}/ImageSets/Main/{name}.txt") as file:
        for text in _joined(rows, "image_text", "\n"):
            file.write(text)
        file.write(b"\n")


def _write_annotations(to: str, name: str, rows: DataFrame, classes: Sequence[str]) -> None:
    with open_for_writing(f"{to}/{name}") as file:
        file.write(coco.head_text(f"exported by dataeval_spark: {name}").encode())
        for text in _joined(rows, "image_text"):
            file.write(text)
        file.write(coco.between_text().encode())
        for text in _joined(rows, "annotations_text"):
            file.write(text)
        file.write(coco.tail_text(classes).encode())


def _joined(rows: DataFrame, column: str, between: str = ",\n") -> Iterator[bytes]:
    """Texts in order with a separator; the driver holds those of a few thousand numbers."""
    text = F.transform(F.sort_array(F.collect_list(F.struct("number", column))), lambda each: each[column])
    blocks = rows.where(F.col(column).isNotNull()).groupBy(F.floor(F.col("number") / NUMBERS_PER_BLOCK).alias("block"))
    joined = blocks.agg(F.array_join(text, between).alias("text")).orderBy("block")
    is_first = True
    for row in streamed(joined.select("text")):
        yield (row["text"] if is_first else f"{between}{row['text']}").encode()
        is_first = False


def write_parquet(frame: DataFrame, root: str) -> None:
    """Write a frame in the order of its column ``number`` as parquet files below a folder, without that column.

    A file holds the rows of 100,000 numbers. pyarrow writes them, so that object storage needs nothing of the engine.

    Parameters
    ----------
    frame : DataFrame
        Rows with ``number``, from 0.
    root : str
        Folder or URI.

    Examples
    --------
    >>> write_parquet(metadata, "s3://bucket/export/metadata.parquet")
    """

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        current, rows = None, 0
        with ExitStack() as stack:
            writer: pq.ParquetWriter | None = None
            for batch in batches:
                parts = batch.column("_part").to_numpy()
                shown = batch.drop_columns(["number", "_part", PLACE])
                for part in dict.fromkeys(parts.tolist()):
                    if writer is None or part != current:
                        stack.close()
                        file = stack.enter_context(open_for_writing(f"{root}/part-{part:05d}.parquet"))
                        writer, current = stack.enter_context(pq.ParquetWriter(file, shown.schema)), part
                    writer.write_batch(shown.filter(pa.array(parts == part)))
                rows += batch.num_rows
        yield pa.RecordBatch.from_pydict({"rows": pa.array([rows], pa.int64())})

    parts = frame.withColumn("_part", F.floor(F.col("number") / NUMBERS_PER_FILE))
    in_order = sorted_groups(parts, ["_part"], ["number"])
    written = bounded(map_batches(in_order, write, "rows bigint"), "one row per task")
    if not any(row["rows"] for row in written):  # a reader needs the columns all the same
        with open_for_writing(f"{root}/part-00000.parquet") as file:
            pq.write_table(bounded_arrow(frame.drop("number").limit(0), "no row"), file)


def prepare(to: str, format: str, *, replace: bool) -> None:
    """Make sure that an export may be written to a place, and mark it as begun.

    Files of an interrupted export are removed, those of a finished one only with ``replace``, any others never.

    Raises
    ------
    OptionError
        The place has other files, or a finished export and ``replace`` is not given.
    ExportError
        The place cannot be written.
    """
    try:
        if not is_vacant(to):
            mark = _mark(to)
            if mark is None:
                raise OptionError(f"{to} is not empty, and its files are not an export.\nHint: --to an empty folder")
            if mark.get("finished") and not replace:
                raise OptionError(
                    f"{to} holds an export of {mark.get('images')} images as {mark.get('format')}.\n"
                    "Hint: --replace removes it, or --to another folder"
                )
        # The mark comes first and stays: with it a killed export is known as one, whatever else is there.
        write_bytes(f"{to}/{MARK}", _text({"format": format, "finished": False}))
        clear(to, keep=MARK)
    except OSError as error:
        raise ExportError(
            f"{to} cannot be written: {error.strerror or error}.\nHint: --to a folder or URI that you may write"
        ) from None


def finish(to: str, about: Mapping[str, Any]) -> None:
    """Mark an export as finished, with its description, code version and time."""
    outcome = {"code_version": __version__, "finished_at": datetime.now(UTC).isoformat(), "finished": True}
    write_bytes(f"{to}/{MARK}", _text({**about, **outcome}))


def _mark(to: str) -> dict[str, Any] | None:
    try:
        mark = json.loads(read_file(f"{to}/{MARK}"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) and "finished" in mark else None


def _text(mark: Mapping[str, Any]) -> bytes:
    return (json.dumps(mark, indent=2) + "\n").encode()
