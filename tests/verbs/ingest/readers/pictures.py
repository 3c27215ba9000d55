"""Tiny image files, and how a test looks at what a reader found."""

from __future__ import annotations

import io
import os

from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.verbs.ingest.accounting import account
from dataeval_spark.verbs.ingest.readers.source import KnownRows, finding_rows


def png(shade=0):
    """The bytes of a PNG of 4 x 3 pixels."""
    file = io.BytesIO()
    Image.new("L", (4, 3), shade).save(file, "PNG")
    return file.getvalue()


def tree(root, files):
    """Write files below a folder: path to bytes, or to an image's shade."""
    for path, data in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data if isinstance(data, bytes) else png(data))
    return str(root)


def ids(frame):
    return sorted(row["image_id"] for row in frame.select("image_id").collect())


def classes(source):
    return {row["image_id"]: row["class_name"] for row in source.targets.collect()}


def captured(source):
    """Capture times as UTC text, which no session time zone changes."""
    micros = source.images.select("image_id", F.unix_micros("captured_at").alias("t")).collect()
    return {row["image_id"]: None if row["t"] is None else row["t"] / 1e6 for row in micros}


def findings(source):
    names = ("kind", "location", "image_id", "target_index", "found")
    return sorted((tuple(row[name] for name in names) for row in source.findings.collect()), key=str)


def known_of(source, **changed):
    """What the workspace has of a source once it was ingested; a test may change a frame to tell old rows by it."""
    images = source.images.withColumn("content", F.lit(None).cast("binary"))
    no_size = [F.lit(None).cast("int").alias(name) for name in ("declared_width", "declared_height")]
    declared = source.images.select("image_id", *no_size) if source.declared is None else source.declared
    images = images.join(declared, on="image_id", how="left")
    found = source.findings.unionByName(account(source.accounting), allowMissingColumns=True)
    findings = finding_rows(found, "d")
    frames = {"images": images, "targets": source.targets, "factors": source.factors, "findings": findings}
    return KnownRows(files=source.files, **{**frames, **changed})


def marked(targets):
    """Targets that say that they were not read again."""
    return targets.withColumn("class_name", F.concat(F.lit("old "), "class_name"))


def touch(path, data):
    """Another content and another time, also on file systems that count in seconds."""
    path.write_bytes(data)
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 2_000_000_000))
