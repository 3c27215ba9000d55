"""Label errors by the nearest neighbours: labels that are improbable given those of the images around."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Literal, get_args

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.vote_scores import ListEnd, list_ends, score_bin, vote_scores
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.neighbors import require_distances
from dataeval_spark.frames.ranks import positions
from dataeval_spark.kernels.labels.label_neighborhood import neighborhoods
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.labels import LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.runs import DATASET_FINDINGS

SCORED_DDL = (
    LABEL_ERRORS.ddl_of("source", "image_id", "target_index", "class_name", "suggested_class", "second_class", "score")
    + ", is_bound boolean, is_open boolean"
)
SCORED_SCHEMA = arrow_schema(SCORED_DDL)
VALUES_PER_SLICE = 2_000_000

KEYS = ("source", "image_id", "place")

Method = Literal["votes", "distance_ratio"]
DEFAULT_K = {"votes": 10, "distance_ratio": 5}
TIES = ("image_id", "target_index")


def label_neighbors(
    targets: DataFrame,
    neighbors: DataFrame,
    *,
    method: Method = "votes",
    k: int | None = None,
    precision: float = 0.4,
    checkpoint: Callable[[DataFrame], DataFrame] | None = None,
) -> tuple[DataFrame, DataFrame, DataFrame]:
    r"""Score every label by the labels of its nearest neighbours, and list those that are likely wrong.

    ``votes``: the score is the probability of the given class by the classes of the k nearest, as naive Bayes with the
    class's usual neighbours, :math:`p(c) \propto n_c \prod_r P(v_r | c)^{1/T}`; T makes the labels as probable as can
    be, so that scores of different encoders mean the same. To see what a wrong label's score would be, each label is
    scored once more with another class in its place, drawn by the hash of its id as often as neighbours of its class
    have it. The list ends where ``precision`` of it are estimated to be wrong; where no list reaches that, none is
    made, and ``dataset_findings`` says so. The estimate takes real errors for as easy to find as those drawn, and as
    many as the scores allow (20 % at most); docs/labels.md compares it with labels whose truth is known.

    ``distance_ratio``: DataEval's rule. The score is the mean distance to the k nearest of the same class over that to
    the k nearest of all others, and from 1 on the label is listed. It needs lists of twice ``k`` or more; labels
    with too few neighbours have no score, and are counted in a finding.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``. A whole image has the label of its one target; images with several are left out.
    neighbors : DataFrame
        Table ``neighbors`` of distances that are not negative (not ``inner_product``).
    method : {"votes", "distance_ratio"}
        Rule of the scores.
    k : int, optional
        Number of neighbours to use, 1 to 1,000; default 10, for ``distance_ratio`` 5 of either kind. Shorter lists are
        used as they are.
    precision : float in (0, 1]
        Share of the list that is estimated to be wrong, for ``votes``.
    checkpoint : callable, optional
        Function that stores a frame; without it the lists are made several times.

    Returns
    -------
    tuple of DataFrame
        Tables ``label_errors``, ``label_scores`` and ``dataset_findings`` without ``run_id``.

    Raises
    ------
    OptionError
        An option is out of range, or ``neighbors`` holds inner products.

    References
    ----------
    Blanchard, Lee and Scott (2010), "Semi-supervised novelty detection", for the share of wrong labels. DataEval
    1.1.4, ``core.label_errors``.

    Examples
    --------
    >>> errors, scores, _ = label_neighbors(targets, neighbors)
    >>> scores.orderBy("rank").selectExpr("rank", "image_id", "round(score, 4) AS score").show(3)
    +----+--------------------+------+
    |rank|            image_id| score|
    +----+--------------------+------+
    |   1| demo/nine/00085.jpg|0.0079|
    |   2|later/seven/00012...|0.0402|
    |   3|later/seven/00002...|0.0412|
    +----+--------------------+------+
    only showing top 3 rows
    """
    OptionError.unless_one_of("label_neighbors.method", method, get_args(Method))
    k = DEFAULT_K[method] if k is None else k
    within("label_neighbors.k", k)
    within("label_neighbors.precision", precision)
    require_distances(neighbors, "label_neighbors")
    store = checkpoint or (lambda frame: frame)
    lists = _labelled_lists(targets, neighbors)
    if method == "distance_ratio":
        scored = store(_distance_ratios(lists, k))
        ranked = _ranked(scored.where("score IS NOT NULL"), method, largest_first=True)
        listed = ranked.where("score >= 1").select(*LABEL_ERRORS.result_names)
        return listed, _scores(ranked, F.lit(None)), _short_lists(scored, k)
    scored = store(vote_scores(store(lists), k))
    ends = list_ends(scored, precision)
    rows = [
        (source, end.first_bin + place, float(value), place < end.cut.listed)
        for source, end in ends.items()
        for place, value in enumerate(end.cut.precision)
    ]
    bins = scored.sparkSession.createDataFrame(rows, "source string, bin bigint, precision double, is_listed boolean")
    ranked = _ranked(scored.withColumn("is_bound", F.lit(False)), method, largest_first=False)
    # One row per source and bin, at most 1,800 per source.
    joined = ranked.withColumn("bin", score_bin("score")).join(F.broadcast(bins), on=["source", "bin"], how="left")
    precision_or_null = F.when(F.col("precision") > 0, F.col("precision"))
    findings = rows_of(targets, DATASET_FINDINGS, [_finding(source, end, precision) for source, end in ends.items()])
    # Ranks are those among all labels.
    listed = joined.where("is_listed").select(*LABEL_ERRORS.result_names)
    return listed, _scores(joined, precision_or_null), findings


def _ranked(scored: DataFrame, method: str, *, largest_first: bool) -> DataFrame:
    ranked = positions(scored, ["source"], "score", TIES, largest_first=largest_first)
    constants = {"step": F.lit("label_neighbors"), "method": F.lit(method)}
    return ranked.withColumns(constants).withColumnRenamed("position", "rank").drop("below")


def _scores(ranked: DataFrame, precision: Column) -> DataFrame:
    values = {"precision": precision.cast("double").alias("precision")}
    return ranked.select(*(values.get(name, name) for name in LABEL_SCORES.result_names))


def _finding(source: str, end: ListEnd, precision: float) -> tuple[str, str, str, float, float, str, str]:
    best = float(end.cut.precision.max(initial=0.0))
    message = f"{source}: {end.labels:,} labels compared with those of their neighbours; "
    if math.isnan(end.cut.error_share):
        message += "too few to estimate how many are wrong, so that none is listed."
    elif end.listed:
        message += f"{end.listed:,} are listed, of which {_percent(precision)} or more are estimated to be wrong."
    else:
        message += (
            f"no list of them is estimated to be {_percent(precision)} wrong (at best {_percent(best)}), so that none "
            "is made: few are wrong, or this encoder cannot tell wrong ones from unusual images. label_scores has all "
            "labels, the least probable first."
        )
    return ("label_neighbors", "estimated_precision", source, best, precision, "info", message)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _short_lists(scored: DataFrame, k: int) -> DataFrame:
    counts = scored.groupBy("source").agg(
        F.count("*").alias("labels"),
        F.count_if("is_open").alias("open"),
    )
    compared = F.format_string("%s: %,d labels were compared with those of their neighbours", "source", "labels")
    unscored = F.format_string(
        f"%s; %,d have too few neighbours for a score. Raise neighbors.k to {2 * k} or more to score them.",
        compared,
        "open",
    )
    message = F.when(F.col("open") > 0, unscored).otherwise(compared)
    rows = counts.select(
        F.lit("label_neighbors").alias("step"),
        F.lit("lists_too_short").alias("rule"),
        F.col("source").alias("subject"),
        F.col("open").cast("double").alias("value"),
        F.lit(0.0).alias("threshold"),
        F.when(F.col("open") > F.col("labels") * 0.05, "warning").otherwise("info").alias("severity"),
        message.alias("message"),
    )
    return rows.select(*DATASET_FINDINGS.result_names)


def _labelled_lists(targets: DataFrame, neighbors: DataFrame) -> DataFrame:
    """Join labels with the lists of their neighbours.

    Columns are ``source`` (the encoder, and whether these are boxes), ``image_id``, ``target_index``, ``class_name``,
    and ``names`` (null for a neighbour without one label) and ``distances`` of the neighbours, the nearest first.
    """
    labels = targets.where("class_name IS NOT NULL").select("image_id", "target_index", "class_name")
    only = labels.groupBy("image_id").agg(
        F.count("*").alias("n"),
        F.first("class_name").alias("class_name"),
        F.first("target_index").alias("target_index"),
    )
    # A vector of the whole image is that of its one target; place -1 stands for the whole image.
    of_image = only.where("n = 1").select("image_id", F.lit(-1).alias("place"), "target_index", "class_name")
    of_box = labels.select("image_id", F.col("target_index").alias("place"), "target_index", "class_name")
    placed = of_image.unionByName(of_box)
    graph = neighbors.select(
        F.concat_ws(" ", "encoder", F.when(F.col("target_index").isNotNull(), F.lit("(boxes)"))).alias("source"),
        "image_id",
        F.coalesce("target_index", F.lit(-1)).alias("place"),
        "rank",
        "neighbor_id",
        F.coalesce("neighbor_target_index", F.lit(-1)).alias("neighbor_place"),
        "distance",
    )
    named = placed.select(
        F.col("image_id").alias("neighbor_id"),
        F.col("place").alias("neighbor_place"),
        F.col("class_name").alias("name"),
    )
    entry = F.struct("rank", "distance", "name")
    lists = (
        graph.join(named, on=["neighbor_id", "neighbor_place"], how="left")
        .groupBy(*KEYS)
        .agg(F.sort_array(F.collect_list(entry)).alias("entries"))
        .join(placed, on=["image_id", "place"], how="inner")
    )
    return lists.select(
        "source",
        "image_id",
        "target_index",
        "class_name",
        F.transform("entries", lambda entry: entry["name"]).alias("names"),
        F.transform("entries", lambda entry: entry["distance"]).alias("distances"),
    )


def _distance_ratios(lists: DataFrame, k: int) -> DataFrame:
    """Divide each label's mean distance to the k nearest of its class by that to the k nearest of all others.

    k is lowered to the number of others of the class, and of the rest. The suggested class has at least 0.4 of the
    votes of the k nearest of other classes, nearer ones weighing more; a second one that is less than 0.2 behind is
    named too.

    Exact where the lists hold k of either kind. Where they hold k of other classes and fewer of the own, those missing
    lie beyond the list: the score is a lower bound, and is given where the bound is 1 or more. Other labels have none.

    ``is_open`` marks labels with too few neighbours for a score. Equal to DataEval 1.1.4, ``core.label_errors``, whose
    distances are Euclidean, and whose k is one for all classes: the smallest one's size less 1. Classes of one image,
    which it cannot take, have no score here.
    """
    sizes = lists.groupBy("source", "class_name").agg(F.count("*").alias("of_class"))
    totals = sizes.groupBy("source").agg(F.sum("of_class").alias("of_all"))
    # Classes are few.
    counted = lists.join(F.broadcast(sizes), on=["source", "class_name"], how="inner")
    rows = counted.join(F.broadcast(totals), on="source", how="inner").select(
        "source",
        "image_id",
        "target_index",
        "class_name",
        F.least(F.lit(k), F.col("of_class") - 1, F.col("of_all") - F.col("of_class")).cast("bigint").alias("wanted"),
        "names",
        "distances",
    )
    return map_batches(rows, _score, SCORED_DDL)


def _score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        longest = max(pc.max(pc.list_value_length(batch.column("distances"))).as_py() or 1, 1)
        step = max(1, VALUES_PER_SLICE // longest)
        for start in range(0, batch.num_rows, step):
            yield _score_slice(pa.Table.from_batches([batch.slice(start, step)]))


def _score_slice(rows: pa.Table) -> pa.RecordBatch:
    listed = rows["names"].combine_chunks()
    lengths = pc.list_value_length(listed).to_numpy()
    vocabulary = pa.array(
        sorted({*rows["class_name"].to_pylist(), *pc.unique(listed.flatten()).drop_null().to_pylist()})
    )
    codes = pc.fill_null(pc.index_in(listed.flatten(), vocabulary), -1).to_numpy().astype(np.int64)
    filled = np.arange(max(int(lengths.max()), 1)) < lengths[:, None]
    classes = np.full(filled.shape, -1)
    distances = np.full(filled.shape, np.inf)
    classes[filled] = codes
    distances[filled] = rows["distances"].combine_chunks().flatten().to_numpy()
    reach = distances[np.arange(len(lengths)), np.maximum(lengths - 1, 0)]
    own = pc.index_in(rows["class_name"], vocabulary).to_numpy().astype(np.int64)
    scores = neighborhoods(own, classes, np.where(filled, distances, 0.0), rows["wanted"].to_numpy(), reach)
    columns = [
        *(rows[name].combine_chunks() for name in ("source", "image_id", "target_index", "class_name")),
        _names(vocabulary, scores.first),
        _names(vocabulary, scores.second),
        pa.array(scores.score, mask=np.isnan(scores.score)),  # to Spark, NaN is the largest number
        pa.array(scores.is_bound),
        pa.array(scores.is_open),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCORED_SCHEMA)


def _names(vocabulary: pa.Array, codes: NDArray[np.int64]) -> pa.Array:
    return vocabulary.take(pa.array(codes, mask=codes < 0))
