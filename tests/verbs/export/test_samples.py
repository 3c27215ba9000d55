"""Samples of an export: names that would share one label file are told apart, and times are written alike."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pyspark.sql import functions as F

from dataeval_spark.verbs.export.samples import _time_text, with_shared_stems

SAMPLES = "name string, copy int, split string"


@pytest.mark.parametrize(
    ("rows", "by_split", "folders", "shared"),
    [
        # Formats with a folder for each split hold a name once in each; others once in all.
        ([("a.jpg", 0, "train"), ("a.png", 0, "val")], True, (), set()),
        ([("a.jpg", 0, "train"), ("a.png", 0, "val")], False, (), {"a.jpg", "a.png"}),
        ([("a.jpg", 0, None), ("a.JPEG", 0, None), ("a.v2", 0, None)], True, (), {"a.jpg", "a.JPEG"}),
        ([("a.jpg", 0, None), ("a.jpg", 1, None)], False, (), set()),
        # What an export puts before names is not put there twice.
        ([("images/a.jpg", 0, "t"), ("a.jpg", 0, "t")], True, ("images",), {"images/a.jpg", "a.jpg"}),
        ([("images/t/a.jpg", 0, "t"), ("a.jpg", 0, "t")], True, ("images",), {"images/t/a.jpg", "a.jpg"}),
        ([("images/t/a.jpg", 0, None), ("a.jpg", 0, None)], True, ("images",), set()),
        ([("JPEGImages/a.jpg", 0, "t"), ("images/a.jpg", 0, "v")], False, ("images", "JPEGImages"), None),
    ],
)
def test_names_of_one_label_file_share_a_stem(frame, rows, by_split, folders, shared):
    samples = frame(SAMPLES, rows)

    found = with_shared_stems(samples, by_split=by_split, folders=folders)

    expected = {row[0] for row in rows} if shared is None else shared
    assert {row.name for row in found.where("shares_stem").collect()} == expected
    assert found.columns == [*samples.columns, "shares_stem"]


def test_instants_are_written_in_utc_and_local_times_as_they_are(frame):
    # Auckland has no such time on the first day.
    texts = ("2024-09-29T02:30:00Z", "2024-05-01T12:00:00.25Z", "1969-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z")
    start, unit = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
    micros = [(text, (datetime.fromisoformat(text) - start) // unit) for text in texts]
    rows = frame("text string, us bigint", [*micros, (None, None)])
    instants = _time_text(F.timestamp_micros("us"), "timestamp").alias("found")
    local = F.regexp_replace("text", "Z", "")
    of_local = _time_text(local.cast("timestamp_ntz"), "timestamp_ntz").alias("found")

    assert all(row["found"] == row["text"] for row in rows.select("text", instants).collect())
    assert all(row["found"] == row["text"] for row in rows.select(local.alias("text"), of_local).collect())
