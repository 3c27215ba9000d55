"""What moments of vectors say about them, in words and with thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dataeval_spark.kernels.vectors.embedding_moments import Moments, effective_rank, first_share, intrinsic_dimension
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


@dataclass(frozen=True)
class Limits:
    """Thresholds, and the bounds of what is computed; see :func:`embedding_health`."""

    norm_factor: float
    max_constant_share: float
    max_first_share: float
    min_effective_rank: float
    sample_size: int
    seed: int


def findings_of(subject: str, moments: Moments, sample: NDArray[Any], limits: Limits) -> list[Finding]:
    """Judge the vectors of one subject by their moments and a sample of them."""
    counts = (
        ("not_finite", moments.not_finite, "error", ("holds", "hold"), "NaN or infinity"),
        ("zero_norm", moments.zeros, "warning", ("is", "are"), "all zeros"),
        (
            "extreme_norm",
            moments.extreme_lengths(limits.norm_factor),
            "warning",
            ("has", "have"),
            f"more than {limits.norm_factor:g} times the median length, or less than 1/{limits.norm_factor:g} of it",
        ),
    )
    total = moments.count + moments.not_finite
    rows = [
        finding(
            *(rule, subject, count, 0, severity if count else "info"),
            f"{subject}: {count:,} of {total:,} embeddings {one if count == 1 else many} {text}",
        )
        for rule, count, severity, (one, many), text in counts
    ]
    return rows + _spread(subject, moments, sample, limits)


def _spread(subject: str, moments: Moments, sample: NDArray[Any], limits: Limits) -> list[Finding]:
    dimension = len(moments.mean)
    if moments.count < FEW:
        return without_spread(subject, f"{moments.count} usable vectors are too few to judge their spread")
    variances = moments.variances()
    constant = moments.constant_dimensions() / dimension
    share, rank = first_share(variances), effective_rank(variances)
    found, used = intrinsic_dimension(sample)
    margin = 1.96 * found / max(1, used) ** 0.5
    texts = (
        f"{subject}: {moments.constant_dimensions():,} of {dimension:,} dimensions have one value in all vectors",
        f"{subject}: {share:.1%} of the variance lies along one axis",
        f"{subject}: the variance is spread over {rank:.3g} of {dimension:,} axes (effective rank)",
        f"{subject}: intrinsic dimension {found:.3g} ± {margin:.2g} (95 %), from {used:,} distinct vectors of a sample",
    )
    values = (constant, share, rank, None if np.isnan(found) else found)
    thresholds = (limits.max_constant_share, limits.max_first_share, limits.min_effective_rank, None)
    are_bad = (
        constant > limits.max_constant_share,
        share > limits.max_first_share,
        rank < limits.min_effective_rank,
        False,
    )
    return [
        finding(rule, subject, value, threshold, "warning" if is_bad else "info", text)
        for rule, value, threshold, is_bad, text in zip(SPREAD_RULES, values, thresholds, are_bad, texts, strict=True)
    ]


def without_spread(subject: str, reason: str) -> list[Finding]:
    """Rows that say why nothing is known of the spread."""
    return [finding(rule, subject, None, None, "info", f"{subject}: {reason}") for rule in SPREAD_RULES]


def finding(
    rule: str, subject: str, value: float | None, threshold: float | None, severity: str, message: str
) -> Finding:
    """One row of ``dataset_findings``."""
    value, threshold = (None if number is None else float(number) for number in (value, threshold))
    return STEP, f"embedding_{rule}", subject, value, threshold, severity, f"{message}."
