"""The path that was probably meant where there is nothing at one."""

from __future__ import annotations

import os
from difflib import get_close_matches
from itertools import islice

MAX_ENTRIES = 10_000
"""Most entries of a folder that are compared."""


def hint_for(path: str, otherwise: str) -> str:
    """Text of a hint for a path of this machine where there is nothing: the nearest path, or another text.

    Examples
    --------
    >>> hint_for("/nothing/like/this", "name a folder that exists")
    'name a folder that exists'
    """
    near = near_path(path)
    return otherwise if near is None else f"did you mean {near!r}?"


def near_path(path: str) -> str | None:
    """The path that is there and differs in one name, the first that is missing; None where no name is like it."""
    names = os.path.normpath(path).split(os.sep)
    for end in range(1, len(names) + 1):
        found, missing = os.sep.join(names[: end - 1]), names[end - 1]
        if os.path.exists(os.sep.join(names[:end]) or os.sep):
            continue
        close = _near_name(missing, found or (os.sep if os.path.isabs(path) else os.curdir))
        whole = None if close is None else os.sep.join([*names[: end - 1], close, *names[end:]])
        return whole if whole is not None and os.path.exists(whole) else None
    return None


def _near_name(name: str, folder: str) -> str | None:
    try:
        with os.scandir(folder) as found:
            entries = [entry.name for entry in islice(found, MAX_ENTRIES)]
    except OSError:
        return None
    by_lower = {entry.lower(): entry for entry in sorted(entries)}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.7)
    return by_lower[close[0]] if close else None
