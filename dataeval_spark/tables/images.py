"""Tables of the ingested data: images, their targets and their metadata."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import BOX_TYPE, IMAGE_ID, RUN_ID, TARGET_INDEX

HAS_IMAGE = "uri IS NOT NULL OR content_length IS NOT NULL"
"""Condition on rows of ``images`` that have something to decode; those of a table without images have nothing."""

IMAGES = Table(
    name="images",
    doc="Every image ever ingested; analyses read the live ones, whose `deleted_at` is null.",
    key=("image_id",),
    columns=(
        IMAGE_ID,
        Column.optional("uri", "string", "Where the file is; null when only its bytes were given"),
        Column.optional("content", "binary", "The file's bytes; null when kept by reference"),
        Column.optional("content_length", "bigint", "Size of the file; null when it could not be read", "bytes"),
        Column.optional("modified_at", "timestamp", "Modification time of the file, UTC"),
        Column.optional("file_hash", "string", "xxh3-128 of the file's bytes; null when it could not be read"),
        Column.optional("captured_at", "timestamp", "When the picture was taken, UTC, where metadata say so"),
        Column.optional("split", "string", "Split given by the source or by --split"),
        Column("dataset", "string", "Dataset the image belongs to"),
        Column("source", "string", "Root that the dataset was ingested from"),
        Column.optional("deleted_at", "timestamp", "When the file was found missing, UTC; else null"),
        Column.optional("stored_width", "int", "Width of the pixels as the file stores them", "pixel"),
        Column.optional("stored_height", "int", "Height of the pixels as the file stores them", "pixel"),
        Column.optional("upright_width", "int", "Width as shown, EXIF orientation applied", "pixel"),
        Column.optional("upright_height", "int", "Height as shown, EXIF orientation applied", "pixel"),
        Column.optional("declared_width", "int", "Width that the annotations declare", "pixel"),
        Column.optional("declared_height", "int", "Height that the annotations declare", "pixel"),
        RUN_ID,
    ),
    write="upsert",
)

TARGETS = Table(
    name="targets",
    doc="Labelled things: a classification label is target 0 without a box, a detection has one row per box.",
    key=("image_id", "target_index"),
    columns=(
        IMAGE_ID,
        Column("target_index", "int", "Position of the labelled thing in its image, from 0"),
        Column.optional("class_name", "string", "Class; null when the source names an unknown class"),
        Column.optional("box", BOX_TYPE, "Half-open box in the upright image, as written in the source", "pixel"),
        Column.optional("is_crowd", "boolean", "The box covers a crowd of objects (COCO)"),
        Column.optional("source", "string", "File and element that the label comes from"),
        Column.optional(
            "attributes",
            "string",
            "JSON object of further entries of the source: difficult, pose, segmentation, keypoints ...",
        ),
        RUN_ID,
    ),
    write="upsert",
)

FACTORS = Table(
    name="factors",
    doc="Metadata: one typed column per factor found in the source.",
    key=("image_id", "target_index"),
    columns=(IMAGE_ID, TARGET_INDEX, RUN_ID),
    write="upsert",
    open=True,
)

INGEST_FINDINGS = Table(
    name="ingest_findings",
    doc="Entries that ingestion left out, could not use as written, or read in one of several possible ways.",
    key=("dataset", "source_file", "location", "kind"),
    columns=(
        Column("dataset", "string", "Dataset that was ingested"),
        Column("source_file", "string", "File concerned, or SOURCE itself"),
        Column("location", "string", "Line or element in that file"),
        Column.optional("image_id", "string", "Image concerned, where it is known"),
        TARGET_INDEX,
        Column("kind", "string", "Kind of finding; docs/ingest.md lists them"),
        Column.optional(
            "severity", "string", "error: something is lost; warning: a doubtful reading; info: rightly left out"
        ),
        Column.optional("n", "bigint", "Entries that the row stands for", "entries"),
        Column("message", "string", "What is wrong, in one sentence"),
        Column.optional("found", "string", "Value found, or up to three examples"),
        Column.optional("expected", "string", "Value expected, or what to do"),
        RUN_ID,
    ),
    scope="dataset",
    formerly="annotation_findings",
)

SOURCE_FILES = Table(
    name="source_files",
    doc="Annotation files and shards as they were when they were last read: only those that differ are read again.",
    key=("dataset", "path", "image_id"),
    columns=(
        Column("dataset", "string", "Dataset that the file is of"),
        Column("path", "string", "The file"),
        Column("image_id", "string", "Image that the file is about; empty for a file of many"),
        Column("fingerprint", "string", "Hash of all that the file's rows depend on: size, time, options"),
        RUN_ID,
    ),
    scope="dataset",
)
