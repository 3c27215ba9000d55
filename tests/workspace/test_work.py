"""Work of steps: what its hash depends on, and whether a step is up to date."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dataeval_spark.tables.labels import LABEL_STATS
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.delta import TableState
from dataeval_spark.workspace.work import Success, has_done, is_up_to_date, last_successes, work_id
from dataeval_spark.workspace.workspace import Workspace

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def state(version, written=None):
    return TableState(version, version if written is None else written, NOW, None)


def test_work_differs_with_version_options_and_inputs():
    base = work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(3)})

    assert base == work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(3)})
    assert base != work_id("outliers", 2, {"method": "iqr"}, {"image_stats": state(3)})
    assert base != work_id("outliers", 1, {}, {"image_stats": state(3)})
    assert base != work_id("outliers", 1, {"method": "iqr"}, {"image_stats": state(4)})


def test_compaction_of_an_input_is_no_change():
    assert work_id("a", 1, {}, {"t": state(4, written=3)}) == work_id("a", 1, {}, {"t": state(3)})


@pytest.mark.parametrize(
    ("work", "states", "expected"),
    [
        ("w", {"label_stats": state(5)}, True),
        ("w", {"label_stats": state(6, written=5)}, True),
        ("w", {"label_stats": state(6)}, False),
        ("w", {}, False),
        ("other", {"label_stats": state(5)}, False),
    ],
    ids=["unchanged", "compacted", "written since", "dropped", "other work"],
)
def test_a_step_is_up_to_date_while_its_tables_are_as_it_left_them(work, states, expected):
    last = Success("w", {"label_stats": 5}, 1.0, 1)

    assert is_up_to_date(work, [LABEL_STATS], states, last) is expected


def test_the_newest_success_of_each_step_counts_and_failures_do_not(spark, tmp_path):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    assert (last_successes(workspace), has_done(workspace, "w1")) == ({}, False)

    with runs.start(workspace, "analyze", {}) as run:
        for work, status in (("w1", "done"), ("w2", "done"), ("w3", "failed")):
            run.finish("outliers", status, run.started_at, work=work, outputs={"outliers": state(4)}, rows=3)

    success = last_successes(workspace)["outliers"]
    assert (success.work_id, success.outputs, success.rows) == ("w2", {"outliers": 4}, 3)
    assert (has_done(workspace, "w1"), has_done(workspace, "w3")) == (True, False)
