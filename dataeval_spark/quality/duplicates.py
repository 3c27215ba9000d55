"""Duplicates: equal files, equal pixels, near hashes and near embeddings, in groups of which one image is kept."""

from __future__ import annotations

from typing import Literal, get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.components import ONE_TASK_EDGES, Checkpoint
from dataeval_spark.frames.contract_rows import rows_of
from dataeval_spark.frames.neighbor_lists import require_distances
from dataeval_spark.quality.duplicate_groups import Grouping, Keep, duplicate_groups
from dataeval_spark.quality.duplicate_pairs import (
    D4_KINDS,
    DECODED_PIXELS,
    EXACT_KINDS,
    LOW_INFORMATION,
    NEAR_KINDS,
    WHOLE,
    pairs_by_embedding,
    pairs_by_hash,
)
from dataeval_spark.tables import DATASET_FINDINGS

Compat = Literal["dataeval"]
STEP = "duplicates"


def duplicates(
    hashes: DataFrame,
    image_stats: DataFrame,
    images: DataFrame,
    targets: DataFrame | None = None,
    neighbors: DataFrame | None = None,
    *,
    near: bool = True,
    phash_distance: int = 0,
    dhash_distance: int = 0,
    d4: bool = False,
    boxes: bool = False,
    embedding_distance: float | None = None,
    embedding_encoder: str | None = None,
    low_information_std: float = 2.0,
    grouping: Grouping = "components",
    keep: Keep = "largest",
    compat: Compat | None = None,
    one_task_edges: int = ONE_TASK_EDGES,
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame]:
    """Find exact and near duplicate images, and group them.

    Exact: equal bytes of the file, or equal pixels: all frames, all bits, alpha and the colors beneath it, with shape
    and type. Where less was decoded (``hashes.content_scope``) equal pixels are of kind ``decoded_pixels``, which is no
    exact copy. Near: perceptual hashes (phash
    or dhash) that differ in at most so many bits; 0, equal hashes, is DataEval's definition. Among k images with one
    equal hash each is tied to the smallest id (k - 1 pairs), and of two near hashes the smallest ids are tied, so a
    hash shared by a million images costs a million rows. Groups are the connected components over all pairs.

    An image without structure (``std`` below ``low_information_std``) has no meaningful perceptual hash: such images
    are tied to one another only, as kind ``low_information``, and are in no group by it: they are no duplicates.

    Parameters
    ----------
    hashes, image_stats, images : DataFrame
        Tables of these names; of ``images`` the live rows.
    targets : DataFrame, optional
        Table of this name: labels, which tell conflicts within a group and what ``keep = "labelled"`` prefers.
    neighbors : DataFrame, optional
        Table of this name, for ``embedding_distance``.
    near : bool
        Perceptual hashes too, not only exact copies.
    phash_distance, dhash_distance : int
        Bits in which the phash, or dhash, of duplicates may differ [bit, 0 to 64].
    d4 : bool
        Hashes of the eight rotations and flips too; ``orientation`` tells whether two images are alike as they are.
    boxes : bool
        Compare the boxes of images as well: the same object elsewhere. Boxes are grouped with boxes.
    embedding_distance : float, optional
        Largest distance of duplicates in ``neighbors``, in the metric it was made with: euclidean or cosine
        (1 - similarity).
    embedding_encoder : str, optional
        Whose vectors; default all in ``neighbors``, of which the smallest distance counts.
    low_information_std : float
        Standard deviation of pixel values, on the scale of 8 bits, below which an image counts as blank; of values
        whose range is not known, as they are.
    grouping : {"components", "medoid"}
        Whether a chain of pairs is one group, or is cut into groups around medoids, whose members are all a pair of
        the medoid or equal to it (`kernels.star_cover`).
    keep : {"largest", "sharpest", "labelled", "first"}
        Which image of a group is kept; ``first`` by capture time. Ties go to the other measures of size and
        sharpness, then to the smallest id.
    compat : {"dataeval"}, optional
        DataEval's definition: blank images are compared as all others; only equal hashes are allowed; of pixels,
        DataEval's own hash is compared where the profile made it (``profile.compat``).
    one_task_edges : int
        Most pairs to group in one task; above it by rounds, which need ``checkpoint``.
    checkpoint : callable, optional
        Stores a frame in files and reads it back, so that pairs are computed once.

    Returns
    -------
    tuple of DataFrame
        Tables ``duplicate_pairs`` and ``duplicate_groups``, and rows of ``dataset_findings``, without ``run_id``: an
        image whose k nearest neighbours are all duplicates may have more than the graph shows.

    Raises
    ------
    OptionError
        An option is out of range, or ``neighbors`` is needed and is missing or holds no distances of the encoder.

    References
    ----------
    DataEval 1.1.4, ``quality.Duplicates``; it lets blank images of different colours form one group
    with every other image of that hash.

    Examples
    --------
    >>> pairs, groups, findings = duplicates(hashes, image_stats, images, phash_distance=4)
    >>> images.join(groups.where("target_index IS NULL AND NOT is_kept"), "image_id", "left_anti")  # without them
    """
    _check(phash_distance, dhash_distance, low_information_std, one_task_edges, grouping, keep, compat)
    if embedding_distance is not None and neighbors is None:
        raise OptionError(
            "duplicates.embedding_distance is set and there is no table of neighbors.\n"
            "Hint: dataeval-spark analyze --workspace WS neighbors --set neighbors.metric=cosine"
        )
    if embedding_encoder is not None and embedding_distance is None:
        raise OptionError(
            f"duplicates.embedding_encoder is {embedding_encoder!r} and there is no embedding_distance.\n"
            "Hint: --set duplicates.embedding_distance=0.05"
        )
    if compat:
        # DataEval's pixel hash knows neither shape nor type; it is there where images were profiled with it.
        hashes = hashes.withColumns(
            {"content_hash": F.coalesce("dataeval_xxhash", "content_hash"), "content_scope": F.lit("all")}
        )
    items = _items(hashes, image_stats, boxes, F.lit(False) if compat else _spread() < low_information_std)
    kinds = [*EXACT_KINDS, *((DECODED_PIXELS, *NEAR_KINDS) if near else ()), *(D4_KINDS if near and d4 else ())]
    kinds += [LOW_INFORMATION] if near and not compat else []
    distances = {"phash": phash_distance, "dhash": dhash_distance}
    distances |= {kind: distances[plain] for kind, plain in D4_KINDS.items()}
    pairs = pairs_by_hash(items, kinds, distances)
    if embedding_distance is not None and neighbors is not None:
        neighbors = _lists(neighbors, embedding_distance, embedding_encoder, boxes)
        pairs = pairs.unionByName(pairs_by_embedding(neighbors, items, embedding_distance))
    if checkpoint is not None:
        pairs = checkpoint(pairs)
    groups = duplicate_groups(
        pairs.where(F.col("kind") != LOW_INFORMATION),
        items,
        images,
        targets,
        grouping=grouping,
        keep=keep,
        one_task_edges=one_task_edges,
        checkpoint=checkpoint,
    )
    return pairs, groups, _findings(hashes, neighbors, embedding_distance)


