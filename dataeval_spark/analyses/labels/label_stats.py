"""Label statistics: how many labels and images each class has, and which classes occur together."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.exact_sums import ordered_sum
from dataeval_spark.frames.ratios import ratio
from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.tables.labels import LABEL_STATS


def label_stats(targets: DataFrame, images: DataFrame) -> DataFrame:
    """Count labels and images per class, and for the whole dataset (class null).

    Parameters
    ----------
    targets : DataFrame
        Table ``targets``. Labels of an unknown class count for the dataset, not for a class.
    images : DataFrame
        Live rows of table ``images``.

    Returns
    -------
    DataFrame
        Table ``label_stats`` without ``run_id``. ``imbalance_ratio`` is the largest class's label
        count over the smallest's; ``effective_classes`` is exp of the entropy of the shares of labels
        whose class is known: the number of equally large classes with this entropy. ``class_weight``
        is scikit-learn's ``balanced``. Exact; shuffles one row per image and class.

    Examples
    --------
    >>> rows = label_stats(targets, images).orderBy("label_count")
    >>> rows.selectExpr("class_name", "label_count", "image_count", "round(label_share, 2) AS share").show(3)
    +----------+-----------+-----------+-----+
    |class_name|label_count|image_count|share|
    +----------+-----------+-----------+-----+
    |      nine|         21|         19| 0.07|
    |     seven|         23|         22| 0.07|
    |     three|         26|         26| 0.08|
    +----------+-----------+-----------+-----+
    only showing top 3 rows
    """
    per_image = (
        targets.groupBy("image_id", "class_name")
        .agg(F.count("*").alias("labels"))
        # image_id is unique in images; targets of images that are not live do not count.
        .join(images.select("image_id"), on="image_id", how="left_semi")
    )
    labelled = per_image.where("class_name IS NOT NULL")
    classes = labelled.groupBy("class_name").agg(
        F.sum("labels").alias("label_count"),
        F.count("*").alias("image_count"),
        F.max("labels").alias("max_labels_per_image"),
    )
    totals = _totals(per_image, classes, images)
    with_others = classes.join(_cooccurrence(labelled), on="class_name", how="left").crossJoin(F.broadcast(totals))
    class_rows = with_others.select(
        "class_name",
        "label_count",
        "image_count",
        ratio("label_count", "all_labels").alias("label_share"),
        ratio("image_count", "all_images").alias("image_share"),
        ratio("label_count", "image_count").alias("labels_per_image"),
        "max_labels_per_image",
        F.lit(1).cast("bigint").alias("class_count"),
        F.coalesce("cooccurrence", F.array().cast("array<struct<class_name: string, image_count: bigint>>")).alias(
            "cooccurrence"
        ),
        ratio("known_labels", F.col("class_count") * F.col("label_count")).alias("class_weight"),
    )
    dataset_row = totals.select(
        F.col("all_labels").alias("label_count"),
        F.col("labelled_images").alias("image_count"),
        F.when(F.col("all_labels") > 0, 1.0).otherwise(0.0).alias("label_share"),
        F.coalesce(ratio("labelled_images", "all_images"), F.lit(0.0)).alias("image_share"),
        ratio("all_labels", "labelled_images").alias("labels_per_image"),
        F.col("max_labels").alias("max_labels_per_image"),
        "class_count",
        (F.col("all_images") - F.col("labelled_images")).alias("images_without_labels"),
        "imbalance_ratio",
        "effective_classes",
    )
    # What the one kind of row lacks is null.
    return union_of_all_columns(class_rows, dataset_row).select(*LABEL_STATS.result_names)


def _totals(per_image: DataFrame, classes: DataFrame, images: DataFrame) -> DataFrame:
    """One row of counts over the whole dataset."""
    labelled = per_image.groupBy("image_id").agg(F.sum("labels").alias("labels"))
    counted = (
        images.select("image_id")
        .join(labelled, on="image_id", how="left")
        .agg(
            F.count("*").alias("all_images"),
            F.count("labels").alias("labelled_images"),
            F.coalesce(F.sum("labels"), F.lit(0)).alias("all_labels"),
            F.coalesce(F.max("labels"), F.lit(0)).alias("max_labels"),
        )
    )
    # Entropy of shares n_i / N is ln N - sum(n_i ln n_i) / N.
    total = F.sum("label_count")
    entropy = F.ln(total) - ratio(ordered_sum(F.col("label_count") * F.ln("label_count")), total)
    spread = classes.agg(
        F.count("*").alias("class_count"),
        total.alias("known_labels"),
        ratio(F.max("label_count"), F.min("label_count")).alias("imbalance_ratio"),
        F.exp(entropy).alias("effective_classes"),
    )
    return counted.crossJoin(spread)


def _cooccurrence(labelled: DataFrame) -> DataFrame:
    """Other classes in the images of each class; grows with classes per image squared, not with images."""
    left = labelled.select("image_id", "class_name")
    right = labelled.select("image_id", F.col("class_name").alias("other"))
    pairs = left.join(right, on="image_id", how="inner").where("class_name != other")
    counts = pairs.groupBy("class_name", "other").agg(F.count("*").alias("n"))
    entry = F.struct(F.col("other").alias("class_name"), F.col("n").alias("image_count"))
    return counts.groupBy("class_name").agg(F.sort_array(F.collect_list(entry)).alias("cooccurrence"))
