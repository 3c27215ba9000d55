"""Account of every entry of a source: image, annotation, description, or skipped for a reason.

An entry is a file below SOURCE, a member of a shard, a row or a column of a table, an annotation in a file of many.
Each has one role, so that the entries seen are the sum of all roles; nothing is lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import literal_map
from dataeval_spark.kernels.storage.files import REASONS
from dataeval_spark.verbs.ingest.readers.file_matching import examples_of
from dataeval_spark.verbs.ingest.readers.source import ROLES, as_findings
from dataeval_spark.verbs.text import plural

ENTRIES_DDL = "source_file string, unit string, role string, reason string, name string, n bigint"
# Reasons to skip an entry; a warning where something may be lost by it.
SKIPPED = {
    **REASONS,
    "not_an_image": "neither an image nor a file that the format uses",
    "not_asked_for": "left out by --glob or --limit",
    "not_in_annotations": "an image that the annotation file does not name",
    "outside_image_folder": "an image outside the folder for images",
    "label_not_used": "a label file that the format does not use",
    "label_without_image": "a label file of no image",
    "other_label_file": "another label file is about the same image",
    "not_read": "it could not be read; a finding says why",
    "no_image": "a member of a sample without an image",
    "no_key": "a member whose name has no extension, or begins with a dot or __",
    "not_a_file": "a link or a folder in a shard",
    "unknown_member": "a member whose field no reader knows",
    "too_large": "larger than what is read at once",
    "repeated": "it stands there twice",
    "no_column_type": "a column of a type that no factor has",
    "unmatched": "it means no image",
    "broken": "it cannot be used as it is written; a finding says why",
}
LOSSY = (
    *("broken_link", "link_cycle", "unreadable_folder", "name_is_no_utf8", "label_not_used", "label_without_image"),
    *("other_label_file", "not_read", "no_image", "unknown_member", "too_large", "repeated", "unmatched", "broken"),
)
# Options or changes by which the entries would be read.
REMEDIES = {
    "label_not_used": "--format yolo for .txt files, --format voc for .xml files",
    "label_without_image": "an image of the same name, in the folder that goes with the label's",
    "unmatched": "names that are those of files below SOURCE",
    "not_in_annotations": "an annotation file that names them, or --format folder",
    "outside_image_folder": "images below one folder for images",
}
LABEL_ENDING = r"(?i)\.(txt|xml)$"


def entries_of(
    rows: DataFrame,
    source: Column | str,
    unit: str,
    *,
    role: Column | str,
    reason: Column | str | None = None,
    name: Column | None = None,
    n: Column | int = 1,
) -> DataFrame:
    """Entries in columns of `ENTRIES_DDL`, one per row.

    Parameters
    ----------
    rows : DataFrame
        Any columns.
    source : Column or str
        SOURCE, or the file that the entries are of.
    unit : str
        Kind of the entries: ``files``, ``members`` ...
    role : Column or str
        One of `ROLES`.
    reason : Column or str, optional
        Reason from `SKIPPED`; it counts where the role is ``skipped``.
    name : Column, optional
        Name that may be shown.
    n : Column or int
        Number of entries that a row stands for.
    """
    given_role = F.lit(role)
    return rows.select(
        F.lit(source).alias("source_file"),
        F.lit(unit).alias("unit"),
        given_role.alias("role"),
        F.when(given_role == "skipped", F.lit(reason)).cast("string").alias("reason"),
        F.lit(name).cast("string").alias("name"),
        F.lit(n).cast("bigint").alias("n"),
    )


def column_entries(
    spark: SparkSession, unit: str, used: Iterable[str], left_out: Iterable[str], source: str
) -> DataFrame:
    """Entries of a table's columns: those that are used, and those whose type no factor can have."""
    rows = []
    for role, reason, names in (("description", None, used), ("skipped", "no_column_type", left_out)):
        if ordered := sorted(names):
            rows.append((source, unit, role, reason, ", ".join(ordered[:3]), len(ordered)))
    return spark.createDataFrame(rows, ENTRIES_DDL)


def account(entries: DataFrame) -> DataFrame:
    """One row for each unit and role, and for each reason to skip entries, in `source.COUNTED_FINDINGS_DDL`.

    Parameters
    ----------
    entries : DataFrame
        Columns of `ENTRIES_DDL`. An entry that cancels others has a negative ``n``.
    """
    summed = entries.groupBy("source_file", "unit", "role", "reason").agg(
        F.sum("n").alias("n"), examples_of(F.col("name")).alias("found")
    )
    return _as_findings(summed.where("n != 0"))


