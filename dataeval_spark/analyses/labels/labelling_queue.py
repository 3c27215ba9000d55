"""Labelling queue: the images to label next: uncertain, unlike the labelled ones, of classes with few labels."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.option_checks.ranges import within
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.labels import LABELLING_QUEUE


def labelling_queue(
    images: DataFrame,
    targets: DataFrame,
    predictions: DataFrame,
    neighbors: DataFrame | None = None,
    *,
    model: str | None = None,
    size: int = 1000,
    overlap: float = 0.1,
    seed: int = 0,
) -> DataFrame:
    r"""Order the images without labels by how much their label would teach.

    The priority is a product of three numbers in [0, 1]:

    * uncertainty: entropy of the probabilities over ln C; of a detection the mean binary entropy (in bits) of its
      scores; 1 where nothing is predicted
    * novelty: :math:`d / (d + \bar d)` with the distance d to the nearest labelled image among the neighbours listed
      (to the last one listed, where none is labelled) and the mean of all d; 1 without ``neighbors``
    * class deficit: 1 - n / (1 + N): n labels of the predicted class (of the most probable box), N of the largest class

    Parameters
    ----------
    images, targets, predictions : DataFrame
        Tables of these names.
    neighbors : DataFrame, optional
        Table of that name; of several encoders the first by name.
    model : str, optional
        Model whose predictions are used; default the first by name.
    size : int
        Length of the queue, at most 100,000.
    overlap : float in [0, 1]
        Share of the queue that two people are to label, so that their agreement can be measured.
    seed : int
        Seed of that share, and of the order of equal priorities.

    Returns
    -------
    DataFrame
        Table ``labelling_queue`` without ``run_id``. The same input and seed give the same queue.

    Raises
    ------
    OptionError
        An option is out of range, or there are no predictions of the model.

    References
    ----------
    Uncertainty sampling: Lewis and Gale, "A sequential algorithm for training text classifiers" (1994). The product
    with novelty and deficit is our own.

    Examples
    --------
    >>> queue = labelling_queue(images, labelled, guesses, neighbors, size=200).orderBy("rank")
    >>> queue.selectExpr("rank", "image_id", "predicted_class", "round(priority, 2) AS priority").show(2)
    +----+--------------------+---------------+--------+
    |rank|            image_id|predicted_class|priority|
    +----+--------------------+---------------+--------+
    |   1|  demo/one/00036.png|           NULL|    0.53|
    |   2|demo/three/00105.jpg|          three|    0.14|
    +----+--------------------+---------------+--------+
    only showing top 2 rows
    """
    within("labelling_queue.size", size)
    within("labelling_queue.overlap", overlap)
    labelled = targets.where("class_name IS NOT NULL").select("image_id").distinct()
    waiting = images.select("image_id").join(labelled, on="image_id", how="left_anti")
    if model is not None:
        models = [
            row["model"]
            for row in bounded(predictions.select("model").distinct().orderBy("model").limit(50), "names of models")
        ]
        OptionError.unless_one_of("labelling_queue.model", model, models)
    unsure = _uncertainty(predictions if model is None else predictions.where(F.col("model") == model))
    counts = targets.where("class_name IS NOT NULL").groupBy("class_name").agg(F.count("*").alias("labels"))
    most = counts.agg(F.coalesce(F.max("labels"), F.lit(0)).alias("most"))
    deficits = counts.crossJoin(F.broadcast(most)).select(
        F.col("class_name").alias("predicted_class"), (1 - F.col("labels") / (F.col("most") + 1)).alias("class_deficit")
    )
    joined = waiting.join(unsure, on="image_id", how="left").join(
        F.broadcast(deficits), on="predicted_class", how="left"
    )
    if neighbors is not None:
        joined = joined.join(_novelty(neighbors, labelled), on="image_id", how="left")
    else:
        joined = joined.withColumn("novelty", F.lit(1.0))
    # A class without labels, or no prediction at all, is the largest deficit.
    filled = joined.select(
        "image_id",
        "predicted_class",
        *(F.coalesce(name, F.lit(1.0)).alias(name) for name in ("uncertainty", "novelty", "class_deficit")),
    ).withColumn("priority", F.col("uncertainty") * F.col("novelty") * F.col("class_deficit"))
    draw = F.xxhash64(F.lit(seed), "image_id")
    queue = filled.withColumn("draw", draw).orderBy(F.desc("priority"), "draw", "image_id").limit(size)
    # Bounded: the queue, at most 100,000 rows.
    place = Window.partitionBy(F.lit(1)).orderBy(F.desc("priority"), "draw", "image_id")
    share = F.pmod(F.xxhash64(F.lit(seed), F.lit("overlap"), "image_id"), F.lit(1_000_000)) / 1_000_000
    ranked = queue.withColumn("rank", F.row_number().over(place).cast("bigint"))
    return ranked.withColumn("raters_wanted", F.when(share < overlap, 2).otherwise(1)).select(
        *LABELLING_QUEUE.result_names
    )


def _uncertainty(predictions: DataFrame) -> DataFrame:
    """Uncertainty and most probable class of each image, by the first model by name."""

    def surprise(p: Column) -> Column:
        return F.when(p > 0, -p * F.ln(p)).otherwise(0.0)

    entropy = F.aggregate("probabilities", F.lit(0.0), lambda total, p: total + surprise(p))
    of_classes = ratio(entropy, F.ln(F.size("probabilities")))
    of_box = (surprise(F.col("score")) + surprise(1 - F.col("score"))) / F.ln(F.lit(2.0))
    value = F.coalesce(F.when(F.col("probabilities").isNotNull(), of_classes).otherwise(of_box), F.lit(0.0))
    first = predictions.agg(F.min("model").alias("model"))
    ours = predictions.join(F.broadcast(first), on="model", how="inner")
    return ours.groupBy("image_id").agg(
        F.least(F.avg(value), F.lit(1.0)).alias("uncertainty"),
        F.max_by("label", F.struct("score", "label")).alias("predicted_class"),
    )


def _novelty(neighbors: DataFrame, labelled: DataFrame) -> DataFrame:
    whole = neighbors.where("target_index IS NULL AND metric != 'inner_product'")
    first = whole.agg(F.min("encoder").alias("encoder"))
    ours = whole.join(F.broadcast(first), on="encoder", how="inner")
    labelled_neighbors = labelled.select(F.col("image_id").alias("neighbor_id"), F.lit(True).alias("is_labelled"))
    reached = ours.join(labelled_neighbors, on="neighbor_id", how="left").groupBy("image_id")
    # Without a labelled neighbour, the nearest one lies beyond the list.
    near = F.coalesce(F.min(F.when(F.col("is_labelled"), F.col("distance"))), F.max("distance"))
    distances = reached.agg(near.alias("distance"))
    mean = distances.agg(F.avg("distance").alias("mean"))
    share = F.coalesce(ratio("distance", F.col("distance") + F.col("mean")), F.lit(0.0))
    return distances.crossJoin(F.broadcast(mean)).select("image_id", share.alias("novelty"))
