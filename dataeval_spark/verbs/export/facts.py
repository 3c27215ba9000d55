"""Facts about all samples that an export needs before it writes the first: classes, splits and counts."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.formats.yolo import HELD
from dataeval_spark.session.bounded import bounded, one_row

MAX_CLASSES, MAX_SPLITS = 100_000, 1_000


@dataclass(frozen=True)
class Facts:
    """Facts about all samples, needed before the first is written."""

    images: int
    most_targets: int
    labels: int
    boxes: int
    attributes: int
    unlabelled: int
    unheld: int
    splits: tuple[str | None, ...]
    classes: tuple[str, ...]


def facts_of(samples: DataFrame) -> Facts:
    labels = samples.select(F.inline("targets"))
    names = F.array_except(
        F.coalesce(F.json_object_keys("attributes"), F.array().cast("array<string>")),
        F.array(*(F.lit(name) for name in HELD)),
    )
    inner = one_row(
        labels,
        F.count("*").alias("labels"),
        F.count_if(F.col("box").isNotNull()).alias("boxes"),
        F.count_if(F.col("attributes").isNotNull()).alias("attributes"),
        F.count_if(F.size(names) > 0).alias("unheld"),
    )
    outer = one_row(
        samples,
        F.count("*").alias("images"),
        F.coalesce(F.max("n_targets"), F.lit(0)).alias("most_targets"),
        F.coalesce(F.sum("unlabelled"), F.lit(0)).alias("unlabelled"),
    )
    splits = bounded(samples.select("split").distinct().limit(MAX_SPLITS + 1), "names of splits")
    classes = bounded(labels.select("class_name").distinct().limit(MAX_CLASSES + 1), "names of classes")
    for what, items, limit in (("splits", splits, MAX_SPLITS), ("classes", classes, MAX_CLASSES)):
        if len(items) > limit:
            raise OptionError(f"There are more than {limit:,} {what}.\nHint: select fewer images or relabel them.")
    return Facts(
        **outer.asDict(),
        **inner.asDict(),
        splits=tuple(sorted((row[0] for row in splits), key=lambda name: name or "")),
        classes=tuple(sorted(row[0] for row in classes)),
    )
