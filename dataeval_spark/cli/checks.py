"""Checks of a command before an engine starts: places on this machine, and steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from dataeval_spark.errors import ConfigError, IngestError, OptionError
from dataeval_spark.kernels.storage.near_paths import hint_for
from dataeval_spark.kernels.storage.uris import local_path


def require_source(source: str, format: str | None, *, may_be_empty: bool = False) -> None:
    """Refuse a source that is not there, or an empty folder; a table may be where only the engine finds it.

    Raises
    ------
    IngestError
        There is nothing at the path.
    """
    path = local_path(source)
    if path is None or format == "table":
        return
    try:
        is_empty = os.path.isdir(path) and not any(os.scandir(path))
        os.stat(path)
    except OSError as error:
        raise IngestError(
            f"SOURCE {source} cannot be listed: {error.strerror}.\n"
            f"Hint: {hint_for(path, 'name a folder or file that exists.')}"
        ) from None
    if is_empty and not may_be_empty:
        raise IngestError(
            f"SOURCE {source} is an empty folder, so it has no images.\n"
            "Hint: name a folder with images, or --allow-empty to remove all images of its dataset"
        )


def require_files(options: Mapping[str, str | None]) -> None:
    """Refuse files that are not there, by the flag that names each.

    Raises
    ------
    IngestError
        There is nothing at a path.
    """
    for flag, name in options.items():
        path = None if name is None else local_path(name)
        if path is not None and not os.path.exists(path):
            hint = hint_for(path, f"{flag} FILE")
            raise IngestError(f"{flag} {name} cannot be read: No such file or directory.\nHint: {hint}")


def require_query(query: str) -> None:
    """Refuse the path of a file for a search that is no image and no vector.

    Raises
    ------
    OptionError
        It is a folder.
    """
    path = local_path(query)
    if path is not None and os.path.isdir(path):
        raise OptionError(f"search.query is {query!r}, a folder.\nHint: name an image or a .npy file")


def require_steps(steps: Sequence[str], allowed: Sequence[str]) -> None:
    """Refuse steps that there are not, with the nearest name.

    Raises
    ------
    ConfigError
        There is no such step.
    """
    for step in steps:
        if step not in allowed:
            raise ConfigError.unknown("step", step, allowed, "steps")
