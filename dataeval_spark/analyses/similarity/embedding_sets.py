"""Sets of embeddings that are compared with one another: vectors of one encoder, of whole images or of boxes."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.frames.approximate_neighbors import InvertedFile
from dataeval_spark.frames.blocks import Blocks
from dataeval_spark.session.bounded import bounded

Finding = tuple[str, str, str, float, float | None, str, str]
# A core of a laptop multiplies matrices in float32 at 20 to 60 billion operations a second.
OPERATIONS_PER_CORE_HOUR = 25e9 * 3600
# Roles of a row in a search.
INDEXED, ASKED, NEW, KEPT = 1, 2, 4, 8


@dataclass(frozen=True)
class Part:
    """Vectors that are compared with one another: one encoder's, of whole images or of boxes."""

    encoder: str
    version: str
    is_box: bool
    count: int

    @property
    def condition(self) -> Column:
        return (F.col("encoder") == self.encoder) & (F.col("target_index").isNotNull() == F.lit(self.is_box))

    @property
    def subject(self) -> str:
        return f"{self.encoder} (boxes)" if self.is_box else self.encoder

    def core_hours(self, blocks: Blocks) -> float:
        """Estimated cost of the exact search."""
        queries, new = blocks.rows_with(ASKED), blocks.rows_with(NEW)
        pairs = queries * self.count + blocks.rows_with(KEPT) * new
        return 2.0 * blocks.dimension * pairs / OPERATIONS_PER_CORE_HOUR

    def method_finding(self, blocks: Blocks, hours: float, k: int, metric: str, algorithm: str) -> Finding:
        """Finding that says how the graph of this part was made."""
        message = (
            f"{self.subject}, {metric}: {algorithm} {k} nearest neighbours of {self.count:,} vectors, "
            f"{self.count if algorithm == 'approximate' else blocks.rows_with(ASKED):,} of them searched "
            "among all others; "
            f"the exact search is estimated at {hours:.2g} core hours."
        )
        return ("neighbors", "neighbors_method", self.subject, hours, None, "info", message)

    def recall_finding(self, index: InvertedFile, k: int, target: float, metric: str) -> Finding:
        """Finding that states the recall of the approximate search."""
        message = (
            f"{self.subject}, {metric}: recall@{k} {index.recall}; each query looks into {index.probes:,} of "
            f"{index.clusters:,} clusters."
        )
        severity = "info" if index.recall.upper >= target else "warning"
        return ("neighbors", "neighbors_recall", self.subject, index.recall.value, target, severity, message)


def parts_of(embeddings: DataFrame, encoder: str | None, per_target: bool) -> list[Part]:
    """Parts of table ``embeddings``, of one encoder or of all, without or with those of boxes.

    Raises
    ------
    EmbeddingError
        An encoder has vectors of several versions.
    OptionError
        There is no such encoder.
    """
    is_box = F.col("target_index").isNotNull().alias("is_box")
    counts = embeddings.groupBy("encoder", "encoder_version", is_box).count().orderBy("encoder", "is_box")
    rows = bounded(counts, "one row per encoder and version, with and without boxes")
    names = sorted({row["encoder"] for row in rows})
    if encoder is not None and rows:
        OptionError.unless_one_of("neighbors.encoder", encoder, names)
    parts = [
        Part(row["encoder"], row["encoder_version"], row["is_box"], row["count"])
        for row in rows
        if encoder in (None, row["encoder"]) and (per_target or not row["is_box"])
    ]
    for name in names:
        versions = sorted({part.version for part in parts if part.encoder == name})
        if len(versions) > 1:
            raise EmbeddingError.of_versions(name, versions)
    return parts
