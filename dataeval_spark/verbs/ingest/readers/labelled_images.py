"""Rows of images whose labels lie in files beside them: common parts of the readers of VOC and YOLO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.verbs.ingest.accounting import entries_of, file_entries
from dataeval_spark.verbs.ingest.readers.file_matching import best_first, matched_findings
from dataeval_spark.verbs.ingest.readers.folder import factor_rows, image_rows, with_metadata_entries
from dataeval_spark.verbs.ingest.readers.label_files import (
    Files,
    Pairs,
    files_read,
    findings_of,
    pair_findings,
    targets_of,
)
from dataeval_spark.verbs.ingest.readers.metadata import read_metadata
from dataeval_spark.verbs.ingest.readers.source import Reading, Source, all_findings, as_findings

# The first of these counts for an image in several lists.
SPLITS = ("train", "val", "test")


def labelled_source(
    reading: Reading,
    files: Files,
    pairs: Pairs,
    elements: DataFrame,
    *,
    used: DataFrame,
    labels: DataFrame,
    listed: Listed,
    findings: Sequence[DataFrame | None],
    description: Sequence[str],
    unit: str,
    labels_from: str,
    declared: DataFrame | None = None,
) -> Source:
    """A source of images and their label files.

    Parameters
    ----------
    reading, files, pairs
        What is read and how, its files, and the label file of each image.
    elements : DataFrame
        Contents of the label files that were read, stored.
    used : DataFrame
        ``image_id``, ``label`` and ``file`` of the images that have a label file.
    labels : DataFrame
        ``label``, ``file`` and ``key`` of all label files.
    listed : Listed
        Splits of the images by lists of files or by folders.
    findings : sequence of DataFrame or None
        Findings besides those about the contents of label files.
    description : sequence of str
        Places of files about the whole.
    unit : str
        Unit of a label file's contents: lines, or objects.
    labels_from, declared
        As in `Source`.
    """
    details = read_metadata(reading, files.listing)
    chosen, split = files.chosen, F.lit(None)
    if listed.splits is not None:
        chosen, split = chosen.join(listed.splits, on="image_id", how="left"), F.col("listed")
    images = image_rows(chosen, details, reading.split, split).drop("class_name")
    targets = targets_of(elements, pairs.known)
    every_finding = all_findings(
        findings_of(elements, pairs.known),
        pair_findings(pairs.every, reading.root),
        *findings,
        listed.findings,
        details.findings if details else None,
    )
    entries = _file_entries(
        files,
        reading.root,
        used=used,
        labels=labels,
        findings=every_finding,
        description=[*description, *([details.uri] if details else [])],
    ).unionByName(_content_entries(targets, every_finding, reading.root, unit))
    if listed.accounting is not None:
        entries = entries.unionByName(listed.accounting)
    return Source(
        images=images,
        targets=targets,
        factors=factor_rows(details, images),
        findings=every_finding,
        present=files.images.select("image_id"),
        files=files_read(pairs.of_chosen, elements),
        accounting=with_metadata_entries(entries, details),
        labels_from=labels_from,
        declared=declared,
    )


def _file_entries(
    files: Files, root: str, *, used: DataFrame, labels: DataFrame, findings: DataFrame, description: Sequence[str]
) -> DataFrame:
    """Entries of the files below SOURCE and in the folder of labels."""
    listing = files.listing
    if files.others is not listing:
        listing = union_of_all_columns(listing, files.others).dropDuplicates(["uri"])
    of_chosen = used.join(files.chosen.select("image_id"), on="image_id", how="left_semi")
    failed = findings.where("kind IN ('broken_file', 'unreadable_image')").select(F.col("source_file").alias("file"))
    # Two label files of one image: the other stands in another place.
    alone = labels.join(used.select("label"), on="label", how="left_anti")
    keys = labels.join(used.select("label"), on="label", how="left_semi").select("key")
    doubled = alone.join(keys, on="key", how="left_semi")

    def places(label_files: DataFrame) -> DataFrame:
        return label_files.select(F.col("label").alias("uri"))

    outside = listing.where("is_image").join(files.images.select("uri"), on="uri", how="left_anti")
    return file_entries(
        listing,
        root,
        images=files.chosen,
        annotations=places(of_chosen.join(failed, on="file", how="left_anti")),
        description=description,
        other={
            "not_read": places(of_chosen.join(failed, on="file", how="left_semi")),
            "not_asked_for": places(used.join(of_chosen.select("label"), on="label", how="left_anti")),
            "other_label_file": places(doubled),
            "label_without_image": places(alone.join(doubled.select("label"), on="label", how="left_anti")),
            "outside_image_folder": outside.select("uri"),
        },
    )


def _content_entries(targets: DataFrame, findings: DataFrame, root: str, unit: str) -> DataFrame:
    """Entries of the contents of label files: targets, and elements that became none."""
    keys = ["image_id", "target_index"]
    taken = targets.select(*keys).distinct()
    lost = findings.where("target_index IS NOT NULL").select(*keys).distinct().join(taken, on=keys, how="left_anti")
    name = F.concat("image_id", F.lit(f" {unit.removesuffix('s')} "), F.col("target_index").cast("string"))
    return entries_of(taken, root, unit, role="annotations", name=name).unionByName(
        entries_of(lost, root, unit, role="skipped", reason="broken", name=name)
    )


LINES_DDL = "name string, listed string, file string, line int"


def list_lines(listing: DataFrame, lists: Mapping[str, str]) -> DataFrame:
    """Trimmed lines of list files that are not empty; ``lists`` maps the place of a file to its split.

    Columns are those of `LINES_DDL`.
    """
    files = listing.where(F.col("uri").isin(*lists)).select("uri")

    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            text, _ = decode_text(read_file(row["uri"]))
            for number, line in enumerate(text.splitlines(), start=1):
                if line.strip():
                    yield {"name": line.strip(), "listed": lists[row["uri"]], "file": row["uri"], "line": number}

    return map_rows(files, read, LINES_DDL)


@dataclass(frozen=True)
class Listed:
    """Contents of list files: ``splits`` has ``image_id`` and ``listed``; findings about lines; their account."""

    splits: DataFrame | None = None
    findings: DataFrame | None = None
    accounting: DataFrame | None = None


def listed_splits(lines: DataFrame, matches: DataFrame, root: str) -> Listed:
    """The split of each image that a list names; with several lists, that of the first of `SPLITS`.

    Parameters
    ----------
    lines : DataFrame
        Columns of `LINES_DDL`, stored.
    matches : DataFrame
        ``name``, ``image_id`` (null where no image is meant), and the columns of
        :func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names`.
    root : str
        SOURCE.
    """
    order = F.coalesce(F.array_position(F.array(*(F.lit(split) for split in SPLITS)), F.col("listed")), F.lit(0))
    placed = lines.join(matches, on="name", how="left")
    is_matched = F.col("image_id").isNotNull()
    first = (
        placed.where(is_matched)
        .groupBy("image_id")
        .agg(
            F.min_by(F.struct("listed", "file", "line"), F.struct(*best_first(), order, "file", "line")).alias("first")
        )
    )
    splits = first.select("image_id", F.col("first.listed").alias("listed"))
    several = F.coalesce(F.col("candidates"), F.lit(0)) > 1
    bad = as_findings(
        placed.where(~is_matched),
        source_file=F.col("file"),
        location=F.concat(F.lit("line "), F.col("line").cast("string")),
        kind=F.when(several, "ambiguous_image").otherwise("missing_image"),
        message=F.when(several, "Several images fit this line").otherwise(
            "No image fits this line, so the list gives no image its split"
        ),
        found=F.concat_ws(": ", "name", "examples"),
        expected="the path of an image below SOURCE",
    )
    findings = union_of_all_columns(bad, matched_findings(matches, root, "Lines of lists"))
    with_first = placed.join(first, on="image_id", how="left")
    is_first = F.struct("file", "line") == F.struct("first.file", "first.line")
    entries = entries_of(
        with_first,
        root,
        "list lines",
        role=F.when(is_matched & is_first, "description").otherwise("skipped"),
        reason=F.when(~is_matched, "unmatched").when(~is_first, "repeated"),
        name=F.col("name"),
    )
    return Listed(splits, findings, entries)
