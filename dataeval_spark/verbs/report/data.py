"""Data of a report: plain values, so that a page can be rendered (and tested) without Spark."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from dataeval_spark.kernels.images.thumbnails import Thumbnail

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Box:
    """A labelled box in pixels of the upright image."""

    target_index: int
    label: str | None
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True)
class ReportData:
    """Everything a report shows.

    Attributes
    ----------
    present : frozenset of str
        Names of the tables that exist.
    rows : mapping
        Rows of each query of `dataeval_spark.verbs.report.sections`; all are bounded.
    sql : mapping
        SQL of each query, with ``{table}`` for the name of a table and ``{{`` for a brace.
    thumbnails, boxes : mapping
        Pictures and boxes by image id.
    crops : mapping
        Pictures of the parts around single boxes, by image id and target.
    """

    present: frozenset[str] = frozenset()
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    sql: Mapping[str, str] = field(default_factory=dict)
    thumbnails: Mapping[str, Thumbnail] = field(default_factory=dict)
    boxes: Mapping[str, Sequence[Box]] = field(default_factory=dict)
    crops: Mapping[tuple[str, int], Thumbnail] = field(default_factory=dict)

    def counts(self, measure: str) -> dict[str, int]:
        """Numbers of a measure of the overview, by item in alphabetical order."""
        overview = (row for row in self.rows.get("overview", ()) if row["measure"] == measure)
        return dict(sorted((row["item"], int(row["value"])) for row in overview))

    def count(self, measure: str) -> int:
        """Sum of a measure of the overview; 0 when nothing was counted."""
        return sum(self.counts(measure).values())

    def rows_of(self, query: str) -> Sequence[Row]:
        """Rows of a query; none when its tables do not exist."""
        return self.rows.get(query, ())

    def groups_of(self, query: str, *columns: str) -> list[list[Row]]:
        """Rows of a query in groups: those that follow one another with equal values in the columns."""
        return [list(rows) for _, rows in groupby(self.rows_of(query), key=itemgetter(*columns))]


@dataclass(frozen=True)
class Provenance:
    """Provenance of a report: workspace, versions and runs.

    Attributes
    ----------
    workspace : str
        Location of the workspace.
    snapshot : str or None
        Name of the snapshot; None for the newest versions.
    generated_at : datetime
        Time of the report.
    code_version : str
        Version of dataeval_spark.
    table_versions : mapping
        Delta version of each table read.
    sql_name : callable
        SQL name of a table, such as ``delta.`/data/workspace/images```.
    runs : sequence of mappings
        Rows of the table ``runs``, newest first.
    demo_scores : sequence or None
        Objects with kind, planted, hits, missed, extra, status and missed_paths: the demo's report card.
    """

    workspace: str
    snapshot: str | None
    generated_at: datetime
    code_version: str
    table_versions: Mapping[str, int] = field(default_factory=dict)
    sql_name: Callable[[str], str] = str
    runs: Sequence[Mapping[str, Any]] = ()
    demo_scores: Sequence[Any] | None = None
