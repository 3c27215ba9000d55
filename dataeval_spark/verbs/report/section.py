"""Sections of the report: their queries, the values shown of the rows, and the layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dataeval_spark.tables.contract import Table
from dataeval_spark.verbs.report.data import Provenance, ReportData, Row
from dataeval_spark.verbs.report.needs import ANALYZE, Need, Untested, untested

Content = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]


@dataclass(frozen=True)
class Query:
    """A query: its SQL, or a function that makes it of the names of existing tables (None: nothing to query).

    It requires the tables of ``needs``, and reads those of ``uses`` where they exist. The rows of the query
    ``after`` are given to the function too. Each text ends in a LIMIT, a rank within a group, or a number of bins.
    ``{images}`` stands for the table ``images``: a DataFrame when the report runs the query, its SQL name when the
    report shows it.
    """

    name: str
    sql: str | Callable[..., str | None]
    needs: tuple[Table, ...] = ()
    uses: tuple[Table, ...] = ()
    after: str | None = None

    def text(self, present: frozenset[str], rows: Rows) -> str | None:
        """SQL, with ``{table}`` for each table; None where a table that it needs does not exist."""
        if not present.issuperset(table.name for table in self.needs):
            return None
        if isinstance(self.sql, str):
            return self.sql
        return self.sql(present) if self.after is None else self.sql(present, rows.get(self.after, ()))


def live(table: str, present: frozenset[str]) -> str:
    """FROM clause over the rows of live images; all rows where there is no table of images."""
    if "images" not in present:
        return f"{{{table}}} AS t"
    return (
        f"{{{table}}} AS t LEFT SEMI JOIN {{images}} AS live\n"
        "    ON t.image_id = live.image_id AND live.deleted_at IS NULL"
    )


class Picture(NamedTuple):
    """An image to show, and the box that a finding is about, or all its boxes."""

    image_id: str
    target_index: int | None = None
    all_boxes: bool = False


def pictures_of(query: str) -> Callable[[Rows], Iterator[Picture]]:
    """A picture for each row of a query."""
    return lambda rows: (Picture(row["image_id"], row["target_index"]) for row in rows.get(query, ()))


@dataclass(frozen=True)
class Section:
    """A section, shown at the place ``order``; without ``tables`` it is always there.

    ``content`` and ``origin`` return the template's values, from the data and from their provenance; a section is left
    out when ``origin`` returns None. ``WORKSPACE`` in ``command``, which fills the tables, stands for the workspace's
    location. A section whose ``tables`` do not exist or whose ``needs`` are not met says so, and nothing else.
    ``otherwise`` is the text when nothing was found, and names what was looked at. ``tests`` says in words what was
    tested; a section without describes and tests nothing. ``pictures`` are made in the order of ``pictures_order``
    until the report has enough.
    """

    order: int
    id: str
    title: str
    intro: str = ""
    tables: tuple[Table, ...] = ()
    command: str = ANALYZE
    needs: tuple[Need, ...] = ()
    queries: tuple[Query, ...] = ()
    content: Callable[[ReportData], Content] | None = None
    origin: Callable[[Provenance], Content | None] | None = None
    template: str = "section.html.j2"
    otherwise: Callable[[ReportData], str] | None = None
    tests: str = ""
    pictures: Callable[[Rows], Iterable[Picture]] | None = None
    pictures_order: int = 0

    def untested(self, data: ReportData) -> Untested | None:
        """What it lacks; None where its tables exist and its needs are met."""
        is_missing = not data.present.issuperset(table.name for table in self.tables)
        return untested(data, self.needs, self.command, is_missing=is_missing)
