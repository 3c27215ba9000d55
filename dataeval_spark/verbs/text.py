"""Texts of values for readers. Names, paths and messages come from strangers' files: they are made harmless here.

Escaping is not done here but by the template (HTML) and by the XML writer (charts).
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Any

# Joiners shape letters and emoji; every other invisible character could hide or reorder text.
JOINERS = "\u200c\u200d"
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
MAX_MARKS = 4


def clean(value: Any, *, lines: bool = False) -> str:
    """Text without control, bidirectional, private and surrogate characters, nor towers of combining marks.

    White space becomes a blank; with ``lines`` the ends of lines stay.
    """
    text = str(value)
    if text.isascii() and text.isprintable():  # nearly always; a picture in base64 is long
        return text
    out: list[str] = []
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category == "Mn" else 0
        if lines and character == "\n":
            out.append(character)
        elif character in "\t\n\r":
            out.append(" ")
        elif category in INVISIBLE and character not in JOINERS:
            out.append("\ufffd")
        elif marks <= MAX_MARKS:
            out.append(character)
    return "".join(out)


def shorten(value: Any, most: int = 80) -> str:
    """At most ``most`` characters; the middle is left out, since paths differ at both ends."""
    text = clean(value)
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}…{text[len(text) - tail :]}"


def number(value: Any) -> str:
    """A number with the digits that matter: ``1,234``, ``0.0123``, ``1.2e-09``; a dash when there is none."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    value = float(value)
    if not math.isfinite(value):
        return {True: "∞", False: "−∞"}[value > 0] if math.isinf(value) else "not a number"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1e15 or abs(value) < 1e-4:
        return f"{value:.1e}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" if abs(value) < 100 else f"{value:.1f}"


def size(value: int | float | None) -> str:
    """A number of bytes: ``12.3 kB``."""
    if value is None:
        return "–"
    amount = float(value)
    for unit in ("bytes", "kB", "MB", "GB"):
        if abs(amount) < 1000:
            return f"{amount:.0f} bytes" if unit == "bytes" else f"{amount:.3g} {unit}"
        amount /= 1000
    return f"{amount:.3g} TB"


def share(value: float | None) -> str:
    """A share as a percentage: ``12.3 %``."""
    return "–" if value is None else f"{100 * value:.1f} %"


def time(value: datetime | None) -> str:
    return "–" if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def plural(count: int, one: str, many: str | None = None) -> str:
    """``1 image``, ``1,200 images``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def shown(count: int, total: int, what: str = "") -> str:
    """``12 of 340 groups shown``, or ``all 12 groups shown``; nothing when there is nothing."""
    if not total:
        return ""
    many = what and f" {what}"
    return f"{count:,} of {max(count, total):,}{many} shown"


def words(name: str) -> str:
    """A name of the contracts in words: ``odd_size`` is ``odd size``."""
    return shorten(name, 60).replace("_", " ")


def listed(items: Iterable[Any], most: int = 3) -> str:
    """``a, b and 4 more``."""
    names = [shorten(item, 40) for item in items]
    rest = len(names) - most
    if rest > 0:
        return f"{', '.join(names[:most])} and {rest} more"
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def slug(text: str) -> str:
    """A text as part of an id."""
    return re.sub(r"[^a-z0-9_-]+", "-", text.lower())
