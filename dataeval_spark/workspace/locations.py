"""Locations: catalog schemas, directories and URIs, and their names in SQL."""

from __future__ import annotations

import logging
import os
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


def can_open(path: str) -> bool:
    """Whether delta-rs finds a directory: it takes #, ? and %20 in a name for parts of a URI."""
    return re.search(r"[#?]|%[0-9A-Fa-f]{2}", path) is None


def is_directory_here(location: str) -> bool:
    """Whether a workspace is a directory of this machine that delta-rs can open."""
    return not is_catalog_name(location) and is_local(location) and can_open(absolute(location))


def unwritable(location: str) -> str | None:
    """Why an existing directory of this machine cannot be written; None where it can, or is somewhere else."""
    if is_catalog_name(location) or not is_local(location):
        return None
    folder = local_path(location)
    if not folder.is_dir() or os.access(folder, os.W_OK):
        return None
    if os.statvfs(folder).f_flag & os.ST_RDONLY:
        return "the workspace is on a disk that is read-only"
    return "this user may not write the workspace"


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
