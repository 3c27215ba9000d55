"""The verb `profile`: images in chunks, of which a run that was cut off keeps those it had finished."""

from __future__ import annotations

import pytest
from PIL import Image

from dataeval_spark.audit import Audit
from dataeval_spark.errors import OptionError, TableMissingError
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.profile import HASHES, IMAGE_STATS
from dataeval_spark.verbs import profile
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.workspace import Workspace

COUNT = 7


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(COUNT):
        Image.new("RGB", (16, 16), (30 * n, 255 - 30 * n, 9)).save(folder / f"{n}.png")
    return folder


@pytest.fixture
def audit(spark, pictures, tmp_path):
    return Audit(str(tmp_path / "audit"), spark, echo=lambda line: None).ingest(str(pictures))


def rows(audit, table, *columns):
    return sorted(tuple(row) for row in audit.workspace.read(table).select("image_id", *columns).collect())


def test_chunks_give_the_rows_that_one_gives_and_are_committed_one_by_one(spark, audit, pictures, tmp_path):
    whole = Audit(str(tmp_path / "whole"), spark, echo=lambda line: None).ingest(str(pictures)).profile()

    audit.profile(images_per_commit=3)

    assert rows(audit, IMAGE_STATS, "mean", "fingerprint") == rows(whole, IMAGE_STATS, "mean", "fingerprint")
    assert rows(audit, HASHES, "phash") == rows(whole, HASHES, "phash")
    # Three chunks of seven images, and the version that made the table.
    assert audit.workspace.states([IMAGE_STATS])[IMAGE_STATS.name].version == 3
    assert whole.workspace.states([IMAGE_STATS])[IMAGE_STATS.name].version == 1


def test_a_run_that_was_cut_off_keeps_its_finished_chunks_and_the_next_measures_the_rest(audit, monkeypatch):
    write_chunk = profile._write_chunk
    written = []

    def write_first_only(run, profiled, chunk, work, options):
        if written:
            raise RuntimeError("cut off")
        written.append(work)
        write_chunk(run, profiled, chunk, work, options)

    monkeypatch.setattr(profile, "_write_chunk", write_first_only)
    with pytest.raises(RuntimeError, match="cut off"):
        audit.profile(images_per_commit=3)
    monkeypatch.undo()
    finished = len(rows(audit, IMAGE_STATS))
    announced = []

    with runs.start(audit.workspace, "profile", {}) as run:
        profile.run_profile(run, ProfileOptions(), on_pending=announced.append)

    assert 0 < finished < COUNT
    assert announced == [COUNT - finished]
    assert len(rows(audit, IMAGE_STATS)) == COUNT


def test_the_number_of_pending_images_is_known_before_any_is_measured(audit, pictures):
    assert profile.count_pending(audit.workspace, ProfileOptions()) == COUNT

    audit.profile()

    assert profile.count_pending(audit.workspace, ProfileOptions()) == 0
    assert profile.count_pending(audit.workspace, ProfileOptions(encoder="thumbnail")) == COUNT


def test_a_workspace_without_images_says_what_fills_it(spark, tmp_path):
    with pytest.raises(TableMissingError, match="dataeval-spark ingest"):
        profile.count_pending(Workspace(spark, str(tmp_path / "empty")), ProfileOptions())


def test_a_wrong_option_is_refused_before_anything_is_read(spark, tmp_path):
    with pytest.raises(OptionError, match="images_per_commit"):
        profile.count_pending(Workspace(spark, str(tmp_path / "empty")), ProfileOptions(images_per_commit=0))


def test_unreadable_images_are_counted_with_the_classes_of_their_errors(spark, pictures, tmp_path):
    (pictures / "empty.png").write_bytes(b"")
    for n in range(2):
        (pictures / f"page_{n}.png").write_bytes(b"<!DOCTYPE html><html><body>Log in</body></html>")
    lines = []

    Audit(str(tmp_path / "audit"), spark, echo=lines.append).ingest(str(pictures)).profile()

    assert lines[-1].endswith("10 images measured, 3 of them unreadable (HtmlPage 2 and EmptyFile 1)")
