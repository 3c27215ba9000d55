"""Ids and flags as sources write them: one reading of 1, "1" and 1.0, and of 0, "0", "false" and false."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WHOLE = re.compile(r"[+-]?[0-9]+(\.0*)?")
_FLAGS = {"1": True, "true": True, "yes": True, "y": True, "0": False, "false": False, "no": False, "n": False}


def id_key(value: Any) -> str | None:
    """One text for all ways to write an id; None where a value is none.

    A whole number is the same id as a number, as text and as a floating-point number; other text is itself, without
    white space around it.

    Examples
    --------
    >>> id_key(1), id_key("1"), id_key(1.0), id_key(" cat ")
    ('1', '1', '1', 'cat')
    >>> id_key(True) is None, id_key(1.5) is None, id_key("") is None
    (True, True, True)
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else None
    if not isinstance(value, str):
        return None
    text = value.strip()
    return str(int(text.partition(".")[0])) if _WHOLE.fullmatch(text) else text or None


def class_number(value: Any) -> int | None:
    """The number of a class from its id; None where a value is text or no id.

    Examples
    --------
    >>> class_number("3"), class_number(3.0), class_number("cat"), class_number(None)
    (3, 3, None, None)
    """
    key = id_key(value)
    return int(key) if key is not None and key.lstrip("-").isdecimal() else None


def flag(value: Any) -> bool | None:
    """A yes or no, however it is written; None where a value is neither.

    Examples
    --------
    >>> flag("0"), flag(0), flag("false"), flag(1.0), flag("yes"), flag("perhaps")
    (False, False, False, True, True, None)
    """
    if isinstance(value, bool):
        return value
    key = id_key(value)
    return None if key is None else _FLAGS.get(key.lower())


class NamesById:
    """Names by id, however an id is written.

    Parameters
    ----------
    names : mapping
        Names by id as the source writes it. An id that stands exactly so comes first, so that "01" and "1" may differ.

    Examples
    --------
    >>> NamesById({1: "cat"}).get(1.0)
    'cat'
    """

    def __init__(self, names: Mapping[Any, Any]) -> None:
        self._exact = {_exact(key): name for key, name in names.items()}
        keys: dict[str, list[Any]] = {}
        for key, name in names.items():
            text = id_key(key)
            if text is not None:
                keys.setdefault(text, []).append(name)
        # An id that may mean two things means none.
        self._by_key = {key: matches[0] for key, matches in keys.items() if len(matches) == 1}

    def get(self, value: Any) -> Any:
        """The name of an id; None where there is none."""
        key = id_key(value)
        if key is None:
            return None
        exact = self._exact.get(_exact(value))
        return self._by_key.get(key) if exact is None else exact

    def __len__(self) -> int:
        return len(self._exact)


def _exact(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value
