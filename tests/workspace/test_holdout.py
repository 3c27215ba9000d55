"""Hold-outs: every reading needs a reason, which is recorded, and is counted."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dataeval_spark.errors import HoldoutError, OptionError
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.tables.splits import SPLITS
from dataeval_spark.workspace import holdout
from dataeval_spark.workspace.holdout import Guard, names_of, open_among, open_part, opened, parts, parts_among


class Workspace:
    """Stands for a workspace with the split `main`, whose part `test` is guarded."""

    def __init__(self, assigned=None):
        self.openings = []
        self._assigned = assigned

    def rows(self, table, columns, **equal):
        if table is SPLITS:
            return [{"split_name": "main", "guarded": ["test"]}, {"split_name": "open", "guarded": []}]
        assert table is RUNS
        return [{"run_id": "r"} for step in self.openings if step == equal["step"]]

    def read(self, table):
        return self._assigned

    location = "/data/audit"

    def read_only_reason(self):
        return "its disk is read-only"


@pytest.fixture
def run():
    workspace = Workspace()
    reasons = []

    def finish(step, status, started_at, message):
        workspace.openings.append(step)
        reasons.append(message)

    return SimpleNamespace(workspace=workspace, finish=finish, reasons=reasons, is_recorded=True)


def test_a_reference_names_a_split_and_its_part():
    assert names_of("assigned=main/test") == ("main", "test")
    assert names_of("assigned=a/b/test") == ("a/b", "test")
    assert names_of("dataset=main") is None


@pytest.mark.parametrize("ref", ["assigned=main", "assigned=/test", "assigned=main/"])
def test_a_reference_without_a_part_is_refused(ref):
    with pytest.raises(OptionError, match=r"expected assigned=SPLIT/PART\.\nHint: assigned=main/test"):
        names_of(ref)


def test_a_guarded_part_stays_closed_where_the_reason_cannot_be_recorded(run):
    run.is_recorded = False

    assert open_part(run, "main", "train", "a reason") is None
    with pytest.raises(
        HoldoutError, match=r"reason for reading it cannot be recorded: its disk is read-only\.\nHint: "
    ):
        open_part(run, "main", "test", "a reason")


@pytest.mark.parametrize("reason", [None, "", "  "])
def test_a_guarded_part_is_closed_without_a_reason(run, reason):
    with pytest.raises(HoldoutError, match=r"(?s)Part 'test' of split 'main' is guarded.*never opened so far"):
        open_part(run, "main", "test", reason)

    assert run.workspace.openings == []


def test_each_opening_is_recorded_with_its_reason_and_counted(run):
    assert [open_part(run, "main", "test", reason) for reason in ("first look", "second")] == [1, 2]
    assert run.reasons == ["first look", "second"]
    with pytest.raises(HoldoutError, match="opened 2 times so far"):
        open_part(run, "main", "test")


def test_other_parts_are_read_without_a_reason(run):
    assert open_part(run, "main", "train") is None
    with pytest.raises(OptionError, match="split is 'mian'"):
        open_part(run, "mian", "test", "why")


def test_a_guard_opens_its_parts_once_however_many_steps_read_labels(run):
    guard = Guard(run, [("main", "test")], "final check")

    assert (guard.is_closed, guard.message) == (False, "")
    guard.open()
    guard.open()

    assert (run.reasons, guard.message) == (["final check"], "hold-out main/test opened once")
    assert guard.error() is None


def test_a_closed_guard_names_the_steps_that_it_refused(run):
    guard = Guard(run, [("main", "test")])
    for step in ("parity", "balance"):
        guard.refuse(step)

    assert guard.is_closed
    assert "were not run: balance, parity." in str(guard.error())


def test_numbers_of_openings_are_words():
    assert [opened(count) for count in (0, 1, 1200)] == ["never opened", "opened once", "opened 1,200 times"]


def test_only_hold_outs_that_contain_one_of_the_images_are_opened(spark, run):
    assigned = [("main", "test", "a", 0), ("main", "test", "c", 1), ("main", "train", "b", 0)]
    ddl = "split_name string, split string, image_id string, repeat int"
    run.workspace._assigned = spark.createDataFrame(assigned, ddl)
    images = {name: spark.createDataFrame([(name,)], "image_id string") for name in "abc"}

    assert parts(run.workspace) == [("main", "test")]
    # c is in the test part of another repetition only.
    assert [parts_among(run.workspace, images[name]) for name in "abc"] == [[("main", "test")], [], []]
    assert open_among(run, images["a"], "why") == ["hold-out main/test opened once"]
    assert holdout.openings(run.workspace, "main", "test") == 1
