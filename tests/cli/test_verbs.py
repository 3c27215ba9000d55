"""What the verbs of the command line share."""

from __future__ import annotations

import argparse
import time

from dataeval_spark.cli import verbs
from dataeval_spark.session import progress
from dataeval_spark.workspace.snapshots import TableDiff


def test_a_difference_of_snapshots_shows_the_tables_that_differ_and_counts_the_others():
    found = [TableDiff("images", 3, 4, 1, 0, 0), TableDiff("targets", 5, 5, 0, 0, 0)]

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
