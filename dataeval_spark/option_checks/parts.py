"""Parts of a workspace that are compared: whether each names something, and not all the same."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from dataeval_spark.errors import OptionError

PART_KINDS = ("dataset", "split", "assigned")
FORMS = "dataset=NAME, split=NAME, assigned=SPLIT/PART or the name of a snapshot"


def require_parts(parts: Mapping[str, str]) -> None:
    """Refuse parts of a comparison of an unknown kind, such as ``datset=a``, without a name, or twice the same.

    Raises
    ------
    OptionError
        The word before the equals sign is no kind of part, nothing comes after it, or all sides are one part.
    """
    for side, part in parts.items():
        kind, equals, name = part.partition("=")
        if equals and kind not in PART_KINDS:
            near = (get_close_matches(kind, PART_KINDS, n=1) or PART_KINDS)[0]
            raise OptionError(
                f"compare.{side} is {part!r}; expected {FORMS}.\nHint: did you mean {f'{near}={name}'!r}?"
            )
        if not (name if equals else part).strip():
            raise OptionError(f"compare.{side} is {part!r}, which names nothing.\nHint: --{side} {FORMS}")
    if len(parts) > 1 and len(set(parts.values())) == 1:
        sides = " and ".join(f"compare.{side}" for side in parts)
        raise OptionError(
            f"{sides} are both {part!r}: no part differs from itself.\n"
            "Hint: name another part for one side, such as --reference split=train --current split=test"
        )
