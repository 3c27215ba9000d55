"""The demo's section: there for the demo alone, with the files that were missed."""

from __future__ import annotations

from types import SimpleNamespace

from dataeval_spark.verbs.report import render_report
from dataeval_spark.verbs.report.sections.demo import demo
from tests.verbs.report.literals import full_data, full_provenance, provenance


def test_planted_faults_are_compared_with_what_was_found() -> None:
    assert "Planted and found" in render_report(full_data(), full_provenance())
    assert "Planted and found" not in render_report(full_data(), provenance())


def test_a_fault_that_was_missed_is_marked_and_its_files_are_named() -> None:
    missed = SimpleNamespace(
        kind="resized_copy", planted=3, hits=1, missed=2, extra=0, status="analysed", missed_paths=("a.jpg", "b.jpg")
    )
    found = SimpleNamespace(kind="dark", planted=2, hits=2, missed=0, extra=1, status="analysed")

    content = demo(provenance(demo_scores=[missed, found]))

    rows = [[(cell.text, cell.style) for cell in row] for row in content["table"].rows]
    assert [text for text, _ in rows[0]] == ["resized copy", "3", "1", "2", "0", "analysed", "a.jpg and b.jpg"]
    assert (rows[0][3][1], rows[0][5][1]) == ("num bad", "pill warn")
    assert (rows[1][3][1], rows[1][5][1], rows[1][6][0]) == ("num", "pill ok", "–")
