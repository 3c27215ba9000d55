"""Tables of a report: rows become cells that are short on the page and whole in their tooltip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dataeval_spark.verbs.report.data import Row
from dataeval_spark.verbs.text import clean, number, share, shorten, size

NUMBERS = (number, share, size)
TONES = {"error": "bad", "warning": "warn", "info": "calm"}


@dataclass(frozen=True)
class Cell:
    """Text of a cell, the whole text when it was shortened, and its style (``num``, ``code``, a tone, a bar)."""

    text: str
    whole: str = ""
    style: str = ""
    bar: float | None = None


@dataclass(frozen=True)
class Column:
    """How a column is headed and its value is shown; ``style``, for numbers ``num``, may depend on the row."""

    title: str
    name: str
    show: Callable[[Any], str] | None = None
    style: str | Callable[[Row], str] = ""
    most: int = 60
    bar: bool = False


@dataclass(frozen=True)
class Listing:
    """A table: titles with their style, rows of cells, and a line such as ``12 of 340 shown``."""

    titles: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str
    note: str = ""


def listing(rows: Iterable[Row], columns: Sequence[Column], *, caption: str, note: str = "") -> Listing:
    """A `Listing` of rows; ``caption`` is read out by screen readers."""
    titles = tuple((column.title, _style_of(column)) for column in columns)
    return Listing(titles, tuple(tuple(_cell(row, column) for column in columns) for row in rows), caption, note)


def _style_of(column: Column) -> str:
    return "num" if column.show in NUMBERS else ""


def _cell(row: Row, column: Column) -> Cell:
    value = row[column.name]
    style = column.style(row) if callable(column.style) else column.style or _style_of(column)
    bar = float(value) if column.bar and value is not None else None
    if column.show is not None:
        return Cell(column.show(value), style=style, bar=bar)
    if value is None:
        return Cell("–", style=style)
    whole = clean(value)
    text = shorten(value, column.most)
    return Cell(text, whole if whole != text else "", style, bar)
