"""What the verbs of the command line share."""

from __future__ import annotations

import argparse
import time

from dataeval_spark.cli import verbs
from dataeval_spark.cli.main import main
from dataeval_spark.session import progress
from dataeval_spark.workspace.snapshots import TableDiff
from dataeval_spark.workspace.workspace import Workspace
from tests.workspace.test_liveness import other_run


def test_a_difference_of_snapshots_shows_the_tables_that_differ_and_counts_the_others():
    found = [TableDiff("images", 0, 1, 3, 4, 1, 0, 0), TableDiff("targets", 2, 2, 5, 5, 0, 0, 0)]

    lines = list(verbs._differences(found, "before", "after"))

    assert [line.split() for line in lines] == [
        ["table", "before", "after", "added", "removed", "changed"],
        ["images", "3", "rows", "4", "rows", "1", "0", "0"],
        ["1", "table", "is", "the", "same", "in", "both"],
    ]
    assert list(verbs._differences(found[1:], "a", "b")) == ["1 table is the same in both"]


def test_an_engine_that_starts_slowly_is_said_to_start(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr("dataeval_spark.audit.Audit", lambda *args, **options: time.sleep(0.5))
    places = {"workspace": "w", "scratch": None, "table_location": None}
    args = argparse.Namespace(verb="ingest", engine=None, spark=[], verbose=True, **places)

    verbs._audit(args)

    assert capsys.readouterr().err.startswith("starting the engine     0 s\n")


def test_the_doctor_releases_a_run_that_is_gone_and_refuses_one_that_is_alive(spark, tmp_path, capsys):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    gone, alive = other_run(workspace, silent=1000), other_run(workspace, silent=1)

    codes = [main(["doctor", "--workspace", workspace.location, "--release", run]) for run in (gone, alive)]

    said = capsys.readouterr()
    assert codes == [0, 1]
    assert said.out.startswith(f"Run {gone} ")
    assert "is released: its last sign of life was 17 min ago" in said.out
    assert said.err.startswith(f"error: Run {alive} ")
    assert "is alive: its last sign of life was" in said.err


def test_the_doctor_releases_nothing_without_a_workspace(capsys):
    assert main(["doctor", "--release", "R"]) == 2
    assert capsys.readouterr().err == (
        "error: doctor --release needs the workspace of the run.\n"
        "Hint: dataeval-spark doctor --workspace WS --release R\n"
    )
