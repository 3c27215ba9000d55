"""Audit: the face for notebooks."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.audit import Audit
from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.session.settings import LOCAL_FILES
from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.runs import RUNS


def test_it_shows_what_was_found_and_what_to_do_next(audited):
    shown = audited._repr_html_()

    assert "172 images, " in shown
    assert "audit.report()" in shown


def test_a_table_is_read_by_its_name(audited):
    assert audited.table("images").count() == 172
    with pytest.raises(ConfigError, match="did you mean 'images'"):
        audited.table("image")


def test_an_unknown_option_is_refused_before_anything_runs(audited):
    with pytest.raises(ConfigError, match="did you mean 'encoder'"):
        audited.profile(encodr="thumbnail")


def test_an_image_is_in_image_stats_or_in_unreadable_images(audited):
    read = audited.workspace.read
    measured = read(IMAGE_STATS).where("target_index IS NULL").select("image_id")
    unreadable = read(UNREADABLE_IMAGES).select("image_id")

    assert measured.join(unreadable, on="image_id", how="left_semi").isEmpty()
    assert measured.count() + unreadable.count() == 172


def test_verbs_in_one_block_are_one_run(audited):
    runs = audited.workspace.read(RUNS)

    assert runs.where("step IS NULL AND job = 'test'").count() == 1
    steps = [step for step in (*STEPS, *COMPARISONS) if not step.asks]  # those that ask for a file are not given it
    lacking = {step.name: {table.name for table in step.reads if not audited.workspace.exists(table)} for step in steps}
    assert set().union(*lacking.values()) == {"predictions", "prediction_classes", "annotations"}
    analyses = {name for name, tables in lacking.items() if not tables}
    assert {row["step"] for row in runs.where("status = 'done' AND step IS NOT NULL").collect()} == {
        *("ingest", "profile", "snapshot first"),
        *analyses,
    }


def test_runs_name_the_versions_they_read_and_wrote(audited):
    row = audited.workspace.read(RUNS).where("step = 'outliers'").collect()[0]

    assert [entry["table_name"] for entry in row["inputs"]] == ["channel_stats", "image_stats", "targets"]
    assert [(entry["table_name"], entry["version"]) for entry in row["outputs"]] == [("outliers", 1)]


def test_a_gallery_shows_the_pictures_of_any_rows_with_what_is_known_of_them(audited):
    rows = audited.table("targets").where("box IS NOT NULL").select("image_id", "target_index", "class_name")
    shown = audited.gallery(rows.orderBy("image_id", "target_index"), most=3)

    page = shown._repr_html_()
    assert len(shown.cards) == page.count("<img src=") == page.count("border:2px solid") == 3
    assert "class name: " in page


def test_a_gallery_escapes_what_strangers_wrote_and_needs_images(audited, frame):
    rows = frame("image_id string, note string", [("nowhere", "<script>alert(1)</script>")])

    assert "<script>" not in audited.gallery(rows)._repr_html_()
    with pytest.raises(OptionError, match="needs a column image_id; found a"):
        audited.gallery(frame("a int", [(1,)]))


def test_a_result_is_printed_while_the_next_one_is_computed(spark, tmp_path):
    printed, lines = threading.Event(), []

    def work(run):
        yield "first"
        assert printed.wait(10)
        yield "second"

    def echo(line):
        lines.append(line)
        printed.set()

    Audit(str(tmp_path / "audit"), spark, echo=echo)._do("ingest", {}, work)

    assert lines == ["first", "second"]


class Watching:
    """Two images; what the session's settings are when each is asked for."""

    def __init__(self, spark, *names):
        self.spark, self.names, self.seen = spark, names, []

    def __len__(self):
        return 2

    def __getitem__(self, index):
        if index >= len(self):
            raise IndexError(index)
        self.seen.append([self.spark.conf.get(name, None) for name in self.names])
        return np.full((3, 4, 4), 80 * index, np.uint8), np.array([0.0, 1.0]), {"id": str(index)}


@pytest.mark.spark_only
def test_a_session_that_was_given_has_settings_for_small_tables_for_the_time_of_a_verb(spark, tmp_path):
    names = ("spark.sql.shuffle.partitions", "spark.databricks.delta.snapshotPartitions", LOCAL_FILES)
    before = [spark.conf.get(name, None) for name in names]
    own = ["37", "9", "false"]
    data = Watching(spark, *names)
    try:
        for name, value in zip(names, own, strict=True):
            spark.conf.set(name, value)
        Audit(str(tmp_path / "audit"), spark, echo=lambda line: None).ingest_maite(data, name="watching")
        after = [spark.conf.get(name, None) for name in names]
    finally:
        for name, value in zip(names, before, strict=True):
            spark.conf.unset(name) if value is None else spark.conf.set(name, value)

    assert {int(partitions) for partitions, _, _ in data.seen} <= set(range(2, 9))
    assert {tuple(rest) for _, *rest in data.seen} == {("1", "false")}
    assert after == own
