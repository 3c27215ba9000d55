"""Account of an export: which images were written, which were left out and why, in numbers and in a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import ExportError
from dataeval_spark.kernels.formats.export import LOST, NO_CLASS, OF_BOXES, UNREADABLE
from dataeval_spark.options import ExportOptions
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.verbs.export.samples import Facts
from dataeval_spark.verbs.text import plural

# Formats in which a label file or a key has an image's path without its extension.
BY_STEM = ("yolo", "voc", "webdataset")
# Numbers of images that were left out, and how their errors begin.
LEFT_OUT = {"unreadable": UNREADABLE, "without_class": NO_CLASS, "lost_labels": LOST}


def counts_of(manifest: DataFrame, *, by_stem: bool) -> dict[str, int]:
    """Numbers of images that were written, and of those that were not, by reason.

    Parameters
    ----------
    manifest : DataFrame
        Outcome of each image, in columns of :data:`dataeval_spark.kernels.formats.export.WRITTEN_DDL`.
    by_stem : bool
        Whether paths that differ in their extension alone are one.

    Raises
    ------
    ExportError
        Two images have one path.
    """
    key = F.regexp_replace("path", r"\.[^./]*$", "") if by_stem else F.col("path")
    by_key = manifest.where("path IS NOT NULL").groupBy(key.alias("key"))
    for row in bounded(
        by_key.agg(F.count("*").alias("n"), F.min("image_id").alias("one")).where("n > 1").limit(1), "one row"
    ):
        raise ExportError(
            f"{row['n']} images would be written as {row['key']}, one of them {row['one']}.\n"
            "Hint: rename one at its source, or leave it out of the selection."
        )
    row = one_row(
        manifest,
        F.count("path").alias("images"),
        F.count("error").alias("left_out"),
        F.coalesce(F.sum("bytes"), F.lit(0)).alias("bytes"),
        *(F.count_if(F.startswith("error", F.lit(start))).alias(name) for name, start in LEFT_OUT.items()),
        *(F.coalesce(F.sum(name), F.lit(0)).alias(name) for name in ("boxes_clipped", "boxes_left_out")),
        F.count_if(F.col("is_turned")).alias("turned_by_exif"),
    )
    return dict(row.asDict())


def message_of(options: ExportOptions, facts: Facts, counts: Mapping[str, int], opened: Sequence[str]) -> str:
    """The export in a sentence; each reason why images were left out has a number of its own."""
    format = options.format
    parts = [f"{plural(counts['images'], 'image')} as {format}", *_images_left_out(options, counts)]
    if counts["boxes_clipped"]:
        parts.append(f"{plural(counts['boxes_clipped'], 'box', 'boxes')} clipped to the image")
    if counts["boxes_left_out"]:
        parts.append(f"left out: {plural(counts['boxes_left_out'], 'box', 'boxes')} without area in the image")
    if counts["turned_by_exif"] and facts.boxes:
        turned = plural(counts["turned_by_exif"], "image")
        parts.append(f"{turned} turned by EXIF: the boxes fit the upright picture, so the reader must turn it")
    if facts.unlabelled:
        parts.append(f"left out: {plural(facts.unlabelled, 'label')} without a class")
    if format in OF_BOXES and facts.labels > facts.boxes:
        parts.append(f"left out: {plural(facts.labels - facts.boxes, 'label')} without a box")
    if format == "yolo" and facts.unheld:
        parts.append(f"left out: attributes of {plural(facts.unheld, 'label')} that YOLO's files cannot hold")
    return "; ".join([*parts, *opened])


def _images_left_out(options: ExportOptions, counts: Mapping[str, int]) -> list[str]:
    images = {name: plural(count, "image") for name, count in counts.items()}
    parts = []
    if counts["unreadable"]:
        parts.append(f"left out: {images['unreadable']} that cannot be read (see manifest.parquet)")
    if counts["without_class"]:
        parts.append(f"left out: {images['without_class']} without a class (--unlabelled-folder NAME writes them)")
    if counts["lost_labels"]:
        lost = images["lost_labels"]
        parts.append(f"left out: {lost} whose labels are lost (with_lost_labels writes them, without labels)")
    if counts["without_part"]:
        parts.append(f"left out: {images['without_part']} in no part of {options.split}")
    return parts
