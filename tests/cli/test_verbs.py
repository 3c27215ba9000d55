"""What the verbs of the command line share."""

from __future__ import annotations

import argparse
import time

from dataeval_spark.cli import verbs
from dataeval_spark.session import progress


def test_an_engine_that_starts_slowly_is_said_to_start(monkeypatch, capsys):
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.01)
    monkeypatch.setattr("dataeval_spark.audit.Audit", lambda *args, **options: time.sleep(0.5))
    places = {"workspace": "w", "scratch": None, "table_location": None}
    args = argparse.Namespace(verb="ingest", engine=None, spark=[], verbose=True, **places)

    verbs._audit(args)

    assert capsys.readouterr().err.startswith("starting the engine     0 s\n")
