"""Samples that bring their own bytes, labels and metadata as a `Source`: common parts of WebDataset and MAITE."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.unions import union_of_all_columns
from dataeval_spark.kernels.formats.factor_values import TYPE
from dataeval_spark.session.bounded import bounded
from dataeval_spark.tables.contract import identifier
from dataeval_spark.tables.keys import BOX_TYPE
from dataeval_spark.verbs.ingest.accounting import entries_of
from dataeval_spark.verbs.ingest.readers.metadata import RESERVED, utc_timestamp
from dataeval_spark.verbs.ingest.readers.source import ROLES, KnownRows, Source, as_findings, as_targets

# Metadata names beyond so many are left out, the rarest first: each is a column.
MAX_FACTORS = 500
SAMPLES_DDL = (
    "image_id string, uri string, content binary, content_length bigint, modified_us bigint, split string, "
    f"captured_at string, factors {TYPE}, source_file string, "
    f"targets array<struct<target_index: int, class_name: string, box: {BOX_TYPE}, is_crowd: boolean, "
    "location: string, attributes: string>>, "
    "findings array<struct<location: string, target_index: int, kind: string, message: string, found: string, "
    "expected: string>>, account array<struct<role: string, reason: string, n: bigint, found: string>>"
)


def source_of(
    samples: DataFrame,
    *,
    split: str | None,
    timezone: str,
    unit: str,
    labels_from: str,
    known_rows: KnownRows | None = None,
    files: DataFrame | None = None,
) -> Source:
    """Make a source of samples.

    Parameters
    ----------
    samples : DataFrame
        Columns of `SAMPLES_DDL`, stored: it is read several times. ``image_id`` is null where a row only has
        findings.
    split : str or None
        Split of the samples that have none.
    timezone : str
        Zone of capture times that name none.
    unit : str
        Unit that the account of a source file counts.
    labels_from : str
        Origin of the classes, in words.
    known_rows : KnownRows, optional
        Rows of the workspace that stay as they are: their images, targets, factors and findings are added.
    files : DataFrame, optional
        See `Source`.
    """
    rows = samples.where("image_id IS NOT NULL")
    images = rows.select(
        "image_id",
        "uri",
        "content",
        "content_length",
        F.timestamp_micros("modified_us").alias("modified_at"),
        utc_timestamp(F.col("captured_at"), timezone).alias("captured_at"),
        F.coalesce("split", F.lit(split)).alias("split"),
    )
    place = F.concat(F.substring_index("source_file", "/", -1), F.lit(":"), "location")
    targets = as_targets(rows.select("image_id", "source_file", F.inline("targets")), place)
    factors, left_out = _factors(rows)
    findings = samples.select("image_id", "source_file", F.inline("findings")).select(
        *("source_file", "location", "image_id", "target_index", "kind", "message", "found", "expected")
    )
    if left_out:
        findings = findings.unionByName(_too_many(samples, left_out))
    account = samples.select("source_file", F.inline("account"))
    values = {"role": F.col("role"), "reason": F.col("reason"), "name": F.col("found"), "n": F.col("n")}
    accounting = entries_of(account, F.col("source_file"), unit, **values)
    if known_rows is not None:
        content = F.lit(None).cast("binary").alias("content")
        images = images.unionByName(
            known_rows.images.select(*(content if c == "content" else c for c in images.columns))
        )
        targets = targets.unionByName(known_rows.targets.select(*targets.columns))
        factors = _with_known(factors, known_rows.factors)
        findings = findings.unionByName(known_rows.reader_findings.select(*findings.columns))
        part = F.split(F.col("location"), ": ")
        old = known_rows.findings.where(F.col("kind").isin(*ROLES) & (F.get(part, F.lit(0)) == unit))
        values = {"role": F.col("kind"), "reason": F.get(part, F.lit(1)), "name": F.col("found"), "n": F.col("n")}
        accounting = accounting.unionByName(entries_of(old, F.col("source_file"), unit, **values))
    return Source(
        images=images,
        targets=targets,
        factors=factors,
        findings=findings,
        present=images.select("image_id"),
        files=files,
        accounting=accounting,
        labels_from=labels_from,
    )


def _factors(rows: DataFrame) -> tuple[DataFrame, list[str]]:
    """One typed column per name in the metadata, and the names that are too many."""
    values = rows.select(F.explode("factors").alias("name", "value")).groupBy("name")
    names = values.agg(F.count("*").alias("n"), F.collect_set("value.type").alias("types"))
    counts = bounded(names.orderBy(F.desc("n"), "name").limit(MAX_FACTORS + 20), "names of metadata")
    columns: list[Column] = []
    in_use: set[str] = set()
    for row in counts[:MAX_FACTORS]:
        value = F.col("factors")[row["name"]]["text"].cast(_widest(row["types"]))
        columns.append(value.alias(_column_name(row["name"], in_use)))
    keys = ("image_id", F.lit(None).cast("int").alias("target_index"))
    if not columns:
        return rows.limit(0).select(*keys), []
    with_factors = rows.where(F.size("factors") > 0)
    return with_factors.select(*keys, *columns), [row["name"] for row in counts[MAX_FACTORS:]]


def _widest(types: list[str]) -> str:
    if len(types) == 1:
        return types[0]
    return "double" if set(types) == {"bigint", "double"} else "string"


def _column_name(name: str, in_use: set[str]) -> str:
    """A name that no other column has, whatever its case, nor one of the workspace's own."""
    name = f"source_{name}" if name.lower() in RESERVED else name
    unique, number = name, 2
    while unique.lower() in in_use:
        unique, number = f"{name}_{number}", number + 1
    in_use.add(unique.lower())
    return unique


def _too_many(samples: DataFrame, names: list[str]) -> DataFrame:
    message = f"There are more than {MAX_FACTORS} names; the rarest are left out, such as those found"
    return as_findings(
        samples.limit(1),
        source_file=F.col("source_file"),
        location="metadata",
        kind="too_many_factors",
        message=message,
        found=", ".join(names)[:300],
        expected=f"at most {MAX_FACTORS} names of metadata",
    )


def _with_known(factors: DataFrame, known_factors: DataFrame) -> DataFrame:
    """Factors of the source and those of the workspace, in common types."""
    old, new = dict(known_factors.dtypes), dict(factors.dtypes)
    names = {name.lower(): name for name in old}
    renamed = {name: names.get(name.lower(), name) for name in new}
    types = {**old}
    for name, type in new.items():
        column = renamed[name]
        types[column] = type if types.get(column, type) == type else _widest([types[column], type])
    return union_of_all_columns(
        known_factors.select(*(F.col(identifier(name)).cast(types[name]) for name in old)),
        factors.select(*(F.col(identifier(name)).cast(types[renamed[name]]).alias(renamed[name]) for name in new)),
    )
