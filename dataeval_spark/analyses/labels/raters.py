"""Several raters: their agreement, their consensus, and the quality of each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from scipy.sparse import csr_array

from dataeval_spark.analyses.labels.rating_blocks import KEYS, RatingBlocks, rating_blocks, slices
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.kernels.labels.confident_learning import wilson_interval
from dataeval_spark.kernels.labels.dawid_skene import Model, Ratings, Sums, fit, posterior_sums, posteriors, vote_sums
from dataeval_spark.kernels.labels.rater_agreement import (
    STATISTICS,
    Spread,
    VoteSums,
    agreement_sums,
    cohen,
    jackknife,
    spread,
)
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_AGREEMENT, LABEL_CONSENSUS, RATER_QUALITY
from dataeval_spark.tables.runs import DATASET_FINDINGS

DDL = LABEL_CONSENSUS.ddl_without("given_class", "differs")
SCHEMA = arrow_schema(DDL)

# Raters x classes up to which pairs of raters are compared: the square of it is counted.
MAX_PAIR_COLUMNS = 2_000

Row = tuple[Any, ...]


def raters(
    annotations: DataFrame,
    targets: DataFrame | None = None,
    *,
    smoothing: float = 0.01,
    iterations: int = 100,
    checkpoint: Callable[[DataFrame], DataFrame] | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame, DataFrame]:
    """Compute agreement, consensus and quality from the labels that several people gave to the same things.

    Agreement: Krippendorff's alpha for nominal data (any number of raters per thing); Fleiss' kappa on the things that
    the commonest number of raters labelled; both also of each class against the rest, with the jackknife's interval
    over things; for each pair of raters Cohen's kappa with its large-sample interval, and the share of equal labels
    with Wilson's (left out where raters x classes exceed 2,000).

    Consensus: the majority, of classes chosen equally often the commoner one; and the most probable class of the model
    of Dawid and Skene, in which each rater errs in their own way. It is fitted by EM from the votes on kinds of things,
    to which the same raters gave the same labels: up to 5 million ratings in different kinds on the driver, above in
    one Spark job per iteration.

    Parameters
    ----------
    annotations : DataFrame
        Table ``annotations``.
    targets : DataFrame, optional
        Table ``targets``, to compare the consensus with.
    smoothing : float
        Number of answers of each kind added to those of each rater; above 0, so that no answer is impossible.
    iterations : int
        Most iterations of EM.
    checkpoint : callable, optional
        Function that stores a frame; without it things are grouped anew for each use.

    Returns
    -------
    tuple of DataFrame
        Tables ``label_agreement``, ``label_consensus``, ``rater_quality`` and ``dataset_findings`` without ``run_id``.
        Qualities are by the fitted model: expected counts, with Wilson's interval.

    Raises
    ------
    OptionError
        An option is out of range.
    RatingError
        Raters x classes x classes are more than 5 million.

    References
    ----------
    Dawid and Skene (1979); see :mod:`dataeval_spark.kernels.labels.rater_agreement` for the others.

    Examples
    --------
    >>> agreement, consensus, quality, findings = raters(annotations, targets)
    >>> overall = quality.where("class_name IS NULL").orderBy("rater")
    >>> overall.selectExpr("rater", "round(n, 1) AS n", "round(accuracy, 2) AS accuracy").show()
    +-----+-----+--------+
    |rater|    n|accuracy|
    +-----+-----+--------+
    |  ann|309.0|    0.97|
    |  ben|309.0|    0.96|
    |   cy|309.0|    0.86|
    +-----+-----+--------+
    """
    within("raters.smoothing", smoothing)
    within("raters.iterations", iterations)
    ratings = rating_blocks(annotations, checkpoint or (lambda frame: frame))
    if not ratings.raters:
        empty = (rows_of(annotations, t, []) for t in (LABEL_AGREEMENT, LABEL_CONSENSUS, RATER_QUALITY))
        agreement, labels, quality = empty
        return agreement, labels, quality, rows_of(annotations, DATASET_FINDINGS, [])
    classes = len(ratings.classes)
    estimate = fit(
        lambda: Sums.from_vector(ratings.total(lambda part: vote_sums(part).to_vector()), classes),
        lambda model: Sums.from_vector(ratings.total(lambda part: posterior_sums(part, model).to_vector()), classes),
        smoothing=smoothing,
        iterations=iterations,
    )
    agreeing, totals = np.split(ratings.total(_peers), [2 * len(ratings.raters)])
    same, compared = np.split(agreeing, 2)
    # On the driver: raters x classes squared, at most 4 million; pairs of raters.
    return (
        rows_of(annotations, LABEL_AGREEMENT, [*_overall(ratings), *_pairs(ratings)]),
        _consensus(ratings, estimate.model, totals, targets),
        rows_of(annotations, RATER_QUALITY, list(_quality_rows(ratings, estimate.sums, same, compared))),
        rows_of(annotations, DATASET_FINDINGS, [_finding(ratings, estimate.iterations, estimate.has_converged)]),
    )


def _peers(part: Ratings) -> NDArray[np.float64]:
    """Labels of others on the same things that equal each rater's, and all of these; and the ratings of each class."""
    votes = part.votes
    things = np.repeat(np.arange(len(part.weights)), np.diff(part.answers.indptr))
    rater_codes, answers = np.divmod(part.answers.indices, part.classes)
    count = part.answers.shape[1] // part.classes
    weights = part.weights[things]
    same = np.bincount(rater_codes, weights * (votes[things, answers] - 1), count)
    compared = np.bincount(rater_codes, weights * (votes.sum(axis=1)[things] - 1), count)
    return np.concatenate([same, compared, part.weights @ votes])


