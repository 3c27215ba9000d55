"""How well pairs of duplicates agree with pairs that people judged: precision and recall by kind and threshold."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.judged_pairs import ENDS, read_true_pairs
from dataeval_spark.quality.duplicate_pairs import EMBEDDING
from dataeval_spark.tables import DUPLICATE_EVALUATION

# Two-sided 95 %.
_Z = 1.959963984540054
TRUTH_DDL = "image_id_a string, image_id_b string"


def duplicate_evaluation(
    duplicate_pairs: DataFrame, *, truth: str | None = None, embedding_step: float = 0.01
) -> DataFrame:
    """Precision and recall of `duplicate_pairs` against a file of pairs that people judged.

    Parameters
    ----------
    duplicate_pairs : DataFrame
        Table of that name, made with the largest threshold of interest.
    truth : str
        CSV or parquet file with ``image_id_a``, ``image_id_b`` and, where it holds pairs that are none,
        ``is_duplicate``. It has to be given.
    embedding_step : float
        Thresholds of the kind ``embedding`` are multiples of this.

    Returns
    -------
    DataFrame
        Table ``duplicate_evaluation`` without ``run_id``; see `evaluate_duplicates`.

    Raises
    ------
    OptionError
        There is no such file, or it holds no pairs.

    Examples
    --------
    >>> duplicate_evaluation(pairs, truth="judged.csv").orderBy("kind", "threshold").show()
    """
    if truth is None:
        raise OptionError("duplicate_evaluation.truth is not given.\nHint: --set duplicate_evaluation.truth=judged.csv")
    judged = duplicate_pairs.sparkSession.createDataFrame(read_true_pairs(truth).to_pandas(), TRUTH_DDL)
    return evaluate_duplicates(duplicate_pairs, judged, embedding_step=embedding_step)


def evaluate_duplicates(pairs: DataFrame, truth: DataFrame, *, embedding_step: float = 0.01) -> DataFrame:
    """Precision and recall of pairs at each threshold of their distance, so that a threshold can be chosen.

    ``duplicate_pairs`` ties each of k images with one hash to the smallest id only. Here all k (k - 1) / 2 pairs count,
    and all pairs between the images of two near hashes, but none is made: they are counted from the number of images
    of each hash, and only the true pairs are looked up.

    Parameters
    ----------
    pairs : DataFrame
        Table ``duplicate_pairs``, made with the largest threshold of interest; pairs of boxes are left out.
    truth : DataFrame
        Columns ``image_id_a`` and ``image_id_b``: pairs that are true, in any order. A pair that is not among them
        counts as false; where the truth is incomplete, precision is a lower bound.
    embedding_step : float
        Thresholds of the kind ``embedding`` are multiples of this.

    Returns
    -------
    DataFrame
        Table ``duplicate_evaluation`` without ``run_id``: one row per kind and threshold at which pairs are added.
        Intervals are Wilson's, of 95 %.

    Raises
    ------
    OptionError
        ``embedding_step`` is not positive.

    References
    ----------
    Wilson 1927, "Probable Inference, the Law of Succession, and Statistical Inference".

    Examples
    --------
    >>> evaluate_duplicates(pairs, truth).where("kind = 'phash' AND recall >= 0.9").orderBy("threshold").first()
    """
    OptionError.unless_between("embedding_step", embedding_step, 1e-9, 1e9)
    whole = pairs.where("target_index_a IS NULL AND target_index_b IS NULL").select(*ENDS, "kind", "distance")
    kinds = whole.select("kind").distinct()
    stars = _stars(whole)
    links = whole.join(
        stars.select("kind", F.col("id").alias("image_id_b"), F.lit(True).alias("is_copy")),
        on=["kind", "image_id_b"],
        how="left_anti",
    )
    wanted = _ordered(truth).distinct()
    flagged = _flagged(stars, links, embedding_step)
    found = _found(stars, links, wanted, kinds, embedding_step)
    total = wanted.agg(F.count("*").alias("true_pairs"))
    # One row of `found` per kind and threshold; one row of `total`.
    both = flagged.join(found, on=["kind", "threshold"], how="left").crossJoin(F.broadcast(total))
    up_to = Window.partitionBy("kind").orderBy("threshold")
    summed = both.select(
        "kind",
        "threshold",
        F.sum("flagged").over(up_to).alias("flagged"),
        F.sum(F.coalesce("found", F.lit(0))).over(up_to).alias("found"),
        "true_pairs",
    )
    return _columns(summed)


def _ordered(pairs: DataFrame) -> DataFrame:
    return pairs.select(F.least(*ENDS).alias("image_id_a"), F.greatest(*ENDS).alias("image_id_b"))


def _stars(pairs: DataFrame) -> DataFrame:
    """Images with an equal hash: each of them, by kind, and the smallest, which stands for all."""
    equal = pairs.where((F.col("distance") == 0) & (F.col("kind") != EMBEDDING))
    return equal.select("kind", F.col("image_id_b").alias("id"), F.col("image_id_a").alias("first"))


def _flagged(stars: DataFrame, links: DataFrame, step: float) -> DataFrame:
    """Number of pairs at each threshold, copies counted."""
    copies = stars.groupBy("kind", "first").agg((F.count("*") + 1).alias("n"))
    within = copies.select("kind", F.lit(0.0).alias("threshold"), F.expr("n * (n - 1) div 2").alias("flagged"))
    # `copies` has one row per kind and first.
    between = (
        links.join(
            copies.select("kind", F.col("first").alias("image_id_a"), F.col("n").alias("n_a")),
            on=["kind", "image_id_a"],
            how="left",
        )
        .join(
            copies.select("kind", F.col("first").alias("image_id_b"), F.col("n").alias("n_b")),
            on=["kind", "image_id_b"],
            how="left",
        )
        .select(
            "kind",
            _threshold(step).alias("threshold"),
            (F.coalesce("n_a", F.lit(1)) * F.coalesce("n_b", F.lit(1))).alias("flagged"),
        )
    )
    return within.unionAll(between).groupBy("kind", "threshold").agg(F.sum("flagged").alias("flagged"))


def _found(stars: DataFrame, links: DataFrame, truth: DataFrame, kinds: DataFrame, step: float) -> DataFrame:
    """Number of true pairs at each threshold: each looked up between the images that stand for its ends."""

    def standing(end: str) -> DataFrame:
        return stars.select("kind", F.col("id").alias(f"image_id_{end}"), F.col("first").alias(f"first_{end}"))

    # An image has at most one star of a kind.
    asked = (
        truth.crossJoin(F.broadcast(kinds))
        .join(standing("a"), on=["kind", "image_id_a"], how="left")
        .join(standing("b"), on=["kind", "image_id_b"], how="left")
        .select(
            "kind",
            F.coalesce("first_a", "image_id_a").alias("a"),
            F.coalesce("first_b", "image_id_b").alias("b"),
        )
    )
    equal = asked.where("a = b").select("kind", F.lit(0.0).alias("threshold"))
    near = (
        asked.where("a != b")
        .select("kind", F.least("a", "b").alias("image_id_a"), F.greatest("a", "b").alias("image_id_b"))
        .join(links, on=["kind", *ENDS], how="inner")
        .select("kind", _threshold(step).alias("threshold"))
    )
    return equal.unionAll(near).groupBy("kind", "threshold").agg(F.count("*").alias("found"))


def _threshold(step: float) -> Column:
    rounded = F.ceil(F.col("distance") / step - 1e-9).cast("double") * step
    return F.when(F.col("kind") == EMBEDDING, rounded).otherwise(F.col("distance"))


def _columns(summed: DataFrame) -> DataFrame:
    precision, recall = F.try_divide("found", "flagged"), F.try_divide("found", "true_pairs")
    return summed.select(
        "kind",
        "threshold",
        "flagged",
        "found",
        "true_pairs",
        precision.alias("precision"),
        _wilson("flagged", -1).alias("precision_lower"),
        _wilson("flagged", 1).alias("precision_upper"),
        recall.alias("recall"),
        _wilson("true_pairs", -1).alias("recall_lower"),
        _wilson("true_pairs", 1).alias("recall_upper"),
        F.try_divide(2 * F.col("found"), F.col("flagged") + F.col("true_pairs")).alias("f1"),
    ).select(*(name for name in DUPLICATE_EVALUATION.column_names if name != "run_id"))


def _wilson(total: str, side: int) -> Column:
    n, share = F.col(total).cast("double"), F.try_divide("found", total)
    centre = share + F.try_divide(F.lit(_Z**2 / 2), n)
    spread = _Z * F.sqrt(F.try_divide(share * (1 - share), n) + F.try_divide(F.lit(_Z**2 / 4), n * n))
    end = F.try_divide(centre + side * spread, 1 + F.try_divide(F.lit(_Z**2), n))
    # Not without a total: least and greatest pass over nulls.
    return F.when(F.col(total) > 0, F.least(F.greatest(end, F.lit(0.0)), F.lit(1.0)))
