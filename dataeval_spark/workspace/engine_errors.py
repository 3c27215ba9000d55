"""What to do about the errors of Spark and Delta."""

from __future__ import annotations

import re

from pyspark.errors import PySparkException

from dataeval_spark.session import jars

RIGHTS = "USE CATALOG, USE SCHEMA, CREATE TABLE, SELECT and MODIFY (and CREATE SCHEMA where it does not exist)"


def is_of_engine(error: BaseException) -> bool:
    """Whether an error is Spark's: PySpark's own, or one of the JVM that PySpark does not know."""
    return isinstance(error, PySparkException) or type(error).__module__.startswith("py4j.")


def first_line(error: BaseException) -> str:
    """What an engine's error says first, without the stack that follows."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    # An error of the JVM that PySpark does not know begins with which object was called.
    is_call = lines[0].startswith("An error occurred while calling") and len(lines) > 1
    return (lines[1].removeprefix(": ") if is_call else lines[0])[:500]


def hint_for(message: str, catalog: str | None) -> str:
    """What to do about an engine's error; ``catalog`` is the schema's name where the workspace is one."""
    if re.search(r"PERMISSION|INSUFFICIENT|ACCESS_DENIED|Permission denied|not have", message):
        return f"GRANT the rights {RIGHTS} on {catalog} to this user." if catalog else "name a directory you may write."
    if re.search("Failed to find data source: delta|DeltaCatalog|DATA_SOURCE_NOT_FOUND", message):
        return f"this Spark session has no Delta: spark-submit --packages {jars.coordinates()} ..."
    if re.search(r"No FileSystem for scheme|UnsupportedFileSystem|ClassNotFoundException.*FileSystem", message):
        return (
            "Spark reads and writes tables by Hadoop's file systems: add the one of this scheme, such as "
            "spark-submit --packages org.apache.hadoop:hadoop-aws:VERSION and s3a:// URIs; or name a local directory."
        )
    return "run again with --verbose to see the whole error."
