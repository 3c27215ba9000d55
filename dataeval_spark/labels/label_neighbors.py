"""Label errors by the nearest neighbours: images that lie nearer to another class than to their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.neighbor_lists import require_distances
from dataeval_spark.kernels.label_neighborhood import neighborhoods
from dataeval_spark.labels.ranking import with_rank
from dataeval_spark.tables import DATASET_FINDINGS, LABEL_ERRORS

SCORED_DDL = (
    "source string, image_id string, target_index int, class_name string, suggested_class string, "
    "second_class string, score double, is_bound boolean, is_open boolean"
)
SCORED_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("source", "image_id")),
        ("target_index", pa.int32()),
        *((name, pa.string()) for name in ("class_name", "suggested_class", "second_class")),
        ("score", pa.float64()),
        ("is_bound", pa.bool_()),
        ("is_open", pa.bool_()),
    ]
)
KEYS = ("source", "image_id", "place")
VALUES_PER_SLICE = 2_000_000


def label_neighbors(
    targets: DataFrame,
    neighbors: DataFrame,
    *,
    k: int = 5,
    checkpoint: Callable[[DataFrame], DataFrame] | None = None,
) -> tuple[DataFrame, DataFrame]:
    r"""Find labels whose images lie nearer to other classes than to their own.

    The score is the mean distance to the k nearest of the same class over that to the k nearest of all others; from 1
    on the label is an error. k is lowered to the number of others of the class, and of the rest. The suggested class
    has at least 0.4 of the votes of the k nearest of other classes, nearer ones weighing more; a second one that is
    less than 0.2 behind is named too.

    Exact where the lists of ``neighbors`` hold k of either kind. Where they hold k of other classes and fewer of the
    own, those missing lie beyond the list: the score is a lower bound, and an error where the bound is 1. Labels of
    which the lists are too short to tell are counted in a finding: raise ``neighbors.k`` to twice ``k`` or more.

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``. A whole image has the label of its one target; images with several are left out.
    neighbors : DataFrame
        Table ``neighbors`` of distances that are not negative (not ``inner_product``).
    k : int
        Neighbours of either kind, 1 to 1,000.
    checkpoint : callable, optional
        Stores a frame; without it the lists are compared twice.

    Returns
    -------
    tuple of DataFrame
        Tables ``label_errors`` and ``dataset_findings`` without ``run_id``.

    Raises
    ------
    OptionError
        ``k`` is out of range, or ``neighbors`` holds inner products.

    References
    ----------
    DataEval 1.1.4, ``core.label_errors``, whose distances are Euclidean, and whose k is one for all classes: the
    smallest one's size less 1. Classes of one image, which it cannot take, have no score here.

    Examples
    --------
    >>> errors, findings = label_neighbors(targets, neighbors, k=5)
    """
    OptionError.unless_between("label_neighbors.k", k, 1, 1_000)
    require_distances(neighbors, "label_neighbors")
    scored = (checkpoint or (lambda frame: frame))(_scored(targets, neighbors, k))
    ranked = with_rank(
        scored.where("score >= 1"), ["source"], "score", ["image_id", "target_index"], largest_first=True
    )
    constants = {"step": F.lit("label_neighbors"), "rank": F.col("rank").cast("bigint")}
    errors = ranked.select(
        *(constants.get(name, F.col(name)).alias(name) for name in LABEL_ERRORS.column_names if name != "run_id")
    )
    return errors, _findings(scored, k)


def _scored(targets: DataFrame, neighbors: DataFrame, k: int) -> DataFrame:
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
        F.transform("entries", lambda entry: entry["name"]).alias("names"),
        F.transform("entries", lambda entry: entry["distance"]).alias("distances"),
    )
    return rows.mapInArrow(_score, SCORED_DDL)


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
    found = neighborhoods(own, classes, np.where(filled, distances, 0.0), rows["wanted"].to_numpy(), reach)
    columns = [
        *(rows[name].combine_chunks() for name in ("source", "image_id", "target_index", "class_name")),
        _names(vocabulary, found.first),
        _names(vocabulary, found.second),
        pa.array(found.score, mask=np.isnan(found.score)),  # to Spark, NaN is the largest number
        pa.array(found.is_bound),
        pa.array(found.is_open),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCORED_SCHEMA)


def _names(vocabulary: pa.Array, codes: NDArray[np.int64]) -> pa.Array:
    return vocabulary.take(pa.array(codes, mask=codes < 0))


def _findings(scored: DataFrame, k: int) -> DataFrame:
    counts = scored.groupBy("source").agg(
        F.count("*").alias("labels"),
        F.count_if("is_open").alias("open"),
    )
    message = F.format_string(
        "%s: %,d labels compared with their neighbours; of %,d the lists are too short to tell (neighbors.k of "
        f"{2 * k} or more tells more).",
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
    return rows.select(*(name for name in DATASET_FINDINGS.column_names if name != "run_id"))
