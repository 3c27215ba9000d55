"""Types of options: whether a value fits the type hint of its option, and the hint in words."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

SCALARS: dict[type, tuple[tuple[type, ...], str]] = {
    str: ((str, os.PathLike), "a text"),
    bool: ((bool,), "true or false"),
    int: ((Integral,), "a whole number"),
    float: ((Real,), "a number"),
}
ITEMS = {str: "texts", int: "whole numbers", float: "numbers"}


def kinds(hint: Any) -> tuple[Any, ...]:
    """Types that a type hint allows, without None.

    Examples
    --------
    >>> kinds(int | None)
    (<class 'int'>,)
    """
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return tuple(each for each in alternatives if each is not type(None))


def choices(hint: Any) -> tuple[str, ...]:
    """Values of a ``Literal`` in a type hint; empty where it has none.

    Examples
    --------
    >>> choices(Literal["xywh", "xyxy"] | None)
    ('xywh', 'xyxy')
    """
    return tuple(value for kind in kinds(hint) if get_origin(kind) is Literal for value in get_args(kind))


def expected(value: Any, hint: Any) -> str | None:
    """Type that an option expects, in words; None where the value fits, or where it is not given.

    Examples
    --------
    >>> expected(["a"], Sequence[float] | None), expected([1, 2.5], Sequence[float] | None)
    ('a list of numbers', None)
    """
    allowed = kinds(hint)
    if value is None or any(_fits(value, kind) for kind in allowed):
        return None
    return " or ".join(dict.fromkeys(map(_in_words, allowed)))


def _fits(value: Any, kind: Any) -> bool:
    if kind in SCALARS:
        return isinstance(value, SCALARS[kind][0]) and (kind is bool or not isinstance(value, bool))
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:  # which of the choices it is has an error of its own
        return isinstance(value, str)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(expected(each, arguments[1]) is None for each in value.values())
    if origin is Sequence or kind is tuple:
        is_list = isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping)
        return is_list and (not arguments or all(expected(each, arguments[0]) is None for each in value))
    return not isinstance(kind, type) or isinstance(value, kind)


def _in_words(kind: Any) -> str:
    if kind in SCALARS:
        return SCALARS[kind][1]
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in (Mapping, Sequence) or kind is tuple:
        items = ITEMS.get(arguments[-1]) if arguments else None
        return f"{'a table' if origin is Mapping else 'a list'}{f' of {items}' if items else ''}"
    return str(getattr(kind, "__name__", kind))
