"""The demo finds what it planted, and says what it missed."""

from __future__ import annotations

from dataeval_spark.audit import Audit
from dataeval_spark.demo.demo import run_demo


def test_the_demo_reports_planted_and_found_and_ends_with_the_path_of_the_report(spark, tmp_path):
    lines: list[str] = []
    workspace = str(tmp_path / "demo" / "workspace")

    report = run_demo(
        lambda: Audit(workspace, spark, echo=lines.append),
        workspace,
        count=100,
        echo=lambda text: lines.extend(text.splitlines()),
    )

    scores = {words[0]: words[1:5] for line in lines if len(words := line.split()) >= 5}
    assert scores["exact_copy"][0] == scores["exact_copy"][1] != "0"
    assert scores["bad_annotation"][2:4] == ["0", "0"]
    assert scores["unplanted_duplicate"] == ["0", "0", "0", "0"]
    assert scores["shifted_brightness"][:2] == ["1", "1"]
    planted, found, missed, _ = map(int, scores["swapped_label"])
    assert planted == found > 0 == missed
    assert lines[-1] == f"Report: {tmp_path / 'demo' / 'report.html'}"
    assert "swapped label" in report.path.read_text()


def test_the_demo_runs_on_a_folder_of_the_users_own(spark, photos, tmp_path):
    lines: list[str] = []
    workspace = str(tmp_path / "own" / "workspace")

    run_demo(lambda: Audit(workspace, spark, echo=lines.append), workspace, images=str(photos), echo=lines.append)

    assert "6 images, 5 of them measured." in lines
    assert lines[-1] == f"Report: {tmp_path / 'own' / 'report.html'}"
