"""Result of every reader: the frames that ingestion writes."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS, SOURCE_FILES, TARGETS

LISTING_DDL = IMAGES.ddl_of("image_id", "uri", "content", "content_length", "modified_at", "captured_at", "split")
TARGETS_DDL = TARGETS.nullable_ddl
FINDINGS_DDL = INGEST_FINDINGS.ddl_without("dataset", "severity", "n")
# Findings that stand for several entries, or have their own severity.
COUNTED_FINDINGS_DDL = f"{FINDINGS_DDL}, {INGEST_FINDINGS.ddl_of('severity', 'n')}"
# Kinds of findings about a source as a whole, not about one of its entries.
OF_THE_WHOLE = ("one_folder", "class_named_as_split", "one_class", "no_labels", "no_images", "class_ids_for_names")
# Kinds of findings that lose nothing: a value was read in one of several possible ways.
DOUBTFUL = (
    *OF_THE_WHOLE,
    *("outside_box", "duplicate_metadata", "bad_time", "too_many_factors", "matched_names", "matched_ids"),
    *("decoded_text", "box_from_segmentation", "size_differs", "missing_split"),
)

# Files besides the images whose rows need not be made again while their fingerprint is the same.
FILES_DDL = SOURCE_FILES.ddl_without("dataset")


@dataclass(frozen=True)
class KnownRows:
    """Rows of the workspace: `source_files`, live images and findings of a dataset; targets and factors of all."""

    files: DataFrame
    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame


@dataclass(frozen=True)
class Source:
    """A dataset as a reader returns it; nothing of it is written yet.

    ``images`` has the columns of `LISTING_DDL`, ``targets`` of `TARGETS_DDL`, ``findings`` of `FINDINGS_DDL`
    (``severity`` and ``n`` besides, where they have them), ``factors`` the keys and one column per factor.
    ``present`` holds every image id that the source still has, taken or not: all others are deleted.
    ``accounting`` (`accounting.ENTRIES_DDL`) has the role of every entry of the source, and ``labels_from`` the
    origin of the classes, in words. ``declared`` has ``image_id``, ``declared_width`` and ``declared_height``: the
    size that the annotations give. ``files`` (`FILES_DDL`) are annotation files and shards, to be left alone while
    they stay the same.
    """

    images: DataFrame
    targets: DataFrame
    factors: DataFrame
    findings: DataFrame
    present: DataFrame
    accounting: DataFrame
    labels_from: str
    files: DataFrame | None = None
    declared: DataFrame | None = None


def severity_of_kind() -> Column:
    """Severity of a finding without one: its kind loses something, or was read in one of several possible ways.

    Findings in a workspace of an older version have none.
    """
    return F.when(F.col("kind").isin(*DOUBTFUL), "warning").otherwise("error")


def finding_rows(findings: DataFrame, dataset: str) -> DataFrame:
    """Rows of table `ingest_findings` without ``run_id``: without ``n``, a finding stands for one entry.

    Parameters
    ----------
    findings : DataFrame
        Columns of `FINDINGS_DDL`, and ``severity`` and ``n`` where the findings have them.
    dataset : str
        Name of the dataset.
    """
    columns = set(findings.columns)
    severity = F.coalesce("severity", severity_of_kind()) if "severity" in columns else severity_of_kind()
    count = F.coalesce("n", F.lit(1)) if "n" in columns else F.lit(1)
    values: dict[str, Column] = {
        "dataset": F.lit(dataset),
        "severity": severity,
        "n": count.cast("bigint"),
        **{name: F.col(name).cast("string") for name in ("message", "found", "expected")},
    }
    return findings.select(*(values.get(name, F.col(name)).alias(name) for name in INGEST_FINDINGS.result_names))
