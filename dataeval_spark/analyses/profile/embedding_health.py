"""Embedding health: whether vectors are fit for use: numbers, lengths, dead dimensions, collapse."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.blocks import in_id_blocks
from dataeval_spark.frames.sorted_groups import sorted_groups
from dataeval_spark.kernels.vectors.embedding_moments import Moments, effective_rank, first_share, intrinsic_dimension
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.runs import DATASET_FINDINGS

STEP = "embedding_health"
COLUMNS = DATASET_FINDINGS.result_columns
FINDINGS_DDL = DATASET_FINDINGS.nullable_ddl
FINDINGS_SCHEMA = arrow_schema(FINDINGS_DDL)
SPREAD_RULES = ("constant", "first_component", "effective_rank", "intrinsic_dimension")
FEW = 30
"""Vectors below which nothing is said about their spread."""

Finding = tuple[str, str, str, float | None, float | None, str, str]

PARTIAL_DDL = "subject string, kind string, first_row int, block bigint, state binary"
PARTIAL_SCHEMA = arrow_schema(PARTIAL_DDL)
SAMPLE, MOMENTS = "sample", "moments"
MAX_PARTS = 1000
# A task gets as many rows of partial sums at once as Spark puts into an Arrow batch: up to 10,000.
BYTES_PER_ROW = 2**16


@dataclass(frozen=True)
class Part:
    """Vectors of one encoder, of whole images or of boxes, with their usual dimension."""

    subject: str
    dimension: int
    count: int


def embedding_health(
    embeddings: DataFrame,
    *,
    norm_factor: float = 16.0,
    max_constant_share: float = 0.1,
    max_first_share: float = 0.9,
    min_effective_rank: float = 3.0,
    max_dimension: int = 4096,
    sample_size: int = 2000,
    seed: int = 0,
) -> DataFrame:
    """Check the vectors of each encoder, those of whole images and those of boxes apart.

    ================================  =======================================================  ===============
    rule                              value                                                    when not "info"
    ================================  =======================================================  ===============
    ``embedding_version``             versions of the encoder                                  error above 1
    ``embedding_dimension``           vectors of another length than most                      error above 0
    ``embedding_not_finite``          vectors with NaN or infinity                             error above 0
    ``embedding_zero_norm``           vectors of length 0: they have no direction              warning above 0
    ``embedding_extreme_norm``        vectors far longer or shorter than the median            warning above 0
    ``embedding_constant``            share of the dimensions that have one value in all       warning
    ``embedding_first_component``     share of the variance along the first principal axis     warning
    ``embedding_effective_rank``      number of axes that the variance is spread over          warning
    ``embedding_intrinsic_dimension`` dimension of the surface that the vectors lie on         never
    ================================  =======================================================  ===============

    Vectors of another length or with NaN are left out of what follows them. Below 30 vectors the last four are null.
    All are exact but the last, which is estimated on a sample: that of the smallest hashes of (seed, id), the same
    on any cluster; its size is in the message. Definitions: ``kernels/vectors/embedding_moments.py``.

    Vectors travel to blocks of about 64 MiB that follow from their ids; each sends dimension^2 numbers, and one task
    merges these in the order of the blocks and holds them once. So partitions decide nothing, not even the last bit.

    Parameters
    ----------
    embeddings : DataFrame
        Table of this name.
    norm_factor : float
        Times by which an extreme vector is longer or shorter than the median, to a power of two.
    max_constant_share : float
        Share of constant dimensions above which it is a warning; in [0, 1].
    max_first_share : float
        Share of the variance along one axis above which vectors have nearly collapsed; in [0, 1].
    min_effective_rank : float
        Effective rank below which vectors have nearly collapsed.
    max_dimension : int
        Largest dimension; longer vectors are checked for versions and dimension only.
    sample_size : int
        Vectors for the intrinsic dimension; 0 leaves it out.
    seed : int
        Seed of that sample.

    Returns
    -------
    DataFrame
        Rows of table ``dataset_findings`` without ``run_id``. The table has one set of rows per step: a run replaces
        those of this step.

    Raises
    ------
    OptionError
        An option is out of range.

    Examples
    --------
    >>> found = embedding_health(embeddings).where("rule LIKE '%first_component' OR rule LIKE '%rank'")
    >>> found.select("severity", "message").show(truncate=False)
    +--------+-------------------------------------------------------------------------+
    |severity|message                                                                  |
    +--------+-------------------------------------------------------------------------+
    |info    |hog_color: 7.2% of the variance lies along one axis.                     |
    |info    |hog_color: the variance is spread over 47.9 of 768 axes (effective rank).|
    +--------+-------------------------------------------------------------------------+
    """
    within("embedding_health.norm_factor", norm_factor)
    within("embedding_health.max_constant_share", max_constant_share)
    within("embedding_health.max_first_share", max_first_share)
    within("embedding_health.min_effective_rank", min_effective_rank)
    within("embedding_health.max_dimension", max_dimension)
    within("embedding_health.sample_size", sample_size)
    limits = Limits(norm_factor, max_constant_share, max_first_share, min_effective_rank, sample_size, seed)
    named = embeddings.select(
        F.concat("encoder", F.when(F.col("target_index").isNull(), "").otherwise(" (boxes)")).alias("subject"),
        "encoder_version",
        F.size("embedding").alias("dimension"),
        "embedding",
        F.xxhash64(F.lit(seed), "image_id", "target_index").alias("hash"),
        "image_id",
        "target_index",
    )
    parts, findings = _parts(named, max_dimension)
    first_findings = embeddings.sparkSession.createDataFrame(findings, FINDINGS_DDL)
    if not parts:
        return first_findings
    usual = embeddings.sparkSession.createDataFrame(
        [(part.subject, part.dimension) for part in parts], "subject string, dimension int"
    )
    # One row per subject on the right.
    judgeable = named.join(F.broadcast(usual), on=["subject", "dimension"], how="inner")
    blocks = in_id_blocks(judgeable.drop("encoder_version"), ["subject"], ["image_id", "target_index"])
    by_subject = {part.subject: part for part in parts}

    def summed(block: pa.Table) -> pa.Table:
        return _summed(block, by_subject, limits)

    states = blocks.groupBy("subject", "block").applyInArrow(summed, PARTIAL_DDL)
    ordered = sorted_groups(states.repartition(len(parts), "subject"), ["subject"], ["kind", "first_row", "block"])
    judged = partial(_judged, parts=by_subject, limits=limits)
    return first_findings.unionByName(map_batches(ordered, judged, FINDINGS_DDL))


def _parts(named: DataFrame, max_dimension: int) -> tuple[list[Part], list[Finding]]:
    """Parts of the embeddings, and the findings that follow from versions and dimensions alone."""
    groups = bounded(
        named.groupBy("subject", "encoder_version", "dimension").count().limit(MAX_PARTS),
        "one row per encoder, version and dimension",
    )
    counts: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
    versions: dict[str, set[str]] = defaultdict(set)
    for group in groups:
        counts[group["subject"]][group["dimension"]] += group["count"]
        versions[group["subject"]].add(group["encoder_version"])
    parts, findings = [], []
    for subject, lengths in sorted(counts.items()):
        dimension = max(lengths, key=lambda length: (lengths[length], length))
        number = len(versions[subject])
        others = sum(count for length, count in lengths.items() if length != dimension)
        message = f"{subject}: vectors of {number} version(s) of the encoder"
        findings.append(_finding("version", subject, number, 1, "error" if number > 1 else "info", message))
        message = f"{subject}: {others:,} of {sum(lengths.values()):,} vectors have another length than {dimension:,}"
        findings.append(_finding("dimension", subject, others, 0, "error" if others else "info", message))
        if 0 < dimension <= max_dimension:
            parts.append(Part(subject, dimension, lengths[dimension]))
        else:
            findings += _without_spread(subject, f"dimension {dimension:,} is above max_dimension, {max_dimension:,}")
    return parts, findings


def _summed(block: pa.Table, parts: Mapping[str, Part], limits: Limits) -> pa.Table:
    """Moments of one block, in rows of a size that any number of blocks can send, and its share of the sample."""
    block = block.sort_by([("image_id", "ascending"), ("target_index", "ascending")])
    subject, number = block["subject"][0].as_py(), block["block"][0].as_py()
    part = parts[subject]
    hashes = block["hash"].to_numpy()
    flat = block["embedding"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    vectors = flat.reshape(-1, part.dimension)
    states = [
        (MOMENTS, place, state) for place, state in enumerate(Moments.from_vectors(vectors).packed(BYTES_PER_ROW))
    ]
    is_sampled = hashes < _largest_hash(part.count, limits.sample_size)
    if is_sampled.any():
        states.append((SAMPLE, 0, _packed_sample(hashes[is_sampled], vectors[is_sampled])))
    rows = [
        {"subject": subject, "kind": kind, "first_row": place, "block": number, "state": state}
        for kind, place, state in states
    ]
    return pa.Table.from_pylist(rows, schema=PARTIAL_SCHEMA)


def _judged(
    batches: Iterator[pa.RecordBatch], *, parts: Mapping[str, Part], limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Merge the sums of the blocks, in the order in which they come, and word the findings."""
    moments: dict[str, dict[int, Moments]] = defaultdict(dict)
    samples: dict[str, list[tuple[NDArray[Any], NDArray[Any]]]] = defaultdict(list)
    for batch in batches:
        for row in batch.to_pylist():
            if row["kind"] == SAMPLE:
                samples[row["subject"]].append(_unpacked_sample(row["state"]))
                continue
            state, merged = Moments.unpacked(row["state"]), moments[row["subject"]]
            earlier = merged.get(state.first_row)
            merged[state.first_row] = state if earlier is None else earlier.merged(state)
    for subject in sorted(moments):
        sample = _smallest(samples[subject], limits.sample_size, parts[subject].dimension)
        findings = _findings_of(subject, Moments.joined(list(moments[subject].values())), sample, limits)
        rows = [dict(zip(FINDINGS_SCHEMA.names, finding, strict=True)) for finding in findings]
        yield pa.RecordBatch.from_pylist(rows, schema=FINDINGS_SCHEMA)


