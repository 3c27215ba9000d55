"""A dataset in the tables: bring them up to date with a source, and count the changes.

The fingerprint of an annotation file or shard is written after the rows made from it, and taken back before they
change: whatever a killed run leaves, a fingerprint in the table means that its rows are there, and that the file need
not be read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.tables.images import FACTORS, IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS
from dataeval_spark.verbs.ingest.accounting import summary
from dataeval_spark.verbs.ingest.readers.source import COUNTED_FINDINGS_DDL, FILES_DDL, KnownRows, Source
from dataeval_spark.verbs.ingest.sync import synchronize
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Workspace

# Keys of a file that was read, and of the image that it is about.
FINGERPRINT_COLUMNS = ("path", "image_id", "fingerprint")

TABLES = (IMAGES, TARGETS, FACTORS, INGEST_FINDINGS, SOURCE_FILES)

# Splits that the summary names; more are counted.
_MOST_SPLITS = 6
# Options, by format, that give labels to a source that has none or one class.
_LABEL_OPTIONS = {
    "folder": "--layout class, --metadata FILE with --label-column NAME, or --format coco, voc or yolo",
    "table": "--label-column NAME",
    "coco": "annotations and categories in the JSON file",
    "yolo": "--annotations FOLDER with the label files",
    "voc": "--annotations FOLDER with the XML files",
    "webdataset": "members .cls, .txt or .json in each sample",
    "maite": "targets of the data set",
}


def bring_up_to_date(
    run: Run,
    read: Callable[[KnownRows | None], Source],
    dataset: str,
    source: str,
    format: str,
    *,
    keep_bytes: bool,
    may_replace: bool,
    has_own_ids: bool,
    may_empty: bool = False,
) -> dict[str, Any]:
    """Read a source, given the workspace's rows of the dataset, and write the differences; return counts of them.

    A source without images changes nothing, unless ``may_empty``: then the dataset is empty as well (``is_emptied``).

    Raises
    ------
    IngestError
        The dataset's name is taken by another source, or an id by another dataset.
    """
    workspace = run.workspace
    workspace.create(TABLES)
    existing = workspace.read(IMAGES).where(F.col("dataset") == dataset)
    is_new = workspace.is_untouched(IMAGES) or existing.isEmpty()
    if is_new:  # the table need not be asked again
        existing = existing.limit(0)
    contents = read(None if is_new else known_rows(workspace, dataset))
    if has_own_ids:
        _require_own_ids(workspace, contents, dataset)
    if not is_new:
        _require_own_name(existing, dataset, source, may_replace)
    files = run.checkpoint(contents.files, "source_files") if contents.files is not None else None
    understanding = _Understanding.from_source(contents)
    doubts = understanding.doubts(contents.images, source, format)
    contents = replace(contents, findings=union_of_all_columns(contents.findings, doubts))
    with update_of_fingerprints(run, dataset, files, is_new=is_new):
        outcome = synchronize(
            run,
            contents,
            existing,
            dataset,
            source,
            is_new=is_new,
            keep_bytes=keep_bytes,
            may_empty=may_empty and not is_new,
        )
    return {**outcome, "understanding": str(understanding)}


def _require_own_name(existing: DataFrame, dataset: str, source: str, replace: bool) -> None:
    others = bounded(existing.where((F.col("source") != source) & F.col("deleted_at").isNull()).limit(1), "one row")
    if others and not replace:
        raise IngestError(
            f"Dataset {dataset!r} was ingested from {others[0]['source']}, not from {source}.\n"
            "Hint: --dataset NAME for another name, or --replace to remove the images of the other source."
        )


def _require_own_ids(workspace: Workspace, contents: Source, dataset: str) -> None:
    """Refuse ids of a table that are those of another dataset's images."""
    others = (
        workspace.read(IMAGES).where(F.col("dataset") != dataset).select("image_id", F.col("dataset").alias("other"))
    )
    for row in bounded(
        contents.images.join(others, on="image_id", how="inner").select("image_id", "other").limit(1), "one row"
    ):
        raise IngestError(
            f"Image id {row['image_id']!r} of dataset {dataset!r} is an image of dataset {row['other']!r} already.\n"
            "Hint: make the ids unique in a view, for example concat('val/', id) AS image_id."
        )


def report(run: Run, started: datetime, outcome: dict[str, Any], dataset: str, note: str = "") -> StepRun:
    workspace = run.workspace
    parts = [f"{outcome.get(status, 0):,} {status}" for status in ("new", "changed", "deleted")]
    lines = [
        f"dataset {dataset}: {plural(outcome['taken'], 'image')} ({', '.join(parts)})",
        f"{note}{outcome['understanding']}",
    ]
    lines.append(summary(outcome["account"]))
    for severity in ("error", "warning"):
        kinds = [_doubt(row) for row in outcome["doubts"] if row["severity"] == severity]
        lines += [f"{severity}s: {', '.join(kinds)}"] if kinds else []
    message = "\n    ".join(lines)
    states = workspace.states(TABLES)
    return run.finish("ingest", "done", started, message, outputs=states, rows=outcome["taken"])


def _doubt(row: Mapping[str, Any]) -> str:
    """A kind of finding with its number, and the option that reads the source otherwise, where there is one."""
    text = f"{row['kind'].replace('_', ' ')} {row['n']:,}"
    return f"{text} ({row['option']})" if row["option"] else text


