"""Flags of the command line, derived from the options that a verb declares."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, get_origin, get_type_hints

from dataeval_spark.option_checks.types import choices, kinds


def add_flags(parser: argparse._ActionsContainer, kind: type, *, without: Sequence[str] = ()) -> None:
    """Add a flag for each option that has one; the parsed result has only the options on the command line.

    Parameters
    ----------
    parser : ArgumentParser or a group of one
        Parser of the verb.
    kind : type
        Dataclass of :mod:`dataeval_spark.options`.
    without : sequence of str
        Options whose flags the parser has already.
    """
    hints = get_type_hints(kind)
    for field in fields(kind):
        if field.metadata["has_flag"] and field.name not in without:
            text = f"{description(field, hints[field.name])}{_default_text(field)}".replace("%", "%%")
            arguments = {"default": argparse.SUPPRESS, "help": text, **_form(field, hints[field.name])}
            parser.add_argument(flag(field.name), dest=field.name, **arguments)


def flags_of(args: argparse.Namespace, kind: type) -> dict[str, Any]:
    """Options of a verb that the command line names."""
    hints = get_type_hints(kind)
    values = {field.name: getattr(args, field.name) for field in fields(kind) if hasattr(args, field.name)}
    return {name: dict(value) if _is_mapping(hints[name]) else value for name, value in values.items()}


def flag(name: str) -> str:
    """The flag of an option.

    Examples
    --------
    >>> flag("keep_bytes"), flag("k")
    ('--keep-bytes', '-k')
    """
    return f"-{name}" if len(name) == 1 else f"--{name.replace('_', '-')}"


def description(field: Field[Any], hint: Any) -> str:
    """Text of an option, with its possible values."""
    allowed = choices(hint)
    return str(field.metadata["text"]) + (f" One of {', '.join(allowed)}." if allowed else "")


def _default_text(field: Field[Any]) -> str:
    default = field.default
    if default is None or default == () or default == "" or default is False:
        return ""
    shown = "yes" if default is True else " ".join(default) if isinstance(default, tuple) else default
    return f" Default: {shown}."


def _form(field: Field[Any], hint: Any) -> dict[str, Any]:
    """Arguments of ``add_argument`` for the values of an option."""
    types, metavar = kinds(hint), field.metadata["metavar"]
    if bool in types:
        return {"action": argparse.BooleanOptionalAction if field.default else "store_true"}
    if _is_mapping(hint):
        return {"nargs": "+", "type": _share, "metavar": metavar}
    if types[0] in (int, float):
        return {"type": types[0], "metavar": metavar or "N"}
    if str in types or choices(hint):
        return {"metavar": metavar or field.name.upper().replace("_", "-")}
    # A list with a default can be made empty.
    return {"nargs": "*" if field.default else "+", "metavar": metavar}


def _is_mapping(hint: Any) -> bool:
    return any(get_origin(kind) is Mapping for kind in kinds(hint))


def _share(text: str) -> tuple[str, float]:
    part, _, share = text.partition("=")
    try:
        if part:
            return part, float(share)
    except ValueError:
        pass
    raise argparse.ArgumentTypeError(f"{text}: expected PART=SHARE, such as train=0.7.")