def _check(
    phash: int,
    dhash: int,
    low_information_std: float,
    one_task_edges: int,
    grouping: str,
    keep: str,
    compat: str | None,
) -> None:
    OptionError.unless_between("duplicates.phash_distance", phash, 0, 64)
    OptionError.unless_between("duplicates.dhash_distance", dhash, 0, 64)
    OptionError.unless_between("duplicates.low_information_std", low_information_std, 0.0, 1e6)
    OptionError.unless_between("duplicates.one_task_edges", one_task_edges, 1, 10**9)
    OptionError.unless_one_of("duplicates.grouping", grouping, get_args(Grouping))
    OptionError.unless_one_of("duplicates.keep", keep, get_args(Keep))
    if compat is not None:
        OptionError.unless_one_of("duplicates.compat", compat, get_args(Compat))
        if phash or dhash:
            raise OptionError(
                f"duplicates.compat is {compat!r}, which allows equal hashes only, and phash_distance is {phash} and "
                f"dhash_distance {dhash}.\nHint: leave the distances at 0, or leave compat out"
            )


def _spread() -> Column:
    """Standard deviation on the scale of 8 bits, whatever the range of the values."""
    largest = F.pow(F.lit(2.0), F.col("bit_depth")) - 1
    return F.col("std") * F.coalesce(255 / largest, F.lit(1.0))


def _lists(neighbors: DataFrame, distance: float, encoder: str | None, boxes: bool) -> DataFrame:
    OptionError.unless_between("duplicates.embedding_distance", distance, 0.0, 1e9)
    require_distances(neighbors, "duplicates.embedding_distance")
    if encoder is not None:
        # Bounded: encoders, of which there are a few.
        rows = neighbors.select("encoder").distinct().orderBy("encoder").limit(100).collect()
        OptionError.unless_one_of("duplicates.embedding_encoder", encoder, [row["encoder"] for row in rows])
        neighbors = neighbors.where(F.col("encoder") == encoder)
    if boxes:
        if neighbors.where("target_index IS NOT NULL").isEmpty():
            raise OptionError(
                "duplicates.boxes compares boxes by embedding too, and the table neighbors has none of boxes.\n"
                "Hint: --set profile.per_target=true profile.encoder=NAME neighbors.per_target=true, or leave out "
                "embedding_distance"
            )
        return neighbors
    return neighbors.where("target_index IS NULL")


def _items(hashes: DataFrame, image_stats: DataFrame, boxes: bool, is_blank: Column) -> DataFrame:
    """One row per image, and per box, with its hashes and what decides which is kept."""
    level = F.lit(True) if boxes else F.col("target_index").isNull()
    target = F.coalesce("target_index", F.lit(WHOLE)).alias("target")
    hashed = hashes.where(level).select(
        "image_id", target, *EXACT_KINDS.values(), "content_scope", *NEAR_KINDS, *D4_KINDS
    )
    measured = image_stats.where(level).select(
        "image_id", target, "size", "sharpness", F.coalesce(is_blank, F.lit(False)).alias("is_blank")
    )
    # image_id and target are unique on both sides.
    return hashed.join(measured, on=["image_id", "target"], how="inner")


def _findings(hashes: DataFrame, neighbors: DataFrame | None, distance: float | None) -> DataFrame:
    """Encoders with images of which all k neighbours are duplicates: there may be more of them than k."""
    names = [name for name in DATASET_FINDINGS.column_names if name != "run_id"]
    if neighbors is None or distance is None:
        return rows_of(hashes, DATASET_FINDINGS, [])
    full = (
        neighbors.where((F.col("rank") == F.col("k")) & (F.col("distance") <= distance))
        .groupBy("encoder")
        .agg(F.count("*").cast("double").alias("value"), F.max("k").alias("k"))
    )
    message = F.format_string(
        "%s: all %d neighbours of %.0f images are duplicates of them; there may be more. Raise neighbors.k.",
        "encoder",
        "k",
        "value",
    )
    return full.select(
        F.lit(STEP).alias("step"),
        F.lit("embedding_list_full").alias("rule"),
        F.col("encoder").alias("subject"),
        "value",
        F.lit(0.0).alias("threshold"),
        F.lit("warning").alias("severity"),
        message.alias("message"),
    ).select(*names)
