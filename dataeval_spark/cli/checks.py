"""Checks of a command before an engine starts: places on this machine, steps and parts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from dataeval_spark.errors import ConfigError, IngestError, OptionError
from dataeval_spark.kernels.storage.near_paths import hint_for
from dataeval_spark.kernels.storage.uris import local_path

PART_KINDS = ("dataset", "split", "assigned")


def require_source(source: str, format: str | None) -> None:
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
    if is_empty:
        raise IngestError(f"SOURCE {source} is an empty folder, so it has no images.\nHint: name a folder with images.")


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


def require_parts(parts: Mapping[str, str]) -> None:
    """Refuse parts of a comparison of a kind that there is not, such as ``datset=a``.

    Raises
    ------
    OptionError
        The word before the equals sign is no kind of part.
    """
    for side, part in parts.items():
        kind, equals, name = part.partition("=")
        if equals and kind not in PART_KINDS:
            near = (get_close_matches(kind, PART_KINDS, n=1) or PART_KINDS)[0]
            raise OptionError(
                f"compare.{side} is {part!r}; expected dataset=NAME, split=NAME, assigned=SPLIT/PART or the name of a "
                f"snapshot.\nHint: did you mean {f'{near}={name}'!r}?"
            )
