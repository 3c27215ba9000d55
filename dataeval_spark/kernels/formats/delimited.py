"""Rows of CSV and TSV files in any encoding: texts in batches of columns, and lines that are not whole as written."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa

from dataeval_spark.kernels.formats.text import open_text

BROKEN = "_corrupt_record"
"""Column with the text of a row that is not whole; null of the others."""
POSITION = "_position"
"""Column with the number of a row in its file, from 0."""
EXTRA = (BROKEN, POSITION)
ROWS_PER_BATCH = 4096
CHARACTERS_PER_BATCH = 4 * 2**20
# Characters of a broken row that are kept: it may be the rest of a file, after a quotation mark that nothing closes.
CHARACTERS_KEPT = 1000
# The longest field that the module csv takes; its own bound is 131,072 characters.
LONGEST_FIELD = 2**31 - 1


def column_names(uri: str, *, encoding: str | None, delimiter: str) -> list[str]:
    """Names of the columns, from the first line that is not blank; empty for a file without one.

    Parameters
    ----------
    uri : str
        File or object.
    encoding : str or None
        Encoding of the text; None for UTF-8.
    delimiter : str
        Character between two values.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    return safe_names(next((values for values, _ in _records(uri, encoding, delimiter)), []))


def safe_names(names: Sequence[str]) -> list[str]:
    """Names that differ from one another, and from those of `EXTRA`, also for a reader that ignores case.

    Names that stand there twice get their place appended; an empty name is ``_c`` and its place.

    Examples
    --------
    >>> safe_names(["path", "", "Score", "score"])
    ['path', '_c1', 'Score2', 'score3']
    """
    count = Counter(name.lower() for name in (*names, *EXTRA))
    taken = set(count)
    safe = []
    for place, name in enumerate(names):
        if not name or count[name.lower()] > 1:
            name = f"{name or '_c'}{place}"
            while name.lower() in taken:
                name = f"{name}_"
            taken.add(name.lower())
        safe.append(name)
    return safe


def text_batches(uri: str, names: Sequence[str], *, encoding: str | None, delimiter: str) -> Iterator[pa.RecordBatch]:
    """Rows after the line of names, in the columns ``names``, `BROKEN` and `POSITION`.

    Values are texts as they are written; an empty one is null. A row with too few or too many values keeps those that
    have a column and is broken. Lines without a value are no rows. Values may hold line breaks within quotation marks,
    which are read as ``\\n``.

    Parameters
    ----------
    uri : str
        File or object.
    names : sequence of str
        Columns: see `column_names`.
    encoding : str or None
        Encoding of the text; None for UTF-8. Bytes that do not fit become U+FFFD.
    delimiter : str
        Character between two values.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    records = _records(uri, encoding, delimiter)
    next(records, None)
    width = len(names)
    rows: list[Sequence[str]] = []
    broken: dict[int, str] = {}
    position = size = 0
    for values, lines in records:
        if len(values) != width:
            text = "".join(lines)
            if width > 1 and not text.strip():
                continue
            broken[len(rows)] = text[:CHARACTERS_KEPT].rstrip("\n")
            values = [*values, *[""] * width][:width]
        rows.append(values)
        size += sum(map(len, lines))
        if len(rows) >= ROWS_PER_BATCH or size >= CHARACTERS_PER_BATCH:
            yield _batch(rows, names, broken, position)
            position += len(rows)
            rows, broken, size = [], {}, 0
    if rows:
        yield _batch(rows, names, broken, position)


def _records(uri: str, encoding: str | None, delimiter: str) -> Iterator[tuple[list[str], list[str]]]:
    """Values of each record that is not an empty line, and the lines that it was read from."""
    csv.field_size_limit(LONGEST_FIELD)
    taken: list[str] = []

    def noted(lines: Iterable[str]) -> Iterator[str]:
        for line in lines:
            taken.append(line)
            yield line

    with open_text(uri, encoding) as text:
        for values in csv.reader(noted(text), delimiter=delimiter):
            if values:
                yield values, taken
            taken.clear()


def _batch(
    rows: Sequence[Sequence[str]], names: Sequence[str], broken: dict[int, str], position: int
) -> pa.RecordBatch:
    columns = [pa.array([value or None for value in column], pa.string()) for column in zip(*rows, strict=True)]
    texts = pa.array([broken.get(row) for row in range(len(rows))], pa.string())
    positions = pa.array(range(position, position + len(rows)), pa.int64())
    return pa.RecordBatch.from_arrays([*columns, texts, positions], names=[*names, *EXTRA])
