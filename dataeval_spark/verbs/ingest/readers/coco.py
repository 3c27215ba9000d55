"""COCO JSON: images, boxes and classes from an annotation file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.storage.files import glob_pattern, read_file
from dataeval_spark.kernels.storage.uris import is_uri
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.accounting import entries_of, file_entries
from dataeval_spark.verbs.ingest.readers.file_matching import best_first, examples_of, matched_findings, resolve_names
from dataeval_spark.verbs.ingest.readers.folder import factor_rows, image_rows, listed_files, with_metadata_entries
from dataeval_spark.verbs.ingest.readers.metadata import image_id, read_metadata, utc_timestamp
from dataeval_spark.verbs.ingest.readers.source import (
    Reading,
    Source,
    all_findings,
    as_findings,
    as_targets,
    declared_sizes,
)

ELEMENT_DDL = (
    f"element string, name string, target_index int, class_name string, box {BOX_TYPE}, is_crowd boolean, "
    "captured_at string, width int, height int, location string, kind string, message string, found string, "
    "expected string, attributes string, n bigint"
)


def read_coco(reading: Reading, annotations: str) -> Source:
    """Read a COCO annotation file and the images it names.

    An image is looked for under SOURCE, then beside the annotation file, then as
    :func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names` says. Only listed images are
    taken; one without annotations is an image with no targets. The file is parsed by one task, whose memory it must
    fit into.

    Parameters
    ----------
    reading : Reading
        SOURCE is the folder with the images.
    annotations : str
        The JSON file.

    Raises
    ------
    IngestError
        The file is missing or no COCO file, or none of its images is found.
    """
    root, checkpoint, glob, limit = reading.root, reading.checkpoint, reading.glob, reading.limit
    annotations = annotations if is_uri(annotations) else os.path.abspath(annotations)
    elements = checkpoint(_elements(reading.spark, annotations), "elements")
    _require_readable(elements, annotations)
    listing = listed_files(reading)
    names = elements.where("element = 'image'").select("name", "captured_at", "width", "height", "location")
    resolved = resolve_names(names.select("name"), listing, os.path.dirname(annotations), root, checkpoint, "names")
    located = names.join(resolved, on="name", how="inner").withColumn("image_id", image_id(reading.dataset))
    is_wanted = F.lit(True) if glob is None else F.col("name").rlike(f"^{glob_pattern(glob)}$")
    files = checkpoint(_with_first(located.withColumn("is_wanted", is_wanted)), "files")
    chosen = files.where("is_first")
    files = files.withColumn("is_taken", F.col("is_first"))
    if limit is not None:
        chosen = checkpoint(chosen.orderBy("path").limit(limit), "taken")
        names = chosen.select("name", F.lit(True).alias("is_taken"))
        files = files.drop("is_taken").join(names, on="name", how="left")
    _require_some(chosen, annotations, root)
    details = read_metadata(reading, listing)
    findings = all_findings(
        _findings(elements, files, annotations),
        matched_findings(resolved, annotations, "Names"),
        _outside(chosen, annotations, root),
        details.findings if details else None,
    )
    time = utc_timestamp(F.col("captured_at"), reading.timezone)
    images = image_rows(chosen, details, reading.split, F.lit(None), captured_at=time).drop("class_name")
    entries = file_entries(
        listing,
        root,
        images=chosen,
        description=[annotations, *([details.uri] if details else [])],
        rest="not_in_annotations" if glob is None and limit is None else "not_asked_for",
    )
    entries = entries.unionByName(_entries(elements, files, annotations))
    targets = elements.where("element = 'target'").join(chosen.select("name", "image_id"), on="name", how="inner")
    place = F.concat(F.lit(f"{os.path.basename(annotations)}:"), "location")
    return Source(
        images=images,
        targets=as_targets(targets, place),
        factors=factor_rows(details, images),
        findings=findings,
        present=files.where("uri IS NOT NULL").select("image_id").distinct(),
        accounting=with_metadata_entries(entries, details),
        labels_from=os.path.basename(annotations),
        declared=declared_sizes(chosen),
    )


def _outside(chosen: DataFrame, annotations: str, root: str) -> DataFrame:
    """One finding about the images that are not below SOURCE, but where the annotation file names them."""
    outside = chosen.where(~F.startswith("uri", F.lit(f"{root}/")))
    return as_findings(
        outside.agg(F.count("*").alias("n"), examples_of(F.col("uri")).alias("found")).where("n > 0"),
        source_file=annotations,
        location="images",
        kind="outside_source",
        message="Images are not below SOURCE, but where the annotation file names them",
        found=F.col("found"),
        expected="images below SOURCE",
        severity="warning",
        n=F.col("n"),
    )


def _with_first(located: DataFrame) -> DataFrame:
    """Add ``is_first``: if several names mean one file, one is its name and the others are findings."""
    is_found = F.col("uri").isNotNull() & F.col("is_wanted")
    of_file = Window.partitionBy(F.coalesce("image_id", "name"), is_found).orderBy(*best_first(), "name")
    ranked = located.withColumn("place", F.row_number().over(of_file))
    return ranked.withColumn("is_first", is_found & (F.col("place") == 1)).drop("place")


def _entries(elements: DataFrame, files: DataFrame, annotations: str) -> DataFrame:
    """Account of the entries of the lists ``images`` and ``annotations``."""
    bad = elements.where("element = 'finding'").select("location", "kind").distinct()

    def entries(rows: DataFrame, unit: str, role: Column | str, reason: Column | str) -> DataFrame:
        return entries_of(rows, annotations, unit, role=role, reason=reason, name=F.col("location"))

    why = (
        F.when(~F.col("is_wanted"), "not_asked_for")
        .when(F.col("uri").isNull(), "unmatched")
        .when(~F.col("is_first"), "repeated")
        .otherwise("not_asked_for")
    )
    of_images = entries(files, "listed images", F.when(F.col("is_taken"), "images").otherwise("skipped"), why)
    bad_images = bad.where("startswith(location, 'images[')").join(
        files.select("location"), on="location", how="left_anti"
    )
    lost_images = bad_images.groupBy("location").agg(F.min("kind").alias("kind"))
    reason = F.when(F.col("kind") == "duplicate_image", "repeated").otherwise("broken")
    of_bad_images = entries(lost_images, "listed images", "skipped", reason)
    targets = elements.where("element = 'target'").select("name", "location")
    with_image = targets.join(files.select("name", "is_taken", "uri", "is_wanted", "is_first"), on="name", how="left")
    of_targets = entries(with_image, "annotations", F.when(F.col("is_taken"), "annotations").otherwise("skipped"), why)
    lost = bad.where("startswith(location, 'annotations[')").join(targets, on="location", how="left_anti")
    of_lost = entries(lost.select("location").distinct(), "annotations", "skipped", "broken")
    return of_images.unionByName(of_bad_images).unionByName(of_targets).unionByName(of_lost)


def _elements(spark: SparkSession, annotations: str) -> DataFrame:
    def parse(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            try:
                yield from parse_coco(read_file(row["path"]))
            except (OSError, ValueError, RecursionError) as error:
                yield {"element": "broken", "kind": "broken_file", "message": str(error)[:500]}

    return map_rows(spark.createDataFrame([(annotations,)], "path string").coalesce(1), parse, ELEMENT_DDL)


def _require_readable(elements: DataFrame, annotations: str) -> None:
    for broken in bounded(elements.where("element = 'broken'").limit(1), "one row"):
        raise IngestError(
            f"Annotation file {annotations} cannot be read: {broken['message']}.\n"
            "Hint: --annotations FILE names a COCO JSON file (an object with images, annotations, categories)."
        )


def _require_some(chosen: DataFrame, annotations: str, root: str) -> None:
    if chosen.isEmpty():
        raise IngestError(
            f"None of the images that {annotations} names was found under {root} or beside the file.\n"
            "Hint: SOURCE is the folder that the file_name entries are relative to."
        )


def _findings(elements: DataFrame, files: DataFrame, annotations: str) -> DataFrame:
    ids = files.select("name", F.when(F.col("uri").isNotNull(), F.col("image_id")).alias("image_id"))
    elsewhere = elements.where("element = 'finding'").join(ids, on="name", how="left")
    names = ("location", "image_id", "target_index", "kind", "message", "found", "expected", "n")
    bad = as_findings(elsewhere, source_file=annotations, **{name: F.col(name) for name in names})
    is_ambiguous = F.col("candidates") > 1
    missing = as_findings(
        files.where("uri IS NULL AND is_wanted"),
        source_file=annotations,
        location=F.col("location"),
        kind=F.when(is_ambiguous, "ambiguous_image").otherwise("missing_image"),
        message=F.when(is_ambiguous, F.concat("candidates", F.lit(" files fit this name"))).otherwise(
            "Image file was not found"
        ),
        found=F.concat_ws(": ", "name", "examples"),
        expected="a file under SOURCE or beside the annotation file",
    )
    doubled = as_findings(
        files.where("uri IS NOT NULL AND is_wanted AND NOT is_first"),
        source_file=annotations,
        location=F.col("location"),
        image_id=F.col("image_id"),
        kind="duplicate_image",
        message="Another entry means this file; the annotations of this one are left out",
        found=F.col("name"),
        expected="one entry",
    )
    return union_of_all_columns(bad, missing.unionByName(doubled))