def _quality_rows(
    ratings: RatingBlocks, sums: Sums, same: NDArray[np.float64], compared: NDArray[np.float64]
) -> Iterator[Row]:
    classes = len(ratings.classes)
    answers = sums.answers.reshape(-1, classes, classes)
    for number, rater in enumerate(ratings.raters):
        confusion = answers[number]  # confusion[l, j]: answer l, class j
        agreement = float(same[number] / compared[number]) if compared[number] else None
        yield _quality(rater, None, float(np.trace(confusion)), float(confusion.sum()), None, None, agreement)
        for j, name in enumerate(ratings.classes):
            n = float(confusion[:, j].sum())
            # Expected counts below a hundredth of a label are what smoothing leaves.
            if n < 0.01:
                continue
            wrong = confusion[:, j].copy()
            wrong[j] = 0.0
            worst = int(wrong.argmax())
            is_confused = wrong[worst] / n >= 1e-6
            other, share = (ratings.classes[worst], float(wrong[worst] / n)) if is_confused else (None, None)
            yield _quality(rater, name, float(confusion[j, j]), n, other, share, None)


def _quality(
    rater: str, name: str | None, right: float, n: float, other: str | None, share: float | None, same: float | None
) -> Row:
    lower, upper = wilson_interval(np.array([right]), np.array([n]))
    return (rater, name, n, min(right / n, 1.0), float(lower[0]), float(upper[0]), other, share, same)


def _finding(blocks: RatingBlocks, iterations: int, has_converged: bool) -> Row:
    message = (
        f"{len(blocks.raters):,} raters, {len(blocks.classes):,} classes: EM ended after {iterations:,} iterations"
    )
    message += "." if has_converged else ", before it converged: raise raters.iterations."
    severity = "info" if has_converged else "warning"
    return ("raters", "consensus_model", "annotations", float(iterations), None, severity, message)


def _overall(ratings: RatingBlocks) -> Iterator[Row]:
    raters = len(ratings.raters)

    def count_raters(part: Ratings) -> NDArray[np.float64]:
        return np.bincount(part.votes.sum(axis=1).astype(int), part.weights, raters + 1).astype(np.float64)

    sizes = ratings.total(count_raters)
    if not sizes[2:].any():
        return
    commonest = 2 + int(sizes[2:].argmax())
    for statistic, value_of in STATISTICS.items():
        size = commonest if statistic == "fleiss_kappa" else None
        sums = VoteSums.from_vector(ratings.total(_vote_sums_of(size)))
        value = value_of(sums.votes, sums.differing)
        spreads = Spread.from_vector(ratings.total(_spread_of(statistic, size, sums)))
        lower, upper = jackknife(value, spreads, sums.things)
        for name, *numbers in zip((None, *ratings.classes), value, lower, upper, strict=True):
            yield (statistic, name, None, None, *map(_number, numbers), int(sums.things))


