"""Account of every entry of a source: image, annotation, description, or skipped for a reason.

An entry is a file below SOURCE, a member of a shard, a row or a column of a table, an annotation in a file of many.
Each has one role, so that the entries seen are the sum of all roles; nothing is lost without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from dataeval_spark.frames.contract import literal_map
from dataeval_spark.kernels.storage.files import REASONS
from dataeval_spark.verbs.ingest.readers.file_matching import examples_of

ENTRIES_DDL = "source_file string, unit string, role string, reason string, name string, n bigint"
# Roles of entries, in the order in which the summary names them.
ROLES = ("images", "annotations", "description", "skipped")
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


def entries_of(rows: DataFrame, source: str) -> DataFrame:
    """Entries in columns of `ENTRIES_DDL`.

    Parameters
    ----------
    rows : DataFrame
        One row per entry: ``unit`` (what it is an entry of: ``files``, ``members`` ...), ``role``, ``reason`` where the
        role is ``skipped``, and ``name``, which may be shown. ``source_file`` and ``n``, for how many it stands, are
        optional.
    source : str
        SOURCE, or the file that the entries are of.
    """
    columns = set(rows.columns)
    return rows.select(
        F.col("source_file") if "source_file" in columns else F.lit(source).alias("source_file"),
        *("unit", "role", F.col("reason").cast("string").alias("reason"), "name"),
        F.col("n").cast("bigint").alias("n") if "n" in columns else F.lit(1).cast("bigint").alias("n"),
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
    parts = [images.select("uri", F.lit("images").alias("role"), F.lit(None).cast("string").alias("why"))]
    if annotations is not None:
        parts.append(
            annotations.select("uri", F.lit("annotations").alias("role"), F.lit(None).cast("string").alias("why"))
        )
    for why_not, files in (other or {}).items():
        parts.append(files.select("uri", F.lit("skipped").alias("role"), F.lit(why_not).alias("why")))
    if description:  # those outside SOURCE are seen too
        rows = [(place, "description", None) for place in dict.fromkeys(description)]
        parts.append(listing.sparkSession.createDataFrame(rows, "uri string, role string, why string"))
    roles = parts[0]
    for part in parts[1:]:
        roles = roles.unionByName(part)
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
    entries = joined.select(
        F.lit("files").alias("unit"),
        role.alias("role"),
        reason.alias("reason"),
        F.coalesce("path", "uri").alias("name"),
    )
    return entries_of(entries, source)


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
        used = [_counted(counts[role][0], role) for role in ROLES if role in counts]
        skipped = {key: value for key, value in counts.items() if key not in ROLES}
        if skipped:
            n = sum(count for count, _ in skipped.values())
            why = ", ".join(f"{key.replace('_', ' ')} {count:,} ({detail})" for key, (count, detail) in skipped.items())
            used.append(f"{n:,} skipped: {why}")
        sentences.append(f"{_counted(total, unit)} seen = {' + '.join(used)}")
    return "; ".join(sentences)


def _counted(count: int, things: str) -> str:
    return f"{count:,} {things.removesuffix('s') if count == 1 else things}"


def _stem(column: str) -> Column:
    """The name of a file without its folders and its ending."""
    return F.regexp_replace(F.substring_index(column, "/", -1), r"\.[^.]*$", "")


def _as_findings(counted: DataFrame) -> DataFrame:
    is_skipped = F.col("role") == "skipped"
    words = literal_map(SKIPPED)
    remedies = literal_map(REMEDIES)
    why = F.try_element_at(words, "reason")
    meaning = F.when(is_skipped, F.concat(F.lit("skipped: "), why)).otherwise(F.concat(F.lit("taken as "), "role"))
    severity: Column = F.when(is_skipped & F.col("reason").isin(*LOSSY), "warning").otherwise("info")
    return counted.select(
        "source_file",
        F.when(is_skipped, F.concat("unit", F.lit(": "), "reason")).otherwise(F.col("unit")).alias("location"),
        F.lit(None).cast("string").alias("image_id"),
        F.lit(None).cast("int").alias("target_index"),
        F.col("role").alias("kind"),
        F.concat("unit", F.lit(" "), meaning).alias("message"),
        "found",
        F.try_element_at(remedies, "reason").alias("expected"),
        severity.alias("severity"),
        "n",
    )
