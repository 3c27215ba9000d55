"""Label errors by the nearest neighbours: labels that those of the images around make improbable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, get_args

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.labels.distance_ratios import distance_ratios
from dataeval_spark.analyses.labels.labelled_lists import labelled_lists
from dataeval_spark.analyses.labels.vote_scores import ListEnd, list_ends, score_bin, vote_scores
from dataeval_spark.errors import OptionError
from dataeval_spark.frames.contract import rows_of
from dataeval_spark.frames.neighbor_lists import require_distances
from dataeval_spark.frames.ranks import positions
from dataeval_spark.tables.labels import LABEL_ERRORS, LABEL_SCORES
from dataeval_spark.tables.runs import DATASET_FINDINGS

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
    many as the scores allow (20 % at most); docs/labels.md compares it with labels of which the truth is known.

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
        See above.
    k : int, optional
        Neighbours that count, 1 to 1,000; default 10, for ``distance_ratio`` 5 of either kind. Shorter lists count as
        they are.
    precision : float in (0, 1]
        Share of the list that is estimated to be wrong, for ``votes``.
    checkpoint : callable, optional
        Stores a frame; without it the lists are made several times.

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
    >>> errors, scores, findings = label_neighbors(targets, neighbors, precision=0.5)
    """
    OptionError.unless_one_of("label_neighbors.method", method, get_args(Method))
    k = DEFAULT_K[method] if k is None else k
    OptionError.unless_between("label_neighbors.k", k, 1, 1_000)
    OptionError.unless_between("label_neighbors.precision", precision, 1e-9, 1.0)
    require_distances(neighbors, "label_neighbors")
    store = checkpoint or (lambda frame: frame)
    lists = labelled_lists(targets, neighbors)
    if method == "distance_ratio":
        scored = store(distance_ratios(lists, k))
        ranked = _ranked(scored.where("score IS NOT NULL"), method, largest_first=True)
        return _listed(ranked.where("score >= 1")), _scores(ranked, F.lit(None)), _short_lists(scored, k)
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
    known = F.when(F.col("precision") > 0, F.col("precision"))
    findings = rows_of(targets, DATASET_FINDINGS, [_finding(source, end, precision) for source, end in ends.items()])
    return _listed(joined.where("is_listed")), _scores(joined, known), findings


def _ranked(scored: DataFrame, method: str, *, largest_first: bool) -> DataFrame:
    ranked = positions(scored, ["source"], "score", TIES, largest_first=largest_first)
    constants = {"step": F.lit("label_neighbors"), "method": F.lit(method)}
    return ranked.withColumns(constants).withColumnRenamed("position", "rank").drop("below")


def _listed(ranked: DataFrame) -> DataFrame:
    """The worst labels have the same ranks among all and in the list."""
    return ranked.select(*LABEL_ERRORS.result_names)


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
    message = F.format_string(
        "%s: %,d labels were compared with those of their neighbours; %,d have too few neighbours for a score. "
        f"Raise neighbors.k to {2 * k} or more to score them.",
        "source",
        "labels",
        "open",
    )
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
