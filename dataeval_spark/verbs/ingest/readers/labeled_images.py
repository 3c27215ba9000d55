"""Rows of images whose labels lie in files beside them: common parts of the readers of VOC and YOLO."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.text import decode_text
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.verbs.ingest.accounting import entries_of
from dataeval_spark.verbs.ingest.readers.file_matching import best_first, matched_findings
from dataeval_spark.verbs.ingest.readers.folder import file_columns
from dataeval_spark.verbs.ingest.readers.metadata import Metadata

# The first of these counts for an image in several lists.
SPLITS = ("train", "val", "test")


def image_rows(chosen: DataFrame, metadata: Metadata | None, splits: DataFrame | None, split: str | None) -> DataFrame:
    """Rows of `images`; the split is that of the metadata file, else of the source's lists, else the option.

    Parameters
    ----------
    chosen : DataFrame
        Images of the listing, with ``image_id``.
    metadata : Metadata or None
        Rows of a metadata file.
    splits : DataFrame or None
        ``image_id`` (unique) and ``listed``, the split that the source gives.
    split : str or None
        Split of the images that have none by then.
    """
    names = ("image_id", "uri", "content", "content_length", "modified_at")
    images = chosen.select("image_id", *file_columns())
    listed = split_of_metadata = F.lit(None).cast("string")
    captured_at = F.lit(None).cast("timestamp")
    if splits is not None:
        images, listed = images.join(splits, on="image_id", how="left"), F.col("listed")
    if metadata is not None:
        # image_id is unique on both sides: metadata keep the first row of a path.
        rows = metadata.rows.select("image_id", F.col("split").alias("given"), "captured_at")
        images = images.join(rows, on="image_id", how="left")
        split_of_metadata, captured_at = F.col("given"), F.col("captured_at")
    return images.select(
        *names, captured_at.alias("captured_at"), F.coalesce(split_of_metadata, listed, F.lit(split)).alias("split")
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
    order = F.array_position(F.array(*(F.lit(split) for split in SPLITS)), F.col("listed"))
    placed = lines.join(matches, on="name", how="left")
    is_matched = F.col("image_id").isNotNull()
    first = (
        placed.where(is_matched)
        .groupBy("image_id")
        .agg(F.min_by(F.struct("listed", "file", "line"), F.struct(best_first(), order, "file", "line")).alias("first"))
    )
    splits = first.select("image_id", F.col("first.listed").alias("listed"))
    several = F.coalesce(F.col("candidates"), F.lit(0)) > 1
    bad = placed.where(~is_matched).select(
        F.col("file").alias("source_file"),
        F.concat(F.lit("line "), F.col("line").cast("string")).alias("location"),
        F.lit(None).cast("string").alias("image_id"),
        F.lit(None).cast("int").alias("target_index"),
        F.when(several, "ambiguous_image").otherwise("missing_image").alias("kind"),
        F.when(several, "Several images fit this line")
        .otherwise("No image fits this line, so the list gives no image its split")
        .alias("message"),
        F.concat_ws(": ", "name", "examples").alias("found"),
        F.lit("the path of an image below SOURCE").alias("expected"),
    )
    findings = bad.unionByName(matched_findings(matches, root, "Lines of lists"), allowMissingColumns=True)
    with_first = placed.join(first, on="image_id", how="left")
    is_first = F.struct("file", "line") == F.struct("first.file", "first.line")
    entries = with_first.select(
        F.lit("list lines").alias("unit"),
        F.when(is_matched & is_first, "description").otherwise("skipped").alias("role"),
        F.when(~is_matched, "unmatched").when(~is_first, "repeated").alias("reason"),
        "name",
    )
    return Listed(splits, findings, entries_of(entries, root))
