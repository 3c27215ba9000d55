"""Split representativeness: how far the parts of a split are from the images that a model will meet."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.analyses.splits.adversarial import adversarial_rows
from dataeval_spark.analyses.splits.parts import PARTITION
from dataeval_spark.analyses.splits.split_differences import count_rows, judged
from dataeval_spark.frames.contract import rows_of_dicts
from dataeval_spark.tables.splits import SPLIT_REPRESENTATIVENESS


def split_representativeness(
    parts: DataFrame,
    reference: DataFrame,
    counts: DataFrame,
    embeddings: DataFrame | None = None,
    *,
    reference_name: str,
    threshold: float = 0.1,
    auc_threshold: float = 0.6,
    significance: float = 0.05,
    sample: int = 2_000,
    seed: int = 0,
) -> DataFrame:
    """Compare each part of a split with a reference: labels and factors by their shares, all of it by a classifier.

    Parameters
    ----------
    parts : DataFrame
        Result of `all_parts`.
    reference : DataFrame
        ``image_id`` of the images that the parts should be like; they are in no part.
    counts : DataFrame
        Labels of both, the result of `label_counts`: factors must have been cut into the same bins.
    embeddings : DataFrame, optional
        Table of this name.
    reference_name : str
        Name of the reference.
    threshold, auc_threshold, significance, sample, seed
        See :func:`dataeval_spark.analyses.splits.split_differences.split_differences`.

    Returns
    -------
    DataFrame
        Table ``split_representativeness`` without ``run_id``: L-infinity and Jensen-Shannon distance per factor, and
        the AUC of a domain classifier with its interval.
    """
    partitions = parts.select(*PARTITION).distinct()
    beside = partitions.crossJoin(reference.select("image_id")).select(
        *PARTITION, "image_id", F.lit(reference_name).alias("split")
    )
    together = parts.select(*PARTITION, "image_id", "split").unionByName(beside)
    differences = count_rows(together, counts, reference_name)
    differences += adversarial_rows(together, counts, embeddings, sample=sample, seed=seed, base=reference_name)
    return rows_of_dicts(parts, SPLIT_REPRESENTATIVENESS, judged(differences, threshold, auc_threshold, significance))
