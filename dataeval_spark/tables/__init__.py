"""The contracts of all tables: names, types, units and meaning. No Spark is imported here."""

from dataeval_spark.tables.bias import LABEL_STATS
from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.images import ANNOTATION_FINDINGS, FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.operations import DATASET_FINDINGS, RUNS, SNAPSHOTS
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.tables.similarity import NEIGHBORS
from dataeval_spark.tables.stats import CHANNEL_STATS, EMBEDDINGS, HASHES, IMAGE_STATS, UNREADABLE_IMAGES

ALL_TABLES = (
    IMAGES,
    TARGETS,
    FACTORS,
    ANNOTATION_FINDINGS,
    IMAGE_STATS,
    CHANNEL_STATS,
    HASHES,
    UNREADABLE_IMAGES,
    EMBEDDINGS,
    NEIGHBORS,
    DUPLICATE_PAIRS,
    DUPLICATE_GROUPS,
    OUTLIERS,
    IMAGE_FINDINGS,
    LABEL_STATS,
    DRIFT_METRICS,
    DATASET_FINDINGS,
    RUNS,
    SNAPSHOTS,
)

__all__ = [
    "ALL_TABLES",
    "ANNOTATION_FINDINGS",
    "CHANNEL_STATS",
    "DATASET_FINDINGS",
    "DRIFT_METRICS",
    "DUPLICATE_GROUPS",
    "DUPLICATE_PAIRS",
    "EMBEDDINGS",
    "FACTORS",
    "HASHES",
    "IMAGES",
    "IMAGE_FINDINGS",
    "IMAGE_STATS",
    "LABEL_STATS",
    "NEIGHBORS",
    "OUTLIERS",
    "RUNS",
    "SNAPSHOTS",
    "TARGETS",
    "UNREADABLE_IMAGES",
    "Column",
    "Table",
]
