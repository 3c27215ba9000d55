"""Section on the demo: the faults that were planted, and those that were found."""

from __future__ import annotations

from dataeval_spark.verbs.report.data import Provenance
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.section import Content, Section
from dataeval_spark.verbs.text import listed, number, words


def demo(provenance: Provenance) -> Content | None:
    """The report card; None if the report is not of the demo."""
    if provenance.demo_scores is None:
        return None
    names = ("kind", "planted", "hits", "missed", "extra", "status")
    rows = [{name: getattr(score, name) for name in names} for score in provenance.demo_scores]
    for row, score in zip(rows, provenance.demo_scores, strict=True):
        row["paths"] = listed(getattr(score, "missed_paths", None) or (), 5) or None
    columns = (
        Column("Kind", "kind", words),
        Column("Planted", "planted", number),
        Column("Found", "hits", number),
        Column("Missed", "missed", number, lambda row: "num bad" if row["missed"] else "num"),
        Column("Extra", "extra", number),
        Column("Status", "status", style=lambda row: f"pill {'warn' if row['missed'] else 'ok'}"),
        Column("Missed files", "paths", most=120, style="code"),
    )
    return {"table": listing(rows, columns, caption="Planted and found faults")}


SECTION = Section(
    30,
    "demo",
    "Planted and found",
    intro=(
        "The demo plants faults into good data; the table shows how many of each kind the analyses found. Some faults "
        "are weak on purpose, and are expected to be missed: they show the limits of the rules."
    ),
    origin=demo,
    template="sections/demo.html.j2",
)
