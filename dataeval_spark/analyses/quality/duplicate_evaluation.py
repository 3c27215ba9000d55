"""Duplicate evaluation: precision and recall of pairs against people's judgement, by kind and threshold."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq
from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.analyses.quality.duplicate_pairs import EMBEDDING, EMBEDDING_RELATIVE
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.quality import DUPLICATE_EVALUATION
from dataeval_spark.tables.runs import DATASET_FINDINGS

# Two-sided 95 %.
_Z = 1.959963984540054
BY_VECTORS = (EMBEDDING, EMBEDDING_RELATIVE)
ENDS = ("image_id_a", "image_id_b")
JUDGEMENT = "is_duplicate"
TRUTH_DDL = "image_id_a string, image_id_b string, is_duplicate boolean"
MAX_PAIRS = 5_000_000


def duplicate_evaluation(
    duplicate_pairs: DataFrame,
    images: DataFrame,
    *,
    truth: str | None = None,
    dataset: str | None = None,
    embedding_step: float = 0.01,
) -> tuple[DataFrame, DataFrame]:
    """Measure precision and recall of `duplicate_pairs` against a file of pairs that people judged.

    Parameters
    ----------
    duplicate_pairs : DataFrame
        Table of that name, made with the largest threshold of interest.
    images : DataFrame
        Live rows of table ``images``.
    truth : str
        CSV or parquet file (required) with ``image_id_a``, ``image_id_b`` and, where it holds pairs that are none,
        ``is_duplicate``.
    dataset : str, optional
        Dataset that the ids are relative to: they are the part after ``<dataset>/`` of an image's id.
    embedding_step : float
        Thresholds of the kinds of embeddings are multiples of this.

    Returns
    -------
    tuple of DataFrame
        Tables ``duplicate_evaluation``, see `evaluate_duplicates`, and ``dataset_findings``, without ``run_id``: how
        many pairs were left out because an image of theirs is not among the live ones.

    Raises
    ------
    OptionError
        There is no such file, it holds no pairs, or none of two live images.

    Examples
    --------
    >>> evaluation, findings = duplicate_evaluation(pairs, images, truth="judged.csv")
    >>> evaluation.select("kind", "threshold", "flagged", "found", "precision", "recall").orderBy("kind").show()
    +-----+---------+-------+-----+---------+------+
    | kind|threshold|flagged|found|precision|recall|
    +-----+---------+-------+-----+---------+------+
    |dhash|      0.0|      1|    1|      1.0|   0.5|
    |phash|      0.0|      4|    2|      0.5|   1.0|
    +-----+---------+-------+-----+---------+------+
    """
    if truth is None:
        raise OptionError("duplicate_evaluation.truth is not given.\nHint: --set duplicate_evaluation.truth=judged.csv")
    pairs = duplicate_pairs.sparkSession.createDataFrame(read_judged_pairs(truth).to_pandas(), TRUTH_DDL)
    judged = _resolved(pairs, images, dataset)
    counts = pairs.count(), judged.count()
    if counts[0] and not counts[1]:
        first = pairs.first()
        raise OptionError(
            f"duplicate_evaluation.truth: none of the {counts[0]:,} pairs in {truth} is of two live images, such as "
            f"{first[0] if first else ''}.\n"
            "Hint: ids are those of table images; of one dataset, --set duplicate_evaluation.dataset=NAME"
        )
    unknown = counts[0] - counts[1]
    message = f"{unknown:,} of {counts[0]:,} judged pairs are left out: an image of theirs is not among the live ones."
    finding = ("duplicate_evaluation", "judged_pairs_left_out", truth, float(unknown), 0.0, "warning", message)
    findings = rows_of(images, DATASET_FINDINGS, [finding] if unknown else [])
    return evaluate_duplicates(duplicate_pairs, judged, embedding_step=embedding_step), findings


def read_judged_pairs(path: str) -> pa.Table:
    """Read pairs of images, and whether they are duplicates.

    Parameters
    ----------
    path : str
        File with the columns ``image_id_a`` and ``image_id_b``, and ``is_duplicate`` (true or false; all true without
        it). Rows without an id or a judgement are left out.

    Returns
    -------
    pyarrow.Table
        ``image_id_a`` and ``image_id_b``, text, and ``is_duplicate``.

    Raises
    ------
    OptionError
        The file cannot be read, lacks a column, pairs an image with itself, or has more than 5 million pairs.
    """
    try:
        data = read_file(path)
        if path.lower().endswith(".csv"):
            # Ids stay text, also those that look like numbers.
            types = csv.ConvertOptions(column_types=dict.fromkeys(ENDS, pa.string()))
            table = csv.read_csv(io.BytesIO(data), convert_options=types)
        else:
            table = pq.read_table(io.BytesIO(data))
    except OSError as error:
        raise OptionError(f"duplicate_evaluation.truth: {path} cannot be read: {error.strerror or error}.") from None
    except pa.ArrowInvalid as error:
        raise OptionError(f"duplicate_evaluation.truth: {path} is neither CSV (.csv) nor parquet: {error}.") from None
    missing = [name for name in ENDS if name not in table.column_names]
    if missing:
        raise OptionError(
            f"duplicate_evaluation.truth: {path} has no column {missing[0]}; found {', '.join(table.column_names)}.\n"
            "Hint: the first line of a CSV file reads image_id_a,image_id_b,is_duplicate"
        )
    if JUDGEMENT in table.column_names:
        try:
            judged = table[JUDGEMENT].cast(pa.bool_())
        except pa.ArrowInvalid as error:
            raise OptionError(
                f"duplicate_evaluation.truth: column {JUDGEMENT} of {path} must hold true or false: {error}."
            ) from None
    else:
        judged = pa.repeat(True, table.num_rows)
    if table.num_rows > MAX_PAIRS:
        raise OptionError(
            f"duplicate_evaluation.truth: {path} holds {table.num_rows:,} pairs; expected at most {MAX_PAIRS:,}."
        )
    ids = table.select(list(ENDS)).cast(arrow_schema("image_id_a string, image_id_b string"))
    pairs = ids.append_column(JUDGEMENT, judged).drop_null()
    alike = pairs.filter(pc.equal(pairs[ENDS[0]], pairs[ENDS[1]]))
    if alike.num_rows:
        raise OptionError(
            f"duplicate_evaluation.truth: {path} pairs {alike[ENDS[0]][0].as_py()!r} with itself; expected two images."
        )
    return pairs


def _resolved(pairs: DataFrame, images: DataFrame, dataset: str | None) -> DataFrame:
    """Pairs by the ids of live images."""
    prefix = "" if dataset is None else f"{dataset}/"
    live = images.select("image_id")
    for end in ENDS:
        # image_id is unique on the right.
        full_ids = live.select(
            F.col("image_id").alias("full"), F.substring("image_id", len(prefix) + 1, 2**31 - 1).alias(end)
        ).where(F.col("full").startswith(prefix))
        pairs = pairs.join(full_ids, on=end, how="inner").withColumn(end, F.col("full")).drop("full")
    return pairs.select(*ENDS, JUDGEMENT)


def evaluate_duplicates(pairs: DataFrame, truth: DataFrame, *, embedding_step: float = 0.01) -> DataFrame:
    """Measure precision and recall of pairs at each threshold of their distance, to choose a threshold.

    ``duplicate_pairs`` ties each of k images with one hash to the smallest id only. Here all k (k - 1) / 2 pairs count,
    and all pairs between the images of two near hashes, but none is made: they are counted from the number of images
    of each hash, and only the true pairs are looked up.

    Parameters
    ----------
    pairs : DataFrame
        Table ``duplicate_pairs``, made with the largest threshold of interest; pairs of boxes are left out.
    truth : DataFrame
        Columns ``image_id_a`` and ``image_id_b``, in any order, and ``is_duplicate`` where not all pairs are true. Of
        pairs judged twice the judgement true counts; pairs of an image with itself are left out. For ``precision`` a
        pair that nobody judged counts as false, so that it is a lower bound; ``judged_precision`` leaves those out.
    embedding_step : float
        Thresholds of the kinds of embeddings are multiples of this.

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
    >>> enough = evaluate_duplicates(pairs, truth).where("kind = 'phash' AND recall >= 0.9").orderBy("threshold")
    >>> enough.select("threshold", "precision", "recall").first()
    Row(threshold=0.0, precision=0.5, recall=1.0)
    """
    within("duplicate_evaluation.embedding_step", embedding_step)
    whole = pairs.where("target_index_a IS NULL AND target_index_b IS NULL").select(*ENDS, "kind", "distance")
    kinds = whole.select("kind").distinct()
    stars = _stars(whole)
    links = whole.join(
        stars.select("kind", F.col("id").alias("image_id_b"), F.lit(True).alias("is_copy")),
        on=["kind", "image_id_b"],
        how="left_anti",
    )
    judged = _judged(truth)
    true_pairs = judged.where(JUDGEMENT)
    counts = _pair_counts(stars, links, embedding_step)
    looked_up = _looked_up(stars, links, judged, kinds, embedding_step)
    total = true_pairs.agg(F.count("*").alias("true_pairs"))
    # One row of `looked_up` per kind and threshold; one row of `total`.
    both = counts.join(looked_up, on=["kind", "threshold"], how="left").crossJoin(F.broadcast(total))
    up_to = Window.partitionBy("kind").orderBy("threshold")
    summed = both.select(
        "kind",
        "threshold",
        F.sum("flagged").over(up_to).alias("flagged"),
        F.sum(F.coalesce("found", F.lit(0))).over(up_to).alias("found"),
        F.sum(F.coalesce("refuted", F.lit(0))).over(up_to).alias("refuted"),
        "true_pairs",
    )
    return _columns(summed)


def _judged(truth: DataFrame) -> DataFrame:
    """Each pair once, in the order of its ids."""
    judgement = F.col(JUDGEMENT) if JUDGEMENT in truth.columns else F.lit(True)
    ordered = truth.where("image_id_a != image_id_b").select(
        F.least(*ENDS).alias("image_id_a"), F.greatest(*ENDS).alias("image_id_b"), judgement.alias(JUDGEMENT)
    )
    return ordered.groupBy(*ENDS).agg(F.max(JUDGEMENT).alias(JUDGEMENT))


def _stars(pairs: DataFrame) -> DataFrame:
    """Images with an equal hash: each of them, by kind, and the smallest, which stands for all."""
    equal = pairs.where((F.col("distance") == 0) & ~F.col("kind").isin(*BY_VECTORS))
    return equal.select("kind", F.col("image_id_b").alias("id"), F.col("image_id_a").alias("first"))


def _pair_counts(stars: DataFrame, links: DataFrame, step: float) -> DataFrame:
    """Number of pairs at each threshold, copies counted."""
    copies = stars.groupBy("kind", "first").agg((F.count("*") + 1).alias("n"))
    same_hash = copies.select("kind", F.lit(0.0).alias("threshold"), F.expr("n * (n - 1) div 2").alias("flagged"))

    def copied(end: str) -> DataFrame:
        return copies.select("kind", F.col("first").alias(f"image_id_{end}"), F.col("n").alias(f"n_{end}"))

    # `copies` has one row per kind and first.
    both = links.join(copied("a"), on=["kind", "image_id_a"], how="left")
    both = both.join(copied("b"), on=["kind", "image_id_b"], how="left")
    flagged = F.coalesce("n_a", F.lit(1)) * F.coalesce("n_b", F.lit(1))
    between = both.select("kind", _threshold(step).alias("threshold"), flagged.alias("flagged"))
    return same_hash.unionAll(between).groupBy("kind", "threshold").agg(F.sum("flagged").alias("flagged"))


def _looked_up(stars: DataFrame, links: DataFrame, judged: DataFrame, kinds: DataFrame, step: float) -> DataFrame:
    """Number of judged pairs at each threshold, true and false ones, looked up between the stars of their ends."""

    def standing(end: str) -> DataFrame:
        return stars.select("kind", F.col("id").alias(f"image_id_{end}"), F.col("first").alias(f"first_{end}"))

    # An image has at most one star of a kind.
    lookups = (
        judged.crossJoin(F.broadcast(kinds))
        .join(standing("a"), on=["kind", "image_id_a"], how="left")
        .join(standing("b"), on=["kind", "image_id_b"], how="left")
        .select(
            "kind",
            F.coalesce("first_a", "image_id_a").alias("a"),
            F.coalesce("first_b", "image_id_b").alias("b"),
            JUDGEMENT,
        )
    )
    equal = lookups.where("a = b").select("kind", F.lit(0.0).alias("threshold"), JUDGEMENT)
    near = (
        lookups.where("a != b")
        .select("kind", F.least("a", "b").alias("image_id_a"), F.greatest("a", "b").alias("image_id_b"), JUDGEMENT)
        .join(links, on=["kind", *ENDS], how="inner")
        .select("kind", _threshold(step).alias("threshold"), JUDGEMENT)
    )
    counts = (F.count_if(JUDGEMENT).alias("found"), F.count_if(~F.col(JUDGEMENT)).alias("refuted"))
    return equal.unionAll(near).groupBy("kind", "threshold").agg(*counts)


def _threshold(step: float) -> Column:
    rounded = F.ceil(F.col("distance") / step - 1e-9).cast("double") * step
    return F.when(F.col("kind").isin(*BY_VECTORS), rounded).otherwise(F.col("distance"))


def _columns(summed: DataFrame) -> DataFrame:
    precision, recall = ratio("found", "flagged"), ratio("found", "true_pairs")
    summed = summed.withColumn("judged", F.col("found") + F.col("refuted"))
    return summed.select(
        "kind",
        "threshold",
        "flagged",
        "found",
        "true_pairs",
        precision.alias("precision"),
        _wilson("flagged", -1).alias("precision_lower"),
        _wilson("flagged", 1).alias("precision_upper"),
        "refuted",
        ratio("found", "judged").alias("judged_precision"),
        _wilson("judged", -1).alias("judged_precision_lower"),
        _wilson("judged", 1).alias("judged_precision_upper"),
        recall.alias("recall"),
        _wilson("true_pairs", -1).alias("recall_lower"),
        _wilson("true_pairs", 1).alias("recall_upper"),
        ratio(2 * F.col("found"), F.col("flagged") + F.col("true_pairs")).alias("f1"),
    ).select(*DUPLICATE_EVALUATION.result_names)


def _wilson(total: str, side: int) -> Column:
    n, share = F.col(total).cast("double"), ratio("found", total)
    centre = share + ratio(F.lit(_Z**2 / 2), n)
    spread = _Z * F.sqrt(ratio(share * (1 - share), n) + ratio(F.lit(_Z**2 / 4), n * n))
    end = ratio(centre + side * spread, 1 + ratio(F.lit(_Z**2), n))
    # Not without a total: least and greatest pass over nulls.
    return F.when(F.col(total) > 0, F.least(F.greatest(end, F.lit(0.0)), F.lit(1.0)))