def known_rows(workspace: Workspace, dataset: str) -> KnownRows | None:
    """Files of a dataset that were read, its live images, and all rows; None if no file is remembered."""
    files = _remembered(workspace, dataset)
    if files is None:
        return None
    images = workspace.read(IMAGES).where((F.col("dataset") == dataset) & F.col("deleted_at").isNull())
    return KnownRows(
        files=files,
        images=images,
        targets=workspace.read(TARGETS),
        factors=workspace.read(FACTORS).drop("run_id"),
        findings=workspace.read(INGEST_FINDINGS).where(F.col("dataset") == dataset),
    )


@contextmanager
def update_of_fingerprints(run: Run, dataset: str, files: DataFrame | None, *, is_new: bool) -> Iterator[None]:
    """Bring the tables up to date with files in this block, and remember the files when it ends well.

    Parameters
    ----------
    files : DataFrame or None
        Columns of `FILES_DDL`, stored: the files whose rows are in the tables when the block has ended.
    is_new : bool
        The dataset has no images yet, so that none of its files is remembered.
    """
    workspace = run.workspace
    remembered = None if is_new else _remembered(workspace, dataset)
    if files is None and remembered is None:
        yield
        return
    none = workspace.spark.createDataFrame([], FILES_DDL)
    old = (remembered if remembered is not None else none).withColumn("is_old", F.lit(True))
    new = (files if files is not None else none).distinct().withColumn("is_new", F.lit(True))
    both = old.join(new, on=list(FINGERPRINT_COLUMNS), how="full")
    lost, gained = (
        F.count_if(F.col("is_new").isNull()).alias("lost"),
        F.count_if(F.col("is_old").isNull()).alias("gained"),
    )
    counts = one_row(both, lost, gained)
    if counts["lost"]:
        _write_fingerprints(run, dataset, both.where("is_old AND is_new"), "forget")
    yield
    if counts["lost"] or counts["gained"]:
        _write_fingerprints(run, dataset, new, "remember")


def _remembered(workspace: Workspace, dataset: str) -> DataFrame | None:
    files = workspace.read_or_none(SOURCE_FILES)
    if files is None:
        return None
    files = files.where(F.col("dataset") == dataset).select(*FINGERPRINT_COLUMNS)
    return None if files.isEmpty() else files


def _write_fingerprints(run: Run, dataset: str, files: DataFrame, work: str) -> None:
    workspace = run.workspace
    rows = files.select(F.lit(dataset).alias("dataset"), *FINGERPRINT_COLUMNS)
    # Each write is asked for by a comparison with the table, so it has no name but its own.
    writer = run.writer("ingest", f"{run.run_id}:{work}:{dataset}:{uuid4().hex}")
    workspace.write(SOURCE_FILES, rows, writer, scope=dataset)


@dataclass(frozen=True)
class _Understanding:
    """Understanding of a source, in one sentence, and the doubtful readings of it.

    Attributes
    ----------
    labelled, classes, boxes : int
        Numbers of images with a label, of classes, and of boxes.
    splits : tuple of str
        Names of the first splits.
    labels_from : str
        Place that the labels come from, in words.
    """

    labelled: int
    classes: int
    boxes: int
    splits: tuple[str, ...]
    labels_from: str

    @classmethod
    def from_source(cls, source: Source) -> _Understanding:
        """Count labels, classes, boxes and splits of a source."""
        counts = one_row(
            source.targets,
            F.countDistinct("image_id").alias("labelled"),
            F.countDistinct("class_name").alias("classes"),
            F.count("box").alias("boxes"),
        )
        splits = source.images.select("split").where("split IS NOT NULL").distinct().orderBy("split")
        names = tuple(row["split"] for row in bounded(splits.limit(_MOST_SPLITS + 1), "names of splits"))
        return cls(counts["labelled"], counts["classes"], counts["boxes"], names, source.labels_from)

    def __str__(self) -> str:
        parts = [plural(self.classes, "class", "classes") + (f" from {self.labels_from}" if self.labels_from else "")]
        if not self.classes:
            parts = ["no classes"]
        if self.splits:
            more = ", ..." if len(self.splits) > _MOST_SPLITS else ""
            word = "split" if len(self.splits) == 1 else "splits"
            parts.append(f"{word} {', '.join(self.splits[:_MOST_SPLITS])}{more}")
        if self.boxes:
            parts.append(plural(self.boxes, "box", "boxes"))
        return ", ".join(parts)

    def doubts(self, images: DataFrame, place: str, format: str) -> DataFrame:
        """Findings about readings that the user may not mean.

        Parameters
        ----------
        images : DataFrame
            Images that were taken; they are counted only if there is a doubt.
        place : str
            SOURCE.
        format : str
            Format that was read.
        """
        option = _LABEL_OPTIONS.get(format, "--annotations FILE")
        rows = []
        if not self.labelled:
            text, count = "No image has a label", images.count()
            rows.append((place, "labels", None, None, "no_labels", text, None, option, "warning", count))
        elif self.classes == 1 and images.limit(2).count() > 1:
            text = "All labels are of one class"
            rows.append((place, "labels", None, None, "one_class", text, None, option, "warning", self.labelled))
        return images.sparkSession.createDataFrame(rows, COUNTED_FINDINGS_DDL)
