"""What every reader returns: the frames that ingestion writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pyspark.sql import DataFrame

from dataeval_spark.tables.keys import BOX_TYPE

# Stores a frame in the run's temporary files under a name, and reads it back.
Stage = Callable[[DataFrame, str], DataFrame]

LISTING_DDL = (
    "image_id string, uri string, content binary, content_length bigint, modified_at timestamp, "
    "captured_at timestamp, split string"
)
TARGETS_DDL = (
    f"image_id string, target_index int, class_name string, box {BOX_TYPE}, is_crowd boolean, source string, "
    "attributes string"
)
FINDINGS_DDL = (
    "source_file string, location string, image_id string, target_index int, kind string, message string, "
    "found string, expected string"
)


# Files besides the images whose rows need not be made again while their fingerprint is the same.
FILES_DDL = "path string, image_id string, fingerprint string"


@dataclass(frozen=True)
class Known:
    """What the workspace has: `source_files`, live images and findings of a dataset; targets and factors of all."""

    files: DataFrame
    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame


@dataclass(frozen=True)
class Source:
    """A dataset as a reader found it; nothing of it is written yet.

    ``images`` has the columns of `LISTING_DDL`, ``targets`` of `TARGETS_DDL`, ``findings`` of
    `FINDINGS_DDL`, ``factors`` the keys and one column per factor. ``present`` holds every image id
    that the source still has, taken or not: what is not in it is deleted. ``skipped`` has one row
    per file that is not an image. ``files`` (`FILES_DDL`) are annotation files and shards, to be left
    alone while they stay the same.
    """

    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame
    present: DataFrame
    skipped: DataFrame | None = None
    files: DataFrame | None = None
