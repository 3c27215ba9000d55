"""COCO JSON: images, boxes and classes from an annotation file."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.storage.files import glob_pattern, read_file
from dataeval_spark.kernels.storage.uris import is_uri
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.accounting import entries_of, file_entries
from dataeval_spark.verbs.ingest.readers.file_matching import best_first, matched_findings, resolve_names
from dataeval_spark.verbs.ingest.readers.folder import factor_rows, file_columns, image_id, with_metadata_entries
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.metadata import Metadata, read_metadata, utc_timestamp
from dataeval_spark.verbs.ingest.readers.source import Source
from dataeval_spark.verbs.ingest.readers.text_rows import BY_NAME, TableOptions
from dataeval_spark.workspace.workspace import Checkpoint

ELEMENT_DDL = (
    f"element string, name string, target_index int, class_name string, box {BOX_TYPE}, is_crowd boolean, "
    "captured_at string, width int, height int, location string, kind string, message string, found string, "
    "expected string, attributes string, n bigint"
)


def read_coco(
    spark: SparkSession,
    root: str,
    annotations: str,
    *,
    dataset: str,
    checkpoint: Checkpoint,
    metadata: str | None = None,
    columns: TableOptions = BY_NAME,
    split: str | None = None,
    glob: str | None = None,
    limit: int | None = None,
    timezone: str = "UTC",
) -> Source:
    """Read a COCO annotation file and the images it names.

    An image is looked for under SOURCE, then beside the annotation file, then as
    :func:`dataeval_spark.verbs.ingest.readers.file_matching.match_names` says. Only listed images are
    taken; one without annotations is an image with no targets. The file is parsed by one task, whose memory it must
    fit into.

    Parameters
    ----------
    root : str
        SOURCE, the folder with the images.
    annotations : str
        The JSON file.
    dataset, checkpoint, metadata, columns, split, glob, limit, timezone
        As in :func:`dataeval_spark.verbs.ingest.readers.folder.read_folder`.

    Raises
    ------
    IngestError
        The file is missing or no COCO file, or none of its images is found.
    """
    annotations = annotations if is_uri(annotations) else os.path.abspath(annotations)
    elements = checkpoint(_elements(spark, annotations), "elements")
    _require_readable(elements, annotations)
    listing = checkpoint(list_files(spark, root), "listing")
    names = elements.where("element = 'image'").select("name", "captured_at", "width", "height", "location")
    resolved = resolve_names(names.select("name"), listing, os.path.dirname(annotations), root, checkpoint, "names")
    ids = image_id(dataset)
    located = names.join(resolved, on="name", how="inner").withColumn("image_id", ids)
    is_wanted = F.lit(True) if glob is None else F.col("name").rlike(f"^{glob_pattern(glob)}$")
    files = checkpoint(_with_first(located.withColumn("is_wanted", is_wanted)), "files")
    chosen = files.where("is_first")
    files = files.withColumn("is_taken", F.col("is_first"))
    if limit is not None:
        chosen = checkpoint(chosen.orderBy("path").limit(limit), "taken")
        names = chosen.select("name", F.lit(True).alias("is_taken"))
        files = files.drop("is_taken").join(names, on="name", how="left")
    _require_some(chosen, annotations, root)
    details = read_metadata(spark, metadata, listing, ids, timezone, checkpoint, root, columns) if metadata else None
    findings = _findings(elements, files, annotations)
    findings = findings.unionByName(matched_findings(resolved, annotations, "Names"), allowMissingColumns=True)
    images = _images(chosen, details, split, timezone)
    entries = file_entries(
        listing,
        root,
        images=chosen,
        description=[annotations, *([details.uri] if details else [])],
        rest="not_in_annotations" if glob is None and limit is None else "not_asked_for",
    )
    entries = entries.unionByName(_entries(elements, files, annotations))
    return Source(
        images=images,
        targets=_targets(elements, chosen, annotations),
        factors=factor_rows(details, images),
        findings=findings.unionByName(details.findings, allowMissingColumns=True) if details else findings,
        present=files.where("uri IS NOT NULL").select("image_id").distinct(),
        accounting=with_metadata_entries(entries, details),
        labels_from=os.path.basename(annotations),
        declared=chosen.select(
            "image_id", F.col("width").alias("declared_width"), F.col("height").alias("declared_height")
        ),
    )


def _with_first(located: DataFrame) -> DataFrame:
    """Add ``is_first``: if several names mean one file, one is its name and the others are findings."""
    is_found = F.col("uri").isNotNull() & F.col("is_wanted")
    of_file = Window.partitionBy(F.coalesce("image_id", "name"), is_found).orderBy(best_first("name"))
    ranked = located.withColumn("place", F.row_number().over(of_file))
    return ranked.withColumn("is_first", is_found & (F.col("place") == 1)).drop("place")


def _images(chosen: DataFrame, details: Metadata | None, split: str | None, timezone: str) -> DataFrame:
    time = utc_timestamp(F.col("captured_at"), timezone)
    images = chosen.select("image_id", *file_columns(), time.alias("coco_time"))
    if details is None:
        return images.withColumnRenamed("coco_time", "captured_at").withColumn("split", F.lit(split).cast("string"))
    rows = details.rows.select("image_id", F.col("split").alias("given"), "captured_at")
    return images.join(rows, on="image_id", how="left").select(
        *(column for column in images.columns if column != "coco_time"),
        F.coalesce("captured_at", "coco_time").alias("captured_at"),
        F.coalesce("given", F.lit(split)).alias("split"),
    )


def _entries(elements: DataFrame, files: DataFrame, annotations: str) -> DataFrame:
    """Account of the entries of the lists ``images`` and ``annotations``."""
    bad = elements.where("element = 'finding'").select("location", "kind").distinct()

    def as_entries(unit: str, role: Column, reason: Column) -> list[Column]:
        return [
            F.lit(unit).alias("unit"),
            role.alias("role"),
            F.when(role == "skipped", reason).alias("reason"),
            F.col("location").alias("name"),
        ]

    why = (
        F.when(~F.col("is_wanted"), "not_asked_for")
        .when(F.col("uri").isNull(), "unmatched")
        .when(~F.col("is_first"), "repeated")
        .otherwise("not_asked_for")
    )
    of_images = files.select(
        *as_entries("listed images", F.when(F.col("is_taken"), "images").otherwise("skipped"), why)
    )
    bad_images = bad.where("startswith(location, 'images[')").join(
        files.select("location"), on="location", how="left_anti"
    )
    lost_images = bad_images.groupBy("location").agg(F.min("kind").alias("kind"))
    reason = F.when(F.col("kind") == "duplicate_image", "repeated").otherwise("broken")
    of_bad_images = lost_images.select(*as_entries("listed images", F.lit("skipped"), reason))
    targets = elements.where("element = 'target'").select("name", "location")
    with_image = targets.join(files.select("name", "is_taken", "uri", "is_wanted", "is_first"), on="name", how="left")
    of_targets = with_image.select(
        *as_entries("annotations", F.when(F.col("is_taken"), "annotations").otherwise("skipped"), why)
    )
    lost = bad.where("startswith(location, 'annotations[')").join(targets, on="location", how="left_anti")
    of_lost = lost.select("location").distinct().select(*as_entries("annotations", F.lit("skipped"), F.lit("broken")))
    rows = of_images.unionByName(of_bad_images).unionByName(of_targets).unionByName(of_lost)
    return entries_of(rows, annotations)


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


def _targets(elements: DataFrame, chosen: DataFrame, annotations: str) -> DataFrame:
    return (
        elements.where("element = 'target'")
        .join(chosen.select("name", "image_id"), on="name", how="inner")
        .select(
            "image_id",
            "target_index",
            "class_name",
            "box",
            "is_crowd",
            F.concat(F.lit(f"{os.path.basename(annotations)}:"), "location").alias("source"),
            "attributes",
        )
    )


def _findings(elements: DataFrame, files: DataFrame, annotations: str) -> DataFrame:
    ids = files.select("name", F.when(F.col("uri").isNotNull(), F.col("image_id")).alias("image_id"))
    bad = (
        elements.where("element = 'finding'")
        .join(ids, on="name", how="left")
        .select("location", "image_id", "target_index", "kind", "message", "found", "expected", "n")
    )
    missing = files.where("uri IS NULL AND is_wanted").select(
        "location",
        F.lit(None).cast("string").alias("image_id"),
        F.lit(None).cast("int").alias("target_index"),
        F.when(F.col("candidates") > 1, "ambiguous_image").otherwise("missing_image").alias("kind"),
        F.when(F.col("candidates") > 1, F.concat("candidates", F.lit(" files fit this name")))
        .otherwise("Image file was not found")
        .alias("message"),
        F.concat_ws(": ", "name", "examples").alias("found"),
        F.lit("a file under SOURCE or beside the annotation file").alias("expected"),
    )
    doubled = files.where("uri IS NOT NULL AND is_wanted AND NOT is_first").select(
        "location",
        "image_id",
        F.lit(None).cast("int").alias("target_index"),
        F.lit("duplicate_image").alias("kind"),
        F.lit("Another entry means this file; the annotations of this one are left out").alias("message"),
        F.col("name").alias("found"),
        F.lit("one entry").alias("expected"),
    )
    all_rows = bad.unionByName(missing.unionByName(doubled), allowMissingColumns=True)
    return all_rows.select(F.lit(annotations).alias("source_file"), "*")
