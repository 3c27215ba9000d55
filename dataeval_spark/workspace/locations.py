"""Locations: catalog schemas, directories and URIs, and their names in SQL."""

from __future__ import annotations

import logging
import re
import shutil
from pathlib import Path

from dataeval_spark.kernels.storage.uris import is_uri, without_credentials
from dataeval_spark.kernels.storage.writing import clear
from dataeval_spark.tables.contract import identifier

logger = logging.getLogger("dataeval_spark")


def is_catalog_name(location: str) -> bool:
    """Whether a location is ``catalog.schema``: exactly one dot and no slash."""
    return location.count(".") == 1 and not re.search(r"[/\\:]", location) and not location.startswith(".")


def absolute(location: str) -> str:
    """A directory as an absolute path; a URI stays as it is."""
    if location.startswith("file:"):
        return str(local_path(location))
    return location.rstrip("/") if is_uri(location) else str(Path(location).expanduser().absolute())


def is_local(location: str) -> bool:
    return not is_uri(location) or location.startswith("file:")


def local_path(location: str) -> Path:
    return Path(re.sub(r"^file:(//)?", "", location))


def quoted(name: str) -> str:
    """A dotted name as SQL takes it."""
    return ".".join(identifier(part) for part in name.split("."))


def remove_directory(location: str) -> None:
    """Remove a directory with all in it, local or in an object storage.

    A failure is only logged: the results are written by then.
    """
    if is_local(location):
        shutil.rmtree(local_path(location), ignore_errors=True)
        return
    try:
        clear(location)
    except OSError as error:
        logger.warning("temporary files in %s could not be removed: %s", location, without_credentials(str(error)))
