"""The contracts of all tables: names, types, units and meaning. No Spark is imported here."""

from dataeval_spark.tables.bias import BALANCE, BIN_EDGES, CONTINGENCY, DIVERSITY, FACTOR_BINS, LABEL_STATS, PARITY
from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.images import ANNOTATION_FINDINGS, FACTORS, IMAGES, SOURCE_FILES, TARGETS
from dataeval_spark.tables.operations import DATASET_FINDINGS, RUNS, SNAPSHOTS
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, DUPLICATE_PAIRS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.tables.similarity import NEIGHBORS
from dataeval_spark.tables.stats import (
    BACKGROUND_STATS,
    CHANNEL_GROUP_STATS,
    CHANNEL_STATS,
    EMBEDDINGS,
    HASHES,
    IMAGE_STATS,
    NORMALIZATION,
    UNREADABLE_IMAGES,
)

ALL_TABLES = (
    IMAGES,
    TARGETS,
    FACTORS,
    ANNOTATION_FINDINGS,
    SOURCE_FILES,
    IMAGE_STATS,
    CHANNEL_STATS,
    CHANNEL_GROUP_STATS,
    BACKGROUND_STATS,
    HASHES,
    UNREADABLE_IMAGES,
    EMBEDDINGS,
    NORMALIZATION,
    NEIGHBORS,
    DUPLICATE_PAIRS,
    DUPLICATE_GROUPS,
    OUTLIERS,
    IMAGE_FINDINGS,
    LABEL_STATS,
    FACTOR_BINS,
    BIN_EDGES,
    CONTINGENCY,
    BALANCE,
    DIVERSITY,
    PARITY,
    DRIFT_METRICS,
    DATASET_FINDINGS,
    RUNS,
    SNAPSHOTS,
)

__all__ = [
    "ALL_TABLES",
    "ANNOTATION_FINDINGS",
    "BACKGROUND_STATS",
    "CHANNEL_GROUP_STATS",
    "BALANCE",
    "BIN_EDGES",
    "CHANNEL_STATS",
    "CONTINGENCY",
    "DATASET_FINDINGS",
    "DIVERSITY",
    "DRIFT_METRICS",
    "DUPLICATE_GROUPS",
    "DUPLICATE_PAIRS",
    "EMBEDDINGS",
    "FACTORS",
    "FACTOR_BINS",
    "HASHES",
    "IMAGES",
    "IMAGE_FINDINGS",
    "IMAGE_STATS",
    "LABEL_STATS",
    "NEIGHBORS",
    "NORMALIZATION",
    "OUTLIERS",
    "PARITY",
    "RUNS",
    "SNAPSHOTS",
    "SOURCE_FILES",
    "TARGETS",
    "UNREADABLE_IMAGES",
    "Column",
    "Table",
]