def _votes(part: Ratings, size: int | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    votes = part.votes
    selector = slice(None) if size is None else votes.sum(axis=1) == size
    return votes[selector], part.weights[selector]


def _vote_sums_of(size: int | None) -> Any:
    return lambda part: agreement_sums(*_votes(part, size)).to_vector()


def _spread_of(statistic: str, size: int | None, sums: VoteSums) -> Any:
    return lambda part: spread(statistic, *_votes(part, size), sums).to_vector()


def _pairs(ratings: RatingBlocks) -> Iterator[Row]:
    raters, classes = len(ratings.raters), len(ratings.classes)
    if raters * classes > MAX_PAIR_COLUMNS:
        return

    def together(part: Ratings) -> NDArray[np.float64]:
        weighted = part.answers.multiply(part.weights[:, None]).tocsr()
        counts: NDArray[np.float64] = (part.answers.T @ weighted).toarray().ravel()
        return counts

    tables = ratings.total(together).reshape(raters, classes, raters, classes)
    for a in range(raters):
        for b in range(a + 1, raters):
            table = tables[a, :, b]
            n = int(table.sum())
            if n == 0:
                continue
            pair = (None, ratings.raters[a], ratings.raters[b])
            yield ("cohen_kappa", *pair, *map(_number, cohen(table)), n)
            equal = np.array([np.trace(table)])
            lower, upper = wilson_interval(equal, np.array([n]))
            yield ("percent_agreement", *pair, float(equal[0] / n), float(lower[0]), float(upper[0]), n)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _consensus(
    ratings: RatingBlocks, model: Model, totals: NDArray[np.float64], targets: DataFrame | None
) -> DataFrame:
    """Table ``label_consensus`` without ``run_id``, by a model fitted to the ratings.

    Of classes chosen equally often for a thing the majority's is the one with more ratings over all (``totals``), then
    the one of the smaller name. The given class is that of ``targets``.
    """
    names, columns = ratings.classes, len(ratings.raters) * len(ratings.classes)
    # Larger is better: more ratings over all, then the smaller name.
    order = np.lexsort((-np.arange(len(names)), totals))
    preference = np.empty(len(names), np.int64)
    preference[order] = np.arange(len(names))

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for rows in slices(batch, len(names)):
                yield _decided(rows, names, columns, model, preference)

    decided = map_batches(ratings.things, run, DDL)
    nothing = F.lit(None).cast("string")
    if targets is None:
        joined = decided.withColumn("given_class", nothing)
    else:
        labels = targets.select(*KEYS, F.col("class_name").alias("given_class"))
        joined = decided.join(labels, on=list(KEYS), how="left")  # a target is one row
    differs = (F.col("given_class") != F.col("consensus_class")).alias("differs")
    return joined.select("*", differs).select(*LABEL_CONSENSUS.result_names)


def _decided(
    batch: pa.RecordBatch, names: tuple[str, ...], columns: int, model: Model, preference: NDArray[np.int64]
) -> pa.RecordBatch:
    lengths = pc.list_value_length(batch.column("codes")).to_numpy()
    codes = pc.list_flatten(batch.column("codes")).to_numpy()
    offsets = np.r_[0, np.cumsum(lengths)]
    matrix = csr_array((np.ones(len(codes)), codes, offsets), shape=(batch.num_rows, columns))
    ratings = Ratings(matrix, np.ones(batch.num_rows), len(names))
    votes = ratings.votes.astype(np.int64)
    most = votes.max(axis=1)
    majority = (votes * len(names) + preference).argmax(axis=1)
    probabilities, _ = posteriors(ratings, model)
    best = probabilities.argmax(axis=1)
    vocabulary = pa.array(names, pa.string())
    arrays = [
        batch.column("image_id"),
        batch.column("target_index"),
        pa.array(lengths, pa.int32()),
        vocabulary.take(pa.array(majority)),
        pa.array(most / lengths),
        pa.array((votes == most[:, None]).sum(axis=1) > 1),
        vocabulary.take(pa.array(best)),
        pa.array(probabilities[np.arange(len(best)), best]),
        pa.array(most < lengths),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
