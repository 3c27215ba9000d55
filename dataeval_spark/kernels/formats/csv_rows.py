"""Records of CSV text: quoted values over several lines, and records that have too few or too many values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TextIO


class Record(NamedTuple):
    """Values of a record, null where nothing is written and empty where ``""`` is, and its text."""

    values: list[str | None]
    text: str


def csv_records(file: TextIO, separator: str = ",") -> Iterator[Record]:
    """Records of a text file, whose line ends are already translated; empty lines are none.

    A quote within a quoted value is doubled. A value that begins with a quote, but has more behind the closing one, is
    taken as it is written.

    Examples
    --------
    >>> [record.values for record in csv_records(io.StringIO('a,"b, ""c"" d"\\n,""\\n'))]
    [['a', 'b, "c" d'], [None, '']]
    """
    value = re.compile(rf'"((?:[^"]|"")*)"[ ]*(?={separator}|\Z)|([^{separator}]*)')
    for line in file:
        text = line.removesuffix("\n")
        if not text:
            continue
        if '"' not in text:
            yield Record([each or None for each in text.split(separator)], text)
            continue
        while (values := _values(text, value)) is None:
            if (more := _to_next_quote(file)) is None:
                values = _values(f'{text}"', value) or [text]
                break
            text += more
        yield Record(values, text)


def column_names(record: Sequence[str | None]) -> list[str]:
    """Names of columns by a header: one that is not there is ``_c`` and its place, and a place tells equal ones apart.

    Examples
    --------
    >>> column_names(["path", None, "n", "N"])
    ['path', '_c1', 'n2', 'N3']
    """
    lower = [(name or "").lower() for name in record]
    return [
        f"_c{place}" if not name else f"{name}{place}" if lower.count(name.lower()) > 1 else name
        for place, name in enumerate(record)
    ]


def _values(text: str, value: re.Pattern[str]) -> list[str | None] | None:
    """Values of a record; None where its last quote is open."""
    values: list[str | None] = []
    at = 0
    while True:
        found = value.match(text, at)
        assert found is not None  # both forms may be empty
        if found[1] is not None:
            values.append(found[1].replace('""', '"'))
        elif text.startswith('"', at) and text.count('"', at) % 2:
            return None
        else:
            values.append(found[2] or None)
        at = found.end() + 1
        if at > len(text):
            return values


def _to_next_quote(file: TextIO) -> str | None:
    """Lines up to the next one with a quote, which alone may end a value, each with a line end before it."""
    lines = []
    for line in file:
        lines.append(f"\n{line.removesuffix(chr(10))}")
        if '"' in line:
            return "".join(lines)
    return "".join(lines) + '"' if lines else None
