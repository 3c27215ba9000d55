"""What to do about the errors of Spark and Delta."""

from __future__ import annotations

import re

from dataeval_spark import jars

RIGHTS = "USE CATALOG, USE SCHEMA, CREATE TABLE, SELECT and MODIFY (and CREATE SCHEMA where it does not exist)"


def hint_for(message: str, catalog: str | None) -> str:
    """What to do about an engine's error; ``catalog`` is the schema's name where the workspace is one."""
    if re.search(r"PERMISSION|INSUFFICIENT|ACCESS_DENIED|Permission denied|not have", message):
        return f"GRANT the rights {RIGHTS} on {catalog} to this user." if catalog else "name a directory you may write."
    if re.search("Failed to find data source: delta|DeltaCatalog|DATA_SOURCE_NOT_FOUND", message):
        return f"this Spark session has no Delta: spark-submit --packages {jars.coordinates()} ..."
    return "run again with --verbose to see the whole error."
