"""Section on the report's provenance: versions of the tables, and the last runs."""

from __future__ import annotations

from dataeval_spark.verbs.report.data import Provenance
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.section import Content, Section
from dataeval_spark.verbs.text import number, shown, time

MAX_RUNS = 40


def origin(provenance: Provenance) -> Content:
    """The last runs; the template takes the rest from the provenance itself."""
    names = ("started_at", "job", "step", "status", "seconds", "rows_written", "code_version", "message", "run_id")
    rows = [{name: run.get(name) for name in names} for run in provenance.runs]
    tone = {"failed": "bad", "died": "bad", "cancelled": "warn", "done": "ok"}
    columns = (
        Column("Started (UTC)", "started_at", time, "when"),
        Column("Job", "job"),
        Column("Step", "step"),
        Column("Status", "status", style=lambda row: f"pill {tone.get(row['status'], 'calm')}"),
        Column("Seconds", "seconds", number),
        Column("Rows written", "rows_written", number),
        Column("Message", "message", most=80),
        Column("Version", "code_version", most=20),
        Column("Run", "run_id", style="when", most=14),
    )
    note = shown(len(rows[:MAX_RUNS]), len(rows))
    return {"runs": listing(rows[:MAX_RUNS], columns, caption="Runs", note=note) if rows else None}


SECTION = Section(
    170,
    "provenance",
    "Where this report comes from",
    intro="Versions of the tables that were read, and the last runs.",
    origin=origin,
    template="sections/provenance.html.j2",
)