def _largest_hash(count: int, sample_size: int) -> int:
    """Bound of the hashes of about twice the sample: so few vectors travel, and the smallest of these are used."""
    return int(min(1.0, 2 * sample_size / count) * (2**64 - 1)) - 2**63


def _packed_sample(hashes: NDArray[Any], vectors: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.savez(file, hashes=hashes, vectors=vectors)
    return file.getvalue()


def _unpacked_sample(state: bytes) -> tuple[NDArray[Any], NDArray[Any]]:
    with np.load(io.BytesIO(state)) as archive:
        return archive["hashes"], archive["vectors"]


def _smallest(sample: Sequence[tuple[NDArray[Any], NDArray[Any]]], size: int, dimension: int) -> NDArray[Any]:
    if not sample:
        return np.zeros((0, dimension))
    hashes = np.concatenate([part for part, _ in sample])
    vectors = np.concatenate([part for _, part in sample])
    vectors = vectors[np.argsort(hashes, kind="stable")[:size]]
    return vectors[np.isfinite(vectors).all(axis=1)]


@dataclass(frozen=True)
class Limits:
    """Thresholds, and bounds of the computation; see :func:`embedding_health`."""

    norm_factor: float
    max_constant_share: float
    max_first_share: float
    min_effective_rank: float
    sample_size: int
    seed: int


def _findings_of(subject: str, moments: Moments, sample: NDArray[Any], limits: Limits) -> list[Finding]:
    factor, extreme = limits.norm_factor, moments.extreme_lengths(limits.norm_factor)
    far = f"more than {factor:g} times the median length, or less than 1/{factor:g} of it"
    counts = (
        ("not_finite", moments.not_finite, "error", ("holds", "hold"), "NaN or infinity"),
        ("zero_norm", moments.zeros, "warning", ("is", "are"), "all zeros"),
        ("extreme_norm", extreme, "warning", ("has", "have"), far),
    )
    rows = []
    for rule, count, severity, (one, many), text in counts:
        total = moments.count + moments.not_finite
        message = f"{subject}: {count:,} of {total:,} embeddings {one if count == 1 else many} {text}"
        rows.append(_finding(rule, subject, count, 0, severity if count else "info", message))
    return rows + _spread(subject, moments, sample, limits)


def _spread(subject: str, moments: Moments, sample: NDArray[Any], limits: Limits) -> list[Finding]:
    dimension = len(moments.mean)
    if moments.count < FEW:
        return _without_spread(subject, f"{moments.count} usable vectors are too few to judge their spread")
    variances = moments.variances()
    constant = moments.constant_dimensions()
    constant_share, share, rank = constant / dimension, first_share(variances), effective_rank(variances)
    intrinsic, n = intrinsic_dimension(sample)
    margin = 1.96 * intrinsic / max(1, n) ** 0.5
    most, first, least = limits.max_constant_share, limits.max_first_share, limits.min_effective_rank
    judged = (
        (
            constant_share,
            most,
            constant_share > most,
            f"{constant:,} of {dimension:,} dimensions have one value in all vectors",
        ),
        (share, first, share > first, f"{share:.1%} of the variance lies along one axis"),
        (rank, least, rank < least, f"the variance is spread over {rank:.3g} of {dimension:,} axes (effective rank)"),
        (
            None if np.isnan(intrinsic) else intrinsic,
            None,
            False,
            f"intrinsic dimension {intrinsic:.3g} ± {margin:.2g} (95 %), from {n:,} distinct vectors of a sample",
        ),
    )
    return [
        _finding(rule, subject, value, threshold, "warning" if is_bad else "info", f"{subject}: {text}")
        for rule, (value, threshold, is_bad, text) in zip(SPREAD_RULES, judged, strict=True)
    ]


def _without_spread(subject: str, reason: str) -> list[Finding]:
    """Rows that say why the spread of the vectors is unknown."""
    return [_finding(rule, subject, None, None, "info", f"{subject}: {reason}") for rule in SPREAD_RULES]


def _finding(
    rule: str, subject: str, value: float | None, threshold: float | None, severity: str, message: str
) -> Finding:
    """One row of ``dataset_findings``."""
    value, threshold = (None if number is None else float(number) for number in (value, threshold))
    return STEP, f"embedding_{rule}", subject, value, threshold, severity, f"{message}."
