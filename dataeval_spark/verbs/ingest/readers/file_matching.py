"""Names in annotation, metadata and list files, and the file that each of them means."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.frames.batches import map_rows
from dataeval_spark.kernels.formats.file_names import differs_in, keys, plain_path
from dataeval_spark.kernels.storage.uris import is_uri
from dataeval_spark.verbs.ingest.readers.source import as_findings
from dataeval_spark.workspace.workspace import Checkpoint

FILE_TYPE = "struct<path: string, uri: string, content_length: bigint, modified_us: bigint>"
MATCH_DDL = "name string, path string, how string, parts int, candidates bigint, examples string"


def resolve_names(
    names: DataFrame, listing: DataFrame, beside: str, root: str, checkpoint: Checkpoint, label: str
) -> DataFrame:
    """Find the file that each name means: below SOURCE, then beside the file with the names, then by likeness.

    :func:`match_names` defines likeness. Several names may mean one file: that with no ``how``, else that
    with the most ``parts``, means it best.

    Parameters
    ----------
    names : DataFrame
        Column ``name``, unique.
    listing : DataFrame
        Result of :func:`dataeval_spark.verbs.ingest.readers.listing.list_files`.
    beside : str
        Folder of the annotation or metadata file.
    root : str
        SOURCE.
    checkpoint, label
        How the frames are stored, and under which name.

    Returns
    -------
    DataFrame
        ``name``, ``path`` (relative to SOURCE, or the name itself outside it), ``uri``, ``content_length`` and
        ``modified_us`` (null where no file, or not one alone, fits), ``how`` (in what the name differs from the path;
        null where in nothing), ``parts`` (of how many parts the common ending is; null where it is the whole path),
        ``candidates`` (how many files fit) and ``examples`` (two of them, where several do).
    """
    file = F.struct("path", "uri", "content_length", "modified_us")
    plain = F.regexp_replace("name", r"^(\./)+", "")
    files = listing.where("reason IS NULL")
    under = files.select(F.col("path").alias("under_path"), file.alias("under"))
    at = files.select(F.col("uri").alias("at_uri"), file.alias("at"))
    prefix = f"{root}/"
    relative = F.when(F.startswith(plain, F.lit(prefix)), F.substring(plain, len(prefix) + 1, 2**31 - 1))
    candidates = (
        names.join(under, on=F.coalesce(relative, plain) == F.col("under_path"), how="left")
        .join(at, on=F.concat(F.lit(f"{beside}/"), plain) == F.col("at_uri"), how="left")
        .select("name", "under", "at")
    )
    located = map_rows(
        candidates, lambda rows: _look_beside(rows, beside, root), f"name string, file {FILE_TYPE}, how string"
    )
    located = checkpoint(located, f"{label}_exact")
    exact = located.where("file IS NOT NULL").select(
        *("name", "file.*", "how"),
        F.lit(None).cast("int").alias("parts"),
        F.lit(1).cast("bigint").alias("candidates"),
        F.lit(None).cast("string").alias("examples"),
    )
    left = located.where("file IS NULL").select("name")
    if left.isEmpty():
        return exact
    matches = match_names(left, files.select("path"))
    by_path = files.select("path", "uri", "content_length", "modified_us")
    loose = matches.join(by_path, on="path", how="left").select(*exact.columns)
    return checkpoint(exact.unionByName(loose), label)


def match_names(names: DataFrame, files: DataFrame, *, whole: bool = False) -> DataFrame:
    r"""Find the one path that each name is most like, if there is only one.

    Likeness is tried in this order, and a form counts only where one file has it: ``\`` for ``/``, ``./`` and drive
    letters; Unicode form; percent-encoding; case; then the longest common ending of the paths, in the same forms.

    Parameters
    ----------
    names : DataFrame
        Column ``name``, unique.
    files : DataFrame
        Column ``path``, unique, of the files that may be meant.
    whole : bool
        A name must fit a path as a whole: a common ending is not enough.

    Returns
    -------
    DataFrame
        Columns of `MATCH_DDL`, one row per name.
    """
    of_paths = _with_keys(files.select(F.col("path").alias("text")), is_path=True)
    by_key = of_paths.groupBy("form", "key").agg(
        F.count("*").alias("n"),
        F.min("text").alias("first"),
        F.max("text").alias("last"),
        F.count_if("is_whole").alias("whole_n"),
        F.min(F.when(F.col("is_whole"), F.col("text"))).alias("whole_first"),
        F.max(F.when(F.col("is_whole"), F.col("text"))).alias("whole_last"),
    )
    of_names = _with_keys(names.select(F.col("name").alias("text")), is_path=False).withColumnsRenamed(
        {"text": "name", "is_whole": "name_is_whole"}
    )
    both = of_names.join(by_key, on=["form", "key"], how="inner")
    is_whole = F.col("name_is_whole") & (F.col("whole_n") > 0)
    if whole:
        both = both.where(is_whole)
    fit = F.struct(
        F.when(~is_whole, F.col("parts")).alias("parts"),
        F.when(is_whole, F.col("whole_n")).otherwise(F.col("n")).alias("candidates"),
        F.when(is_whole, F.col("whole_first")).otherwise(F.col("first")).alias("first"),
        F.when(is_whole, F.col("whole_last")).otherwise(F.col("last")).alias("last"),
    )
    # The whole path first, then the longest ending; of equal ones the strictest form.
    order = F.struct(~is_whole, F.when(is_whole, F.lit(0)).otherwise(F.lit(0) - F.col("parts")), "form")
    best = both.groupBy("name").agg(F.min_by(fit, order).alias("fit")).select("name", "fit.*")

    def describe(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            alone = row["candidates"] == 1
            yield {
                "name": row["name"],
                "path": row["first"] if alone else None,
                "how": differs_in(row["name"], row["first"]) if alone else None,
                "parts": row["parts"] if alone else None,
                "candidates": row["candidates"] or 0,
                "examples": f"{row['first']} and {row['last']}" if not alone and row["first"] else None,
            }

    return map_rows(names.join(best, on="name", how="left"), describe, MATCH_DDL)


def best_first() -> tuple[Column, Column]:
    """Order of the names of one file; the one that means it best comes first."""
    return F.col("how").isNotNull(), F.coalesce(-F.col("parts"), F.lit(-100))


def matched_findings(resolved: DataFrame, source_file: str, what: str = "Names") -> DataFrame:
    """One finding for each way in which names differ from the files that they were taken to mean.

    Parameters
    ----------
    resolved : DataFrame
        ``name``, ``path`` and ``how``, as :func:`resolve_names` gives them.
    source_file : str
        The file that has the names.
    what : str
        Kind of names, as the first word of the message.
    """
    example = F.concat("name", F.lit(" is "), "path")
    ways = resolved.where("how IS NOT NULL AND path IS NOT NULL").groupBy("how")
    return as_findings(
        ways.agg(F.count("*").alias("n"), examples_of(example).alias("found")),
        source_file=source_file,
        location=F.concat(F.lit("names: "), "how"),
        kind="matched_names",
        message=F.concat(F.lit(f"{what} differ from the files that they were taken to mean, in: "), "how"),
        found=F.col("found"),
        expected="the paths of the files",
        severity="info",
        n=F.col("n"),
    )


def examples_of(text: Column) -> Column:
    """Up to three examples of a group as one text, independent of the order of the rows."""
    three = F.array(F.min(text), F.min_by(text, F.xxhash64(text)), F.max(text))
    return F.substring(F.array_join(F.sort_array(F.array_distinct(F.array_compact(three))), ", "), 1, 300)


def _with_keys(texts: DataFrame, *, is_path: bool) -> DataFrame:
    def read(rows: Iterator[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
        for row in rows:
            for form, parts, is_whole, key in keys(row["text"], is_path=is_path):
                yield {"text": row["text"], "form": form, "parts": parts, "is_whole": is_whole, "key": key}

    return map_rows(texts, read, "text string, form int, parts int, is_whole boolean, key string")


def _look_beside(rows: Iterator[Mapping[str, Any]], beside: str, root: str) -> Iterable[Mapping[str, Any]]:
    for row in rows:
        name = row["name"]
        file, how = row["under"] or row["at"] or _stat(beside, name, root), None
        if file is None and (plain := plain_path(name)) != name:
            file, how = _stat(beside, plain, root), "separators"
        yield {"name": name, "file": file, "how": how if file else None}


def _stat(beside: str, name: str, root: str) -> Mapping[str, Any] | None:
    if is_uri(beside) or not name:
        return None
    path = os.path.normpath(os.path.join(beside, name))
    if not os.path.isfile(path):
        return None
    status = os.stat(path)
    # However it is spelled, a file below SOURCE has one id.
    path_or_name = os.path.relpath(path, root) if path.startswith(f"{root}/") else name
    return {
        "path": path_or_name,
        "uri": path,
        "content_length": status.st_size,
        "modified_us": status.st_mtime_ns // 1000,
    }
