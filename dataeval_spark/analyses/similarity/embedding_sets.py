"""Sets of embeddings that are compared with one another: vectors of one encoder, of whole images or of boxes."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import EmbeddingError, OptionError
from dataeval_spark.session.bounded import bounded

Finding = tuple[str, str, str, float, float | None, str, str]


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


def parts_of(embeddings: DataFrame, encoder: str | None, per_target: bool, step: str) -> list[Part]:
    """Parts of table ``embeddings`` that a step compares, of one encoder or of all, without or with those of boxes.

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
        OptionError.unless_one_of(f"{step}.encoder", encoder, names)
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
