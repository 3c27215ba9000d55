"""Understanding of a source, in one sentence, and the doubtful readings of it."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.verbs.ingest.readers.source import COUNTED_FINDINGS_DDL, Source

# Splits that the sentence names; more are counted.
MOST_SPLITS = 6


@dataclass(frozen=True)
class Understanding:
    """The labels and splits of a source: numbers of images with a label, of classes and of boxes; names of splits."""

    labelled: int
    classes: int
    boxes: int
    splits: tuple[str, ...]
    labels_from: str

    @classmethod
    def from_source(cls, source: Source) -> Understanding:
        """Count labels, classes, boxes and splits of a source."""
        counts = one_row(
            source.targets,
            F.countDistinct("image_id").alias("labelled"),
            F.countDistinct("class_name").alias("classes"),
            F.count("box").alias("boxes"),
        )
        splits = source.images.select("split").where("split IS NOT NULL").distinct().orderBy("split")
        names = tuple(row["split"] for row in bounded(splits.limit(MOST_SPLITS + 1), "names of splits"))
        return cls(counts["labelled"], counts["classes"], counts["boxes"], names, source.labels_from)

    def __str__(self) -> str:
        parts = [_count(self.classes, "class", "classes") + (f" from {self.labels_from}" if self.labels_from else "")]
        if not self.classes:
            parts = ["no classes"]
        if self.splits:
            more = ", ..." if len(self.splits) > MOST_SPLITS else ""
            word = "split" if len(self.splits) == 1 else "splits"
            parts.append(f"{word} {', '.join(self.splits[:MOST_SPLITS])}{more}")
        if self.boxes:
            parts.append(_count(self.boxes, "box", "boxes"))
        return ", ".join(parts)

    def doubts(self, images: DataFrame, place: str, format: str) -> DataFrame:
        """Findings about readings that may not be what the user means.

        Parameters
        ----------
        images : DataFrame
            Images that were taken; they are counted only if there is a doubt.
        place : str
            SOURCE.
        format : str
            Format that was read.
        """
        option = _OPTIONS.get(format, "--annotations FILE")
        rows = []
        if not self.labelled:
            text, count = "No image has a label", images.count()
            rows.append((place, "labels", None, None, "no_labels", text, None, option, "warning", count))
        elif self.classes == 1 and images.limit(2).count() > 1:
            text = "All labels are of one class"
            rows.append((place, "labels", None, None, "one_class", text, None, option, "warning", self.labelled))
        return images.sparkSession.createDataFrame(rows, COUNTED_FINDINGS_DDL)


_OPTIONS = {
    "folder": "--layout class, --metadata FILE with --label-column NAME, or --format coco, voc or yolo",
    "table": "--label-column NAME",
    "coco": "annotations and categories in the JSON file",
    "yolo": "--annotations FOLDER with the label files",
    "voc": "--annotations FOLDER with the XML files",
    "webdataset": "members .cls, .txt or .json in each sample",
    "maite": "targets of the data set",
}


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
