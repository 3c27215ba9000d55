"""The report's provenance: the last runs, with their outcome as a colour."""

from __future__ import annotations

from dataeval_spark.verbs.report.sections.provenance import MAX_RUNS, origin
from tests.verbs.report.literals import WHEN, provenance


def run(status: str) -> dict[str, object]:
    return {"started_at": WHEN, "job": "analyze", "status": status, "seconds": 1.5, "run_id": "r"}


def test_each_outcome_has_its_colour_and_what_a_run_lacks_is_a_dash() -> None:
    statuses = ("done", "failed", "died", "cancelled", "running")

    table = origin(provenance(runs=[run(status) for status in statuses]))["runs"]

    assert [row[3].style for row in table.rows] == ["pill ok", "pill bad", "pill bad", "pill warn", "pill calm"]
    assert [cell.text for cell in table.rows[0]] == [
        *("2024-06-02 12:30:00", "analyze", "–", "done", "1.5", "–", "–", "–", "r"),
    ]


def test_no_more_than_the_last_runs_are_shown_and_their_number_is_told() -> None:
    table = origin(provenance(runs=[run("done")] * (MAX_RUNS + 2)))["runs"]

    assert (len(table.rows), table.note) == (MAX_RUNS, f"{MAX_RUNS} of {MAX_RUNS + 2} shown")


def test_without_runs_there_is_no_table() -> None:
    assert origin(provenance()) == {"runs": None}
