"""Image values: the worth of each image to a nearest-neighbour classifier, its KNN-Shapley value."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_batches
from dataeval_spark.frames.blocks import Checkpoint, kept_by_executors
from dataeval_spark.frames.contract import IDS, NEIGHBOR_IDS, same_keys
from dataeval_spark.frames.exact_sums import Aggregate, exact_sums, ordered_sum
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.kernels.vectors.shapley import error_bounds, knn_shapley
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.tables.similarity import IMAGE_VALUES

PART = ("encoder", "metric", "is_box")
VALUES_DDL = (
    "encoder string, metric string, image_id string, target_index int, value double, listed int, queries int, "
    "bound double, is_exact boolean"
)
VALUES_SCHEMA = arrow_schema(VALUES_DDL)


def image_values(
    neighbors: DataFrame, targets: DataFrame, *, k: int = 5, checkpoint: Checkpoint | None = None
) -> DataFrame:
    """Value each labelled image by what it adds to the votes for the right class of all others.

    Every labelled image is a query whose class the k nearest of the others vote for; an image's value is the mean over
    the queries of its Shapley value in that vote. Exact where the lists of ``neighbors`` hold all other images
    (``neighbors.k`` = number of images - 1), else the published truncation, whose error is at most
    1 / max(k, length of the list) per query; ``error_bound`` is the mean of that. O(N L) after the graph of length L.

    An image without a class, or with several, is no query and no training point; a box has its own class, and boxes
    are compared with boxes.

    Parameters
    ----------
    neighbors, targets : DataFrame
        Tables of these names.
    k : int
        Neighbours that vote, 1 to 1,000.
    checkpoint : callable, optional
        Function that stores the sums per image, which are read twice; default in the executors' own storage.

    Returns
    -------
    DataFrame
        Table ``image_values`` without ``run_id``: one row per labelled image or box that has neighbours.

    Raises
    ------
    OptionError
        ``k`` is out of range.

    References
    ----------
    Jia et al., "Efficient Task-Specific Data Valuation for Nearest Neighbor Algorithms" (VLDB 2019), theorems 1 and 2,
    with each image as a query of all others.

    Examples
    --------
    >>> harmful = image_values(neighbors, targets).where("value < 0").orderBy("value")
    >>> harmful.selectExpr("image_id", "target_index", "class_name", "round(value, 5) AS value").show(2)
    +--------------------+------------+----------+--------+
    |            image_id|target_index|class_name|   value|
    +--------------------+------------+----------+--------+
    | later/six/00015.jpg|        NULL|       six|-0.00476|
    |demo/eight/00052.jpg|        NULL|     eight| -0.0026|
    +--------------------+------------+----------+--------+
    only showing top 2 rows
    """
    within("image_values.k", k)
    labels = _labels(targets)
    lists = _labelled_lists(neighbors, labels)
    points = lists.groupBy(*PART).agg(F.count("*").alias("points"))
    # Bounded: one row per encoder, metric and kind.
    with_points = lists.join(F.broadcast(points), on=list(PART), how="inner")

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from _values_of(batch, k)

    columns = ("encoder", "metric", "image_id", "target_index", "is_exact", "points", "list")
    values = map_batches(with_points.select(*columns), run, VALUES_DDL)
    sums = values.groupBy("encoder", "metric", "image_id", "target_index").agg(
        ordered_sum("value").alias("total"),  # of the lists that an image is in
        F.sum("listed").alias("times_listed"),
        F.sum("bound").alias("bound"),
        F.sum("queries").alias("queries"),
        F.bool_and("is_exact").alias("is_exact"),
    )
    sums = (checkpoint or kept_by_executors)(sums).withColumn("is_box", F.col("target_index").isNotNull())
    others: dict[str, Aggregate] = {
        "queries": (F.sum("queries"), F.sum),
        "all_exact": (F.bool_and("is_exact"), F.bool_and),
    }
    bounds = exact_sums(sums, PART, {"bound": F.col("bound")}, others)
    mean_bound = F.when(F.col("all_exact"), ratio(F.col("bound"), F.col("queries")))
    means = bounds.select(*PART, "queries", mean_bound.alias("error_bound"))
    joined = sums.drop("queries", "bound").join(F.broadcast(means), on=list(PART), how="inner").alias("s")
    labelled = joined.join(labels.alias("l"), on=same_keys(IDS, "s", "l"), how="inner")
    valued = labelled.select("s.*", "l.class_name").withColumn("value", F.col("total") / F.col("queries"))
    return valued.select(*IMAGE_VALUES.result_names)


def _labels(targets: DataFrame) -> DataFrame:
    """Class of each image, where it has only one, and of each target."""
    of_image = targets.groupBy("image_id").agg(
        F.min("class_name").alias("class_name"), F.max("class_name").alias("other")
    )
    whole = of_image.where("class_name = other").select(
        "image_id", F.lit(None).cast("int").alias("target_index"), "class_name"
    )
    return whole.unionByName(targets.where("class_name IS NOT NULL").select("image_id", "target_index", "class_name"))


def _labelled_lists(neighbors: DataFrame, labels: DataFrame) -> DataFrame:
    """Labelled neighbours of each labelled image, nearest first, and whether they have its class."""
    # A label is unique per image and target.
    joined = (
        neighbors.alias("n")
        .join(labels.alias("q"), on=same_keys(IDS, "n", "q"), how="inner")
        .join(labels.alias("l"), on=same_keys(NEIGHBOR_IDS, "n", "l"), how="left")
    )
    matches = (F.col("l.class_name") == F.col("q.class_name")).alias("matches")
    entry = F.struct("n.rank", "n.neighbor_id", "n.neighbor_target_index", matches)
    return (
        joined.groupBy("n.encoder", "n.metric", "n.image_id", "n.target_index")
        .agg(
            F.sort_array(F.collect_list(F.when(F.col("l.class_name").isNotNull(), entry))).alias("list"),
            F.bool_and(F.col("n.method") == "exact").alias("is_exact"),
        )
        .withColumn("is_box", F.col("target_index").isNotNull())
    )


def _values_of(batch: pa.RecordBatch, k: int) -> Iterator[pa.RecordBatch]:
    column = batch["list"]
    lengths = column.value_lengths().to_numpy().astype(np.int64)
    entries = column.flatten()
    row = np.repeat(np.arange(len(lengths)), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    matches = np.zeros((len(lengths), lengths.max(initial=0)), bool)
    matches[row, place] = entries.field("matches").to_numpy(zero_copy_only=False)
    is_complete = lengths >= batch["points"].to_numpy() - 1
    values = knn_shapley(matches, lengths, is_complete, k)[row, place]
    own = pa.RecordBatch.from_arrays(
        [
            *(batch[name] for name in ("encoder", "metric", "image_id", "target_index")),
            pa.array(np.zeros(len(lengths))),
            pa.array(np.zeros(len(lengths), np.int32)),
            pa.array(np.ones(len(lengths), np.int32)),
            pa.array(error_bounds(lengths, is_complete, k)),
            batch["is_exact"],
        ],
        schema=VALUES_SCHEMA,
    )
    yield own
    listed = pa.array(row)
    yield pa.RecordBatch.from_arrays(
        [
            batch["encoder"].take(listed),
            batch["metric"].take(listed),
            entries.field("neighbor_id"),
            entries.field("neighbor_target_index"),
            pa.array(values),
            pa.array(np.ones(len(row), np.int32)),
            pa.array(np.zeros(len(row), np.int32)),
            pa.array(np.zeros(len(row))),
            batch["is_exact"].take(listed),
        ],
        schema=VALUES_SCHEMA,
    )
