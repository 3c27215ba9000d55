"""Tiny image files, and how a test looks at what a reader found."""

from __future__ import annotations

import io

from PIL import Image
from pyspark.sql import functions as F


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
