"""Duplicates: equal files, equal pixels, near hashes and near embeddings, in groups of which one image is kept."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any, Literal, get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.duplicate_groups import Grouping, Keep, duplicate_groups
from dataeval_spark.analyses.quality.duplicate_pairs import (
    D4_KINDS,
    DECODED_PIXELS,
    EMBEDDING,
    EMBEDDING_RELATIVE,
    EXACT_KINDS,
    LOW_INFORMATION,
    NEAR_KINDS,
    WHOLE,
    pairs_by_embedding,
    pairs_by_hash,
)
from dataeval_spark.analyses.quality.near_distances import Level, near_distances
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.components import ONE_TASK_EDGES, Checkpoint
from dataeval_spark.frames.contract import rows_of, rows_of_dicts
from dataeval_spark.frames.neighbors import require_distances
from dataeval_spark.kernels.hashes.near_threshold import NEIGHBORS
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.quality import DUPLICATE_THRESHOLDS
from dataeval_spark.tables.runs import DATASET_FINDINGS

Compat = Literal["dataeval"]
STEP = "duplicates"
DISTANCES = {"phash": 4, "dhash": 0}
"""Bits in which hashes of duplicates may differ; measured in docs/duplicates.md."""
NOISE_BITS = {"phash_noise_bits": 10, "dhash_noise_bits": 32}
"""Bits that noise may flip; none of 328 photographs has more, 0.4 % of CIFAR-10 have. See docs/duplicates.md."""


def duplicates(
    hashes: DataFrame,
    image_stats: DataFrame,
    images: DataFrame,
    targets: DataFrame | None = None,
    neighbors: DataFrame | None = None,
    previous: DataFrame | None = None,
    *,
    near: bool = True,
    phash_distance: int | None = None,
    dhash_distance: int | None = None,
    d4: bool = False,
    boxes: bool = False,
    embedding_distance: float | None = None,
    embedding_encoder: str | None = None,
    renew_threshold: bool = False,
    low_information_std: float = 2.0,
    phash_noise_bits: int = NOISE_BITS["phash_noise_bits"],
    dhash_noise_bits: int = NOISE_BITS["dhash_noise_bits"],
    grouping: Grouping = "medoid",
    keep: Keep = "largest",
    compat: Compat | None = None,
    one_task_edges: int = ONE_TASK_EDGES,
    checkpoint: Checkpoint | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame]:
    """Find exact and near duplicate images, and group them.

    Exact duplicates have equal bytes of the file, or equal pixels: all frames, all bits, alpha and the colours beneath
    it, with shape and type. Where less was decoded (``hashes.content_scope``), equal pixels are of kind
    ``decoded_pixels``, which is no exact copy. Near duplicates have perceptual hashes (phash or dhash) that differ in
    at most so many bits; 0, equal hashes, is DataEval's definition. Among k images with one equal hash each is tied to
    the smallest id (k - 1 pairs), and of two near hashes the smallest ids are tied, so a hash shared by a million
    images costs a million rows. Where there are ``neighbors``, images are near duplicates as well that are nearer to
    one another than their surroundings are, by a threshold that is derived from the data (`near_distances`,
    `kernels.hashes.near_threshold`) and kept for later runs. In a group every member is a pair of the image that is
    kept.

    An image without structure (``std`` below ``low_information_std``), or so smooth that noise of one gray level flips
    more bits than ``phash_noise_bits`` or ``dhash_noise_bits``, has no meaningful perceptual hash: such images are tied
    to one another only, as kind ``low_information``, and are in no group by it: they are no duplicates. Exact copies of
    them are.

    Parameters
    ----------
    hashes, image_stats, images : DataFrame
        Tables of these names; of ``images`` the live rows.
    targets : DataFrame, optional
        Table of this name: labels, which tell conflicts within a group and what ``keep = "labelled"`` prefers.
    neighbors : DataFrame, optional
        Table of this name, for near duplicates by embedding.
    previous : DataFrame, optional
        Table ``duplicate_thresholds`` of an earlier run, whose derived thresholds are kept.
    near : bool
        Whether near duplicates, by perceptual hashes and embeddings, are found too.
    phash_distance, dhash_distance : int, optional
        Bits in which the phash, or dhash, of duplicates may differ [bit, 0 to 64]; default 4 for phash and 0 for dhash.
    d4 : bool
        Whether hashes of the eight rotations and flips are compared too; ``orientation`` tells whether two images are
        alike as they are.
    boxes : bool
        Compare the boxes of images as well: the same object elsewhere. Boxes are grouped with boxes.
    embedding_distance : float, optional
        Largest distance of duplicates in ``neighbors``, in the metric it was made with: euclidean or cosine
        (1 - similarity); default a relative distance, derived from the data.
    embedding_encoder : str, optional
        Encoder whose vectors are used; default all in ``neighbors``, of which the smallest distance counts.
    renew_threshold : bool
        Derive the thresholds of embeddings anew; default the stored ones, so that new images do not change old results.
    low_information_std : float
        Standard deviation of pixel values, on the scale of 8 bits, below which an image counts as blank; of values
        whose range is not known, as they are.
    phash_noise_bits, dhash_noise_bits : int
        Most bits of the hash that noise may flip; an image with more counts as blank [bit, 0 to 64].
    grouping : {"medoid", "components"}
        Groups: in those of "medoid" each member is a pair of the image that is kept, or a copy of such a pair
        (`kernels.hashes.star_cover`); in "components" a chain of pairs is one group.
    keep : {"largest", "sharpest", "labelled", "first"}
        Image of a group that is kept; ``first`` by capture time. Ties go to the other measures of size and
        sharpness, then to the smallest id.
    compat : {"dataeval"}, optional
        DataEval's definition: blank images are compared as all others; only equal hashes are allowed, and embeddings
        by ``embedding_distance`` only; groups are components; of pixels, DataEval's own hash is compared where the
        profile made it (``profile.compat``).
    one_task_edges : int
        Most pairs to group in one task; above it by rounds, which need ``checkpoint``.
    checkpoint : callable, optional
        Function that stores a frame in files and reads it back, so that pairs are computed once.

    Returns
    -------
    tuple of DataFrame
        Tables ``duplicate_pairs``, ``duplicate_groups`` and ``duplicate_thresholds``, and rows of
        ``dataset_findings``, without ``run_id``: how many images are left out as blank; which thresholds were derived,
        kept, or could not be; and how many images may have more duplicates than the graph shows, because all of their
        k nearest neighbours are duplicates.

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
    >>> pairs, groups, thresholds, findings = duplicates(hashes, image_stats, images, phash_distance=4)
    >>> groups.select("image_id", "is_kept", "reason").show(3, truncate=False)
    +----------------------+-------+----------------------------------------------+
    |image_id              |is_kept|reason                                        |
    +----------------------+-------+----------------------------------------------+
    |photos/cat/03.jpg     |true   |kept: largest, then sharpest, then smallest id|
    |photos/dog/smaller.jpg|false  |smaller than photos/cat/03.jpg                |
    |photos/cat/blurred.jpg|false  |less sharp than photos/cat/03.jpg             |
    +----------------------+-------+----------------------------------------------+
    only showing top 3 rows
    >>> images.join(groups.where("target_index IS NULL AND NOT is_kept"), "image_id", "left_anti").count()
    61
    """
    options = {"phash": phash_distance, "dhash": dhash_distance}
    distances = {kind: bits if bits is not None else 0 if compat else DISTANCES[kind] for kind, bits in options.items()}
    _check(distances, low_information_std, one_task_edges, grouping, keep, compat)
    within("duplicates.phash_noise_bits", phash_noise_bits)
    within("duplicates.dhash_noise_bits", dhash_noise_bits)
    if embedding_distance is not None and neighbors is None:
        raise OptionError(
            "duplicates.embedding_distance is set, but there is no table neighbors.\n"
            "Hint: dataeval-spark analyze --workspace WS neighbors --set neighbors.metric=cosine"
        )
    if compat:
        # DataEval's pixel hash knows neither shape nor type; it is there where images were profiled with it.
        hashes = hashes.withColumns(
            {"content_hash": F.coalesce("dataeval_xxhash", "content_hash"), "content_scope": F.lit("all")}
        )
        grouping = "components"
    noise = (F.col("phash_noise_bits") > phash_noise_bits) | (F.col("dhash_noise_bits") > dhash_noise_bits)
    is_blank = F.coalesce(_spread() < low_information_std, F.lit(False)) | F.coalesce(noise, F.lit(False))
    items = _items(hashes, image_stats, boxes, F.lit(False) if compat else is_blank)
    items = checkpoint(items) if checkpoint else items
    near_kinds = [*NEAR_KINDS, *(D4_KINDS if d4 else ())] if near else []
    distances |= {kind: distances[plain] for kind, plain in D4_KINDS.items()}
    low = [LOW_INFORMATION] if near and not compat else []
    decoded = [DECODED_PIXELS] if near else []
    pairs = pairs_by_hash(items, [*EXACT_KINDS, *decoded, *near_kinds, *low], distances)
    thresholds = [_of_hash(kind, distances[kind], options.get(D4_KINDS.get(kind, kind))) for kind in near_kinds]
    findings = [_left_out(items)]
    if embedding_distance is not None and neighbors is not None:
        lists = _lists(neighbors, embedding_distance, embedding_encoder, boxes)
        pairs = pairs.unionByName(pairs_by_embedding(lists, items, embedding_distance))
        thresholds += [_of_option(encoder, embedding_distance) for encoder in _encoders(lists)]
        findings.append(_full_lists(lists, embedding_distance))
    elif near and neighbors is not None and not compat:
        lists, warnings = _usable(_of_encoder(neighbors, embedding_encoder, boxes))
        relative, levels = near_distances(lists, items, None if renew_threshold else previous, checkpoint)
        pairs = pairs.unionByName(pairs_by_embedding(relative, items, "threshold", kind=EMBEDDING_RELATIVE))
        thresholds += map(_of_level, levels)
        findings.append(rows_of(hashes, DATASET_FINDINGS, [*warnings, *map(_threshold_finding, levels)]))
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
    known = rows_of_dicts(hashes, DUPLICATE_THRESHOLDS, thresholds)
    return pairs, groups, known, reduce(DataFrame.unionByName, findings)


def _check(
    distances: Mapping[str, int],
    low_information_std: float,
    one_task_edges: int,
    grouping: str,
    keep: str,
    compat: str | None,
) -> None:
    for kind, bits in distances.items():
        within(f"duplicates.{kind}_distance", bits)
    within("duplicates.low_information_std", low_information_std)
    within("duplicates.one_task_edges", one_task_edges)
    OptionError.unless_one_of("duplicates.grouping", grouping, get_args(Grouping))
    OptionError.unless_one_of("duplicates.keep", keep, get_args(Keep))
    if compat is not None:
        OptionError.unless_one_of("duplicates.compat", compat, get_args(Compat))
        if any(distances.values()):
            raise OptionError(
                f"duplicates.compat is {compat!r}, which allows equal hashes only; phash_distance is "
                f"{distances['phash']} and dhash_distance is {distances['dhash']}, expected 0 for both.\n"
                "Hint: leave the distances at 0, or leave compat out"
            )


def _spread() -> Column:
    """Standard deviation on the scale of 8 bits, whatever the range of the values."""
    largest = F.pow(F.lit(2.0), F.col("bit_depth")) - 1
    return F.col("std") * F.coalesce(255 / largest, F.lit(1.0))


def _lists(neighbors: DataFrame, distance: float, encoder: str | None, boxes: bool) -> DataFrame:
    within("duplicates.embedding_distance", distance)
    require_distances(neighbors, "duplicates.embedding_distance")
    lists = _of_encoder(neighbors, encoder, boxes)
    if boxes and lists.where("target_index IS NOT NULL").isEmpty():
        raise OptionError(
            "duplicates.boxes compares boxes by embedding too, but the table neighbors holds none of boxes.\n"
            "Hint: profile --encoder NAME --set profile.per_target=true, then analyze --set neighbors.per_target=true; "
            "or leave out embedding_distance"
        )
    return lists


def _of_encoder(neighbors: DataFrame, encoder: str | None, boxes: bool) -> DataFrame:
    if encoder is not None:
        OptionError.unless_one_of("duplicates.embedding_encoder", encoder, _encoders(neighbors))
        neighbors = neighbors.where(F.col("encoder") == encoder)
    return neighbors if boxes else neighbors.where("target_index IS NULL")


def _encoders(neighbors: DataFrame) -> list[str]:
    rows = bounded(neighbors.select("encoder").distinct().orderBy("encoder").limit(100), "one row per encoder")
    return [row["encoder"] for row in rows]


def _usable(neighbors: DataFrame) -> tuple[DataFrame, list[tuple[Any, ...]]]:
    """Lists in which relative distances can be measured, and a finding for each encoder that has none."""
    is_usable = (F.col("metric") != "inner_product") & (F.col("k") >= NEIGHBORS)
    others = neighbors.where(~is_usable).groupBy("encoder").agg(F.min("k").alias("k"), F.max("metric").alias("metric"))
    warnings = []
    for row in bounded(others.orderBy("encoder").limit(100), "one row per encoder"):
        lacks = "inner products are no distances" if row["metric"] == "inner_product" else f"neighbors.k is {row['k']}"
        hint = "Set neighbors.k to 10 or more and neighbors.metric to euclidean or cosine."
        message = f"{row['encoder']}: no near duplicates by embedding, for {lacks}. {hint}"
        warnings.append((STEP, "no_relative_distances", row["encoder"], None, None, "warning", message))
    return neighbors.where(is_usable), warnings


def _items(hashes: DataFrame, image_stats: DataFrame, boxes: bool, is_blank: Column) -> DataFrame:
    """One row per image, and per box, with its hashes and the columns that decide which is kept."""
    level = F.lit(True) if boxes else F.col("target_index").isNull()
    target = F.coalesce("target_index", F.lit(WHOLE)).alias("target")
    names = (*EXACT_KINDS.values(), "content_scope", *NEAR_KINDS, *D4_KINDS)
    hashed = hashes.where(level).select("image_id", target, *names, *NOISE_BITS)
    measured = image_stats.where(level).select("image_id", target, "size", "sharpness", "std", "bit_depth")
    # image_id and target are unique on both sides.
    return hashed.join(measured, on=["image_id", "target"], how="inner").select(
        "image_id", "target", *names, "size", "sharpness", is_blank.alias("is_blank")
    )


def _left_out(items: DataFrame) -> DataFrame:
    """Findings: numbers of images, and of boxes, that have no meaningful perceptual hash."""
    noun = F.when(F.col("target") == WHOLE, F.lit("images")).otherwise(F.lit("boxes"))
    counted = items.where("is_blank").groupBy(noun.alias("subject")).agg(F.count("*").cast("double").alias("value"))
    several = F.format_string(
        "%,d %s are flat, or so smooth that noise decides their perceptual hashes: they are in no group of near "
        "duplicates, only exact copies of them are found.",
        F.col("value").cast("bigint"),
        "subject",
    )
    one = F.format_string(
        "1 %s is flat, or so smooth that noise decides its perceptual hashes: it is in no group of near duplicates, "
        "only exact copies of it are found.",
        F.when(F.col("subject") == "boxes", F.lit("box")).otherwise(F.lit("image")),
    )
    message = F.when(F.col("value") == 1, one).otherwise(several)
    return _findings(counted, "without_structure", "info", message)


def _full_lists(neighbors: DataFrame, distance: float) -> DataFrame:
    """Findings: encoders with images whose k neighbours are all duplicates, so that there may be more than k."""
    full = (
        neighbors.where((F.col("rank") == F.col("k")) & (F.col("distance") <= distance))
        .groupBy(F.col("encoder").alias("subject"))
        .agg(F.count("*").cast("double").alias("value"), F.max("k").alias("k"))
    )
    message = F.format_string(
        "%s: all %d neighbours of %d images are duplicates of them; there may be more. Raise neighbors.k.",
        "subject",
        "k",
        F.col("value").cast("bigint"),
    )
    return _findings(full, "embedding_list_full", "warning", message)


def _findings(counted: DataFrame, rule: str, severity: str, message: Column) -> DataFrame:
    return counted.select(
        F.lit(STEP).alias("step"),
        F.lit(rule).alias("rule"),
        "subject",
        "value",
        F.lit(0.0).alias("threshold"),
        F.lit(severity).alias("severity"),
        message.alias("message"),
    ).select(*DATASET_FINDINGS.result_names)


def _of_hash(kind: str, bits: int, option: int | None) -> Mapping[str, Any]:
    return {"kind": kind, "threshold": float(bits), "origin": "default" if option is None else "given"}


def _of_option(encoder: str, distance: float) -> Mapping[str, Any]:
    return {"kind": EMBEDDING, "encoder": encoder, "threshold": distance, "origin": "given"}


def _of_level(level: Level) -> Mapping[str, Any]:
    return {"kind": EMBEDDING_RELATIVE, "level": "box" if level.is_box else "image", **level._asdict()}


def _threshold_finding(level: Level) -> tuple[Any, ...]:
    """Finding that says which threshold is used, and which the data would suggest now."""
    noun = "boxes" if level.is_box else "images"
    subject = f"{level.encoder}, boxes" if level.is_box else level.encoder
    if level.threshold is None:
        message = f"{subject}: no two {noun} are so near that they are duplicates with an estimated precision of 0.9."
        return (STEP, "near_threshold", subject, None, None, "info", message)
    precision = level.estimated_precision
    share = "unknown" if precision is None else f"{precision:.2f}"
    message = (
        f"{subject}: {noun} within {level.threshold:.2f} of the usual distance between neighbours are near duplicates; "
        f"estimated precision {share}, {level.near_count:,} {noun}."
    )
    if level.origin == "kept" and level.suggested != level.threshold:
        now = "no threshold" if level.suggested is None else f"{level.suggested:.2f}"
        message += f" The threshold is kept from an earlier run; these data suggest {now}: duplicates.renew_threshold."
    return (STEP, "near_threshold", subject, precision, level.threshold, "info", message)
