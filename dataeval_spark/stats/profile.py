"""The profile: one decode of each image gives its statistics, hashes, embedding, and those of its boxes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels import thumbnail
from dataeval_spark.kernels.decode import MAX_PIXELS, UnreadableImage
from dataeval_spark.kernels.files import read_file
from dataeval_spark.kernels.hashes import file_hash
from dataeval_spark.kernels.image_profile import TargetProfile, profile_image
from dataeval_spark.tables import CHANNEL_STATS, EMBEDDINGS, HASHES, IMAGE_STATS, UNREADABLE_IMAGES, Table
from dataeval_spark.tables.keys import BOX_TYPE

# Raised whenever a measured value changes: every image is then measured anew.
VERSION = 1
ENCODERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "thumbnail": (thumbnail.VERSION, thumbnail.thumbnail_embedding)
}
BOXES_TYPE = f"array<struct<target_index: int, box: {BOX_TYPE}>>"
KEYS = ("image_id", "target_index", "fingerprint", "run_id")
IMAGES_PER_TASK = 500
LARGE_IMAGES_PER_TASK = 2_000


def _struct(table: Table, without: tuple[str, ...] = KEYS) -> str:
    return f"struct<{', '.join(f'{c.name}: {c.type}' for c in table.columns if c.name not in without)}>"


STAGED_DDL = (
    f"image_id string, target_index int, fingerprint string, stats {_struct(IMAGE_STATS)}, "
    f"channels array<{_struct(CHANNEL_STATS)}>, hashes {_struct(HASHES)}, embedding array<float>, "
    f"error {_struct(UNREADABLE_IMAGES)}"
)


def fingerprints(
    images: DataFrame, targets: DataFrame, *, per_target: bool = True, max_pixels: int = MAX_PIXELS
) -> DataFrame:
    """What there is to measure: each live image with its boxes and the fingerprint of all that its rows depend on.

    Parameters
    ----------
    images : DataFrame
        Live rows of table ``images``.
    targets : DataFrame
        Table ``targets``.
    per_target : bool
        Measure boxes too.
    max_pixels : int
        Larger images are refused.

    Returns
    -------
    DataFrame
        ``image_id``, ``uri``, ``content_length``, ``file_hash``, ``boxes`` and ``fingerprint``.
    """
    box = F.struct("target_index", "box")
    boxes = targets.where("box IS NOT NULL").groupBy("image_id").agg(F.sort_array(F.collect_list(box)).alias("boxes"))
    joined = images.join(boxes.where(F.lit(per_target)), on="image_id", how="left")
    parts = [F.coalesce("file_hash", F.lit("unread")), F.coalesce(F.to_json("boxes"), F.lit("[]"))]
    options = F.lit(f"{VERSION}|{max_pixels}|{per_target}")
    return joined.select(
        "image_id",
        "uri",
        "content_length",
        "file_hash",
        "boxes",
        F.lower(F.hex(F.xxhash64(*parts, options))).alias("fingerprint"),
    )


def profile(pending: DataFrame, *, encoder: str | None = None, max_pixels: int = MAX_PIXELS) -> DataFrame:
    """Decode each image once and measure it and its boxes.

    An image that cannot be read or measured becomes a row with its error; the job does not fail.

    Parameters
    ----------
    pending : DataFrame
        Result of :func:`fingerprints`, with ``content`` (null where the image is kept by reference).
    encoder : {"thumbnail"}, optional
        Embed the whole image.
    max_pixels : int
        Larger images are refused before they are decoded (decompression bombs).

    Returns
    -------
    DataFrame
        Columns of ``STAGED_DDL``: store it once, then take the tables with :func:`tables_of`.

    Raises
    ------
    OptionError
        There is no such encoder.

    Examples
    --------
    >>> staged = profile(fingerprints(images, targets).join(images.select("image_id", "content"), "image_id"))
    """
    require_encoder(encoder)
    OptionError.unless_between("profile.max_pixels", max_pixels, 1, 2**31)
    return map_rows(pending, partial(_measure_all, encoder=encoder, max_pixels=max_pixels), STAGED_DDL)


def require_encoder(encoder: str | None) -> None:
    """Raise OptionError when there is no such encoder."""
    if encoder is not None:
        OptionError.unless_one_of("profile.encoder", encoder, tuple(ENCODERS))


def tasks_for(images: int) -> int:
    """Tasks to cut so many images into: enough to balance and to retry, few enough to schedule."""
    return max(1, -(-images // (IMAGES_PER_TASK if images <= 1_000_000 else LARGE_IMAGES_PER_TASK)))


def tables_of(staged: DataFrame, *, encoder: str | None = None) -> dict[Table, DataFrame]:
    """The rows of each table in the staged result of :func:`profile`."""
    readable = staged.where("error IS NULL")
    keys = ("image_id", "target_index")
    frames = {
        IMAGE_STATS: readable.select(*keys, "stats.*", "fingerprint"),
        CHANNEL_STATS: readable.select(*keys, "fingerprint", F.inline("channels")),
        HASHES: readable.select(*keys, "hashes.*", "fingerprint"),
        UNREADABLE_IMAGES: staged.where("error IS NOT NULL").select("image_id", "error.*", "fingerprint"),
    }
    embedded = readable.where("embedding IS NOT NULL")
    name = encoder or "none"
    version = ENCODERS[encoder][0] if encoder else ""
    frames[EMBEDDINGS] = embedded.select(
        *keys,
        F.lit(name).alias("encoder"),
        "embedding",
        F.lit(version).alias("encoder_version"),
        "fingerprint",
    )
    return frames


def done(tables: Mapping[Table, DataFrame], *, encoder: str | None = None) -> DataFrame:
    """``image_id`` and ``fingerprint`` of the images that all tables of the profile have, or ``unreadable_images``."""
    whole: Column = F.col("target_index").isNull()
    keys = ("image_id", "fingerprint")
    complete = tables[IMAGE_STATS].where(whole).select(*keys)
    needed = [
        tables[HASHES].where(whole),
        tables[CHANNEL_STATS].where(whole & (F.col("channel") == 0)),
    ]
    if encoder:
        version = ENCODERS[encoder][0]
        embeddings = tables[EMBEDDINGS].where(whole & (F.col("encoder") == encoder))
        needed.append(embeddings.where(F.col("encoder_version") == version))
    for frame in needed:
        complete = complete.join(frame.select(*keys), on=list(keys), how="left_semi")
    # A file that could not be read may be readable now: a mount was missing, a right was not given.
    return complete.unionByName(tables[UNREADABLE_IMAGES].where("stage != 'read'").select(*keys))


def _measure_all(
    rows: Iterator[Mapping[str, Any]], *, encoder: str | None, max_pixels: int
) -> Iterable[Mapping[str, Any]]:
    embed = ENCODERS[encoder][1] if encoder else None
    for row in rows:
        try:
            data = _bytes_of(row)
            boxes = row["boxes"] or []
            corners = [tuple(b["box"][k] for k in ("x0", "y0", "x1", "y1")) for b in boxes]
            measured = profile_image(data, corners, max_pixels=max_pixels, embed=embed)
        except UnreadableImage as error:
            yield _unreadable(row, error)
            continue
        yield _row(row, None, measured.image)
        for box, target in zip(boxes, measured.boxes, strict=True):
            yield _row(row, box["target_index"], target)


def _bytes_of(row: Mapping[str, Any]) -> bytes:
    if row["content"] is not None:
        return row["content"]
    if row["uri"] is None:
        raise UnreadableImage("read", "ValueError", "neither bytes nor a path are given")
    try:
        data = read_file(row["uri"])
    except OSError as error:
        raise UnreadableImage("read", type(error).__name__, error.strerror or str(error)) from error
    if row["file_hash"] is not None and file_hash(data) != row["file_hash"]:
        raise UnreadableImage("read", "FileChangedError", "the file has changed since it was ingested: ingest again")
    return data


def _row(source: Mapping[str, Any], target_index: int | None, target: TargetProfile) -> Mapping[str, Any]:
    return {
        "image_id": source["image_id"],
        "target_index": target_index,
        "fingerprint": source["fingerprint"],
        "stats": target.stats,
        "channels": target.channels,
        "hashes": target.hashes,
        "embedding": None if target.embedding is None else target.embedding.tolist(),
    }


def _unreadable(source: Mapping[str, Any], error: UnreadableImage) -> Mapping[str, Any]:
    return {
        "image_id": source["image_id"],
        "fingerprint": source["fingerprint"],
        "error": {
            "stage": error.stage,
            "error_class": error.error_class,
            "message": error.message,
            "content_length": source["content_length"],
        },
    }
