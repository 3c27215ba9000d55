"""WebDataset: tar shards whose members are images, classes and JSON; their bytes are kept in the table."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import reduce
from operator import or_
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.webdataset import SHARD_ENDINGS, read_shard
from dataeval_spark.kernels.storage.files import glob_pattern, open_file
from dataeval_spark.kernels.storage.places import is_folder
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.verbs.ingest.accounting import entries_of, file_entries
from dataeval_spark.verbs.ingest.readers.file_bytes import without_credentials
from dataeval_spark.verbs.ingest.readers.label_files import fingerprint, with_is_kept
from dataeval_spark.verbs.ingest.readers.listing import list_files
from dataeval_spark.verbs.ingest.readers.samples import SAMPLES_DDL, source_of
from dataeval_spark.verbs.ingest.readers.source import KnownRows, Reading, Source

BYTES_PER_TASK = 64 * 2**20
# Options that the rows of a shard depend on.
READ_BY = ("split", "timezone", "glob", "limit")


def read_webdataset(reading: Reading) -> Source:
    """Read the samples of WebDataset shards: all ``.tar``, ``.tar.gz`` and ``.tgz`` below a folder, or one file.

    The id of an image is ``<dataset>/<shard>/<member>``, as if the shard were a folder. A task streams one shard after
    another; what lies in them is described in :func:`dataeval_spark.kernels.formats.webdataset.read_shard`. Shards
    whose size and time are as they were are not read again.

    Parameters
    ----------
    reading : Reading
        SOURCE is a folder, or one shard; the path of an image is ``<shard>/<member>``.

    Raises
    ------
    IngestError
        There are no shards, or no sample with an image can be read from any.
    """
    root, checkpoint = reading.root, reading.checkpoint
    folder = os.path.dirname(root) if root.lower().endswith(SHARD_ENDINGS) and not is_folder(root) else root
    listing = checkpoint(list_files(reading.spark, folder), "listing")
    if folder != root:
        listing = listing.where(F.col("path") == os.path.basename(root))
    is_whole = reading.glob is None and reading.limit is None
    known_rows = reading.known_rows if is_whole else None
    shards = checkpoint(with_is_kept(_shards(listing, reading), known_rows), "shards")
    if shards.isEmpty():
        endings = ", ".join(SHARD_ENDINGS)
        raise IngestError(f"SOURCE {root} has no shards ({endings}).\nHint: name the folder that the shards are in.")
    samples = checkpoint(_samples(shards.where("NOT is_kept"), reading.dataset), "samples")
    old = None
    if known_rows is not None:
        same_shards = shards.where("is_kept").select(F.col("file").alias("source_file"))
        old = known_rows.of_files(same_shards, _of_shards(known_rows, same_shards))
    _require_some(samples, old, root)
    chosen = _choose(samples, reading)
    contents = source_of(
        chosen,
        split=reading.split,
        timezone=reading.timezone,
        unit="members",
        labels_from="members of samples",
        known_rows=old,
    )
    contents = replace(contents, accounting=_whole_entries(contents, samples, chosen, listing, shards, root))
    if not is_whole:
        return replace(contents, present=samples.where("image_id IS NOT NULL").select("image_id"))
    broken = samples.where("array_contains(findings.kind, 'broken_file')").select("source_file")
    files = shards.where("fingerprint IS NOT NULL").join(
        broken, on=F.col("file") == F.col("source_file"), how="left_anti"
    )
    present = contents.present
    if known_rows is not None:
        present = present.unionByName(_of_shards(known_rows, broken))
    return replace(
        contents, present=present, files=files.select(F.col("file").alias("path"), "image_id", "fingerprint")
    )


def _shards(listing: DataFrame, reading: Reading) -> DataFrame:
    """The shards of a listing, with the columns of label files: of each it is known whether the workspace has it."""
    options = {"format": "webdataset", **{name: getattr(reading, name) for name in READ_BY}}
    is_shard = reduce(or_, (F.lower("path").endswith(ending) for ending in SHARD_ENDINGS))
    return listing.where(is_shard & F.col("reason").isNull()).select(
        F.lit("").alias("image_id"),
        F.col("uri").alias("label"),
        without_credentials(F.col("uri")).alias("file"),
        "path",
        "content_length",
        "modified_us",
        # An image tells its shard by what follows :: in its uri.
        F.when(F.instr("uri", "::") == 0, fingerprint(options, "content_length", "modified_us")).alias("fingerprint"),
    )


def _whole_entries(
    contents: Source, samples: DataFrame, chosen: DataFrame, listing: DataFrame, shards: DataFrame, root: str
) -> DataFrame:
    """Entries of the files, and of the members of shards; images that are not asked for are no images of it."""
    none = listing.limit(0).select("uri")
    files = file_entries(listing, root, images=none, annotations=shards.select(F.col("label").alias("uri")))
    left_out = samples.where("image_id IS NOT NULL").join(chosen.select("image_id"), on="image_id", how="left_anti")
    file, name = F.col("source_file"), F.col("image_id")
    lost = entries_of(left_out, file, "members", role="skipped", reason="not_asked_for", name=name)
    taken_back = entries_of(left_out, file, "members", role="images", n=-1)
    return files.unionByName(contents.accounting).unionByName(lost).unionByName(taken_back)


def _samples(shards: DataFrame, dataset: str) -> DataFrame:
    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            for sample in _read(row["label"]):
                member = sample.get("member")
                yield {
                    **sample,
                    "image_id": member and f"{dataset}/{row['path']}/{member}",
                    "uri": member and f"tar://{member}::{row['file']}",
                    "content_length": len(sample["content"]) if member else None,
                    "modified_us": row["modified_us"],
                    "source_file": row["file"],
                }

    row = one_row(shards, F.count("*").alias("n"), F.coalesce(F.sum("content_length"), F.lit(0)).alias("bytes"))
    tasks = max(1, min(row["n"], -(-row["bytes"] // BYTES_PER_TASK)))
    return map_rows(shards.repartition(tasks), read, SAMPLES_DDL)


def _read(shard: str) -> Iterator[Mapping[str, Any]]:
    try:
        with open_file(shard) as file:
            yield from read_shard(file)
    except OSError as error:
        message = error.strerror or str(error)
        expected = "a file that can be read"
        row = {"location": "tar", "kind": "broken_file", "message": "Shard cannot be opened", "found": message}
        yield {"findings": [{**row, "expected": expected}]}


def _of_shards(known_rows: KnownRows, shards: DataFrame) -> DataFrame:
    """Ids of the images that the workspace has of shards; ``shards`` has ``source_file``."""
    images = known_rows.images.select("image_id", F.substring_index("uri", "::", -1).alias("source_file"))
    return images.join(shards, on="source_file", how="left_semi").select("image_id")


def _choose(samples: DataFrame, reading: Reading) -> DataFrame:
    if reading.glob is not None:
        path = F.substring("image_id", F.lit(len(reading.dataset) + 2), F.length("image_id"))
        samples = samples.where(F.col("image_id").isNull() | path.rlike(f"^{glob_pattern(reading.glob)}$"))
    if reading.limit is None:
        return samples
    first = samples.where("image_id IS NOT NULL").select("image_id").orderBy("image_id").limit(reading.limit)
    chosen = samples.join(first, on="image_id", how="left_semi")
    return chosen.unionByName(samples.where("image_id IS NULL"))


def _require_some(samples: DataFrame, old: KnownRows | None, root: str) -> None:
    if not samples.where("image_id IS NOT NULL").isEmpty() or (old is not None and not old.images.isEmpty()):
        return
    for row in bounded(samples.select("source_file", F.inline("findings")).limit(1), "one row"):
        raise IngestError(
            f"No sample can be read from the shards of {root}; {row['source_file']}: {row['found']}.\n"
            "Hint: tar -tf SHARD lists what is in a shard."
        )
    raise IngestError(
        f"No sample of the shards of {root} has an image.\nHint: the image is a member such as sample1.jpg or 1.png."
    )