def file_entries(
    listing: DataFrame,
    source: str,
    *,
    images: DataFrame,
    annotations: DataFrame | None = None,
    description: Sequence[str] = (),
    other: Mapping[str, DataFrame] | None = None,
    rest: str = "not_asked_for",
) -> DataFrame:
    """Entries of the files below SOURCE, and of those outside it that were read.

    Parameters
    ----------
    listing : DataFrame
        Every file seen, as of :func:`dataeval_spark.verbs.ingest.readers.listing.list_files`.
    source : str
        SOURCE.
    images : DataFrame
        ``uri`` of the images that were taken.
    annotations : DataFrame, optional
        ``uri`` of the label files that were used.
    description : sequence of str
        Places of files about the whole: class lists, metadata, an annotation file of all images.
    other : mapping, optional
        ``uri`` of the files that were skipped, by reason.
    rest : str
        Reason why the other images were not taken.
    """
    listed_files = listing.select("uri", "path", "is_image", "reason")
    used = {"images": images, **({} if annotations is None else {"annotations": annotations})}
    if description:  # those outside SOURCE are seen too
        places = [(place,) for place in dict.fromkeys(description)]
        used["description"] = listing.sparkSession.createDataFrame(places, "uri string")
    parts: list[tuple[str, str | None, DataFrame]] = [(role, None, files) for role, files in used.items()]
    parts += [("skipped", why_not, files) for why_not, files in (other or {}).items()]
    roles = reduce(
        DataFrame.unionByName,
        [
            files.select("uri", F.lit(role).alias("role"), F.lit(why).cast("string").alias("why"))
            for role, why, files in parts
        ],
    )
    rank = F.array_position(F.array(*(F.lit(role) for role in ROLES)), F.col("role"))
    roles = roles.where("uri IS NOT NULL").groupBy("uri").agg(F.min_by(F.struct("role", "why"), rank).alias("given"))
    joined = listed_files.join(roles, on="uri", how="full")
    # A text file that is named like an image is a label file that the format does not use.
    joined = joined.withColumn("stem", _stem("path"))
    stems = (
        listed_files.where("is_image").select(_stem("path").alias("stem"), F.lit(True).alias("is_named_so")).distinct()
    )
    joined = joined.join(stems, on="stem", how="left")
    is_label = F.col("path").rlike(LABEL_ENDING) & F.col("is_named_so")
    role = F.coalesce("given.role", F.lit("skipped"))
    reason = (
        F.when(F.col("given").isNotNull(), F.col("given.why"))
        .when(F.col("reason").isNotNull(), F.col("reason"))
        .when(F.col("is_image"), rest)
        .when(is_label, "label_not_used")
        .otherwise("not_an_image")
    )
    return entries_of(joined, source, "files", role=role, reason=reason, name=F.coalesce("path", "uri"))


def summary(rows: Iterable[Mapping[str, object]]) -> str:
    """One sentence for each unit: the number of entries, in total and by role.

    Parameters
    ----------
    rows : iterable of mapping
        ``location``, ``kind``, ``n`` and ``found``, summed over source files.
    """
    by_unit: dict[str, dict[str, tuple[int, str]]] = {}
    for row in rows:
        unit, _, reason = str(row["location"]).partition(": ")
        key = reason if row["kind"] == "skipped" else str(row["kind"])
        detail_text = "; ".join(filter(None, (str(row["found"] or ""), str(row.get("option") or ""))))
        by_unit.setdefault(unit, {})[key] = (int(str(row["n"])), detail_text)
    sentences = []
    for unit, counts in by_unit.items():
        total = sum(n for n, _ in counts.values())
        used = [plural(counts[role][0], role.removesuffix("s"), role) for role in ROLES if role in counts]
        skipped = {key: value for key, value in counts.items() if key not in ROLES}
        if skipped:
            n = sum(count for count, _ in skipped.values())
            why = ", ".join(f"{key.replace('_', ' ')} {count:,} ({detail})" for key, (count, detail) in skipped.items())
            used.append(f"{n:,} skipped: {why}")
        sentences.append(f"{plural(total, unit.removesuffix('s'), unit)} seen = {' + '.join(used)}")
    return "; ".join(sentences)


def _stem(column: str) -> Column:
    """The name of a file without its folders and its ending."""
    return F.regexp_replace(F.substring_index(column, "/", -1), r"\.[^.]*$", "")


def _as_findings(counted: DataFrame) -> DataFrame:
    is_skipped = F.col("role") == "skipped"
    why = F.try_element_at(literal_map(SKIPPED), "reason")
    meaning = F.when(is_skipped, F.concat(F.lit("skipped: "), why)).otherwise(F.concat(F.lit("taken as "), "role"))
    return as_findings(
        counted,
        source_file=F.col("source_file"),
        location=F.when(is_skipped, F.concat("unit", F.lit(": "), "reason")).otherwise(F.col("unit")),
        kind=F.col("role"),
        message=F.concat("unit", F.lit(" "), meaning),
        found=F.col("found"),
        expected=F.try_element_at(literal_map(REMEDIES), "reason"),
        severity=F.when(is_skipped & F.col("reason").isin(*LOSSY), "warning").otherwise("info"),
        n=F.col("n"),
    )
