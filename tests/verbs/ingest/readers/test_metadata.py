"""Metadata files: types found in the data, times with and without a zone, and rows that fit no image."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.metadata import typed, utc_timestamp
from dataeval_spark.verbs.ingest.readers.source import Reading
from tests.verbs.ingest.readers.pictures import captured, classes, findings, ids, tree

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()
HOUR = 3600.0


def test_a_column_has_the_narrowest_type_that_all_its_values_have(frame):
    columns = {
        "flag": ["true", "FALSE", None, "NA"],
        "whole": ["1", "-20", "0", " 3 "],
        "long": ["999999999999999999", "1", "", "null"],
        "real": ["1", "2.5", "-.5", "1e5"],
        "special": ["nan", "-inf", "1", "N/A"],
        "code": ["007", "1", "2", "3"],
        "account": ["1234567890123456789", "1", "2", "3"],
        "mixed": ["1", "true", "2", "3"],
        "word": ["a", "None", " b ", ""],
        "nothing": ["", "NA", None, "null"],
    }
    text = frame(", ".join(f"{name} string" for name in columns), list(zip(*columns.values(), strict=True)))

    found = typed(text)

    assert dict(found.dtypes) == {
        "flag": "boolean",
        "whole": "bigint",
        "long": "bigint",
        "real": "double",
        "special": "double",
        "code": "string",
        "account": "string",  # a double would round it
        "mixed": "string",
        "word": "string",
        "nothing": "string",
    }
    rows = found.collect()
    assert {name: [row[name] for row in rows] for name in columns if name != "special"} == {
        "flag": [True, False, None, None],
        "whole": [1, -20, 0, 3],
        "long": [999999999999999999, 1, None, None],
        "real": [1.0, 2.5, -0.5, 100000.0],
        "code": ["007", "1", "2", "3"],
        "account": ["1234567890123456789", "1", "2", "3"],
        "mixed": ["1", "true", "2", "3"],
        "word": ["a", None, "b", None],
        "nothing": [None] * 4,
    }
    assert [str(row["special"]) for row in rows] == ["nan", "-inf", "1.0", "None"]


# The session is in Pacific/Auckland, the zone asked for is Europe/Paris (UTC+2 in May).
@pytest.mark.parametrize("zone", ["UTC", "Europe/Paris"])
def test_a_time_is_read_by_its_own_zone_else_by_the_zone_given_never_by_the_sessions(frame, zone):
    offset = {"UTC": 0.0, "Europe/Paris": -2 * HOUR}[zone]
    expected = {
        "2024-05-01T12:00:00Z": NOON,
        "2024-05-01T14:00:00+02:00": NOON,
        "2024-05-01 07:00:00-0500": NOON,
        "2024-05-01T22:00:00+10": NOON,
        "2024-05-01 12:00:00 UTC": NOON,
        "2024-05-01T21:00:00 Asia/Tokyo": NOON,
        "2024-05-01T12:00:00": NOON + offset,
        " 2024-05-01 12:00:00.25 ": NOON + offset + 0.25,
        "2024-05-01": NOON - 12 * HOUR + offset,
        "2024-01-01 12:00": datetime(2024, 1, 1, 12, tzinfo=UTC).timestamp() + offset / 2,
        "2024:05:01 12:00:00": None,
        "noon": None,
        "2024-13-01": None,
        "": None,
    }
    times = frame("t string", [(text,) for text in expected])

    found = times.select("t", F.unix_micros(utc_timestamp(F.col("t"), zone)).alias("u")).collect()

    assert {row["t"]: None if row["u"] is None else row["u"] / 1e6 for row in found} == expected


def test_a_time_that_the_sessions_zone_does_not_have_is_read(frame):
    # Clocks in Auckland went from 2:00 to 3:00 that night.
    expected = datetime(2024, 9, 29, 2, 30, 0, 250_000, tzinfo=UTC)
    times = frame("t string", [("2024-09-29 02:30:00.25",)])

    found = times.select(F.unix_micros(utc_timestamp(F.col("t"), "UTC")).alias("u")).collect()

    assert [row["u"] for row in found] == [round(expected.timestamp() * 1e6)]


CSV = """\
Path,Class,split,captured_at,site,name,uri,weather report
cat/1.png,lion,train,2024-05-01T12:00:00Z,7,left,u1,"sun, wind"
cat/2.png,,test,2024-05-01 12:00:00,8,right,u2,NA
2.png,tiger,val,2024-05-02,9,again,u3,
./cat/2.png,bear,val,2024-05-02,9,again,u3,
3.png,,,yesterday,10,,u4,rain
4.png,,,,11,,,
nowhere.png,cat,train,2024-05-01,12,x,u5,fog
nowhere.png,cat,train,2024-05-01,12,x,u5,fog
"""


IMAGES = {"cat/1.png": 1, "cat/2.png": 2, "dog/3.png": 3, "a/4.png": 4, "b/4.png": 4, "top.png": 5}


@pytest.fixture(scope="module")
def source(spark, checkpoint, tmp_path_factory):
    root = tmp_path_factory.mktemp("source")
    tree(root, IMAGES)
    tree(root.parent, {f"{root.name}-meta/meta.csv": CSV.encode()})
    metadata = str(root.parent / f"{root.name}-meta" / "meta.csv")
    return read_folder(
        Reading(
            spark, str(root), dataset="d", checkpoint=checkpoint, metadata=metadata, split="rest", timezone="Asia/Tokyo"
        )
    )


def test_rows_give_class_split_and_time_and_what_they_leave_open_comes_from_folder_and_option(source):
    assert {row["image_id"]: row["split"] for row in source.images.collect()} == {
        "d/cat/1.png": "train",
        "d/cat/2.png": "test",
        **dict.fromkeys(["d/dog/3.png", "d/a/4.png", "d/b/4.png", "d/top.png"], "rest"),
    }
    found = classes(source)
    assert (found["d/cat/1.png"], found["d/dog/3.png"], found["d/a/4.png"]) == ("lion", "dog", "a")
    assert "d/top.png" not in found
    times = captured(source)
    assert (times["d/cat/1.png"], times["d/dog/3.png"], times["d/top.png"]) == (NOON, None, None)


def test_an_image_named_by_several_rows_is_one_image_with_the_values_of_the_first(source):
    # cat/2.png has three rows: by path, by unique base name, and by another spelling of the path
    assert ids(source.images) == sorted({f"d/{path}" for path in IMAGES})
    assert classes(source)["d/cat/2.png"] == "cat"
    assert captured(source)["d/cat/2.png"] == NOON - 9 * HOUR
    (row,) = source.factors.where("image_id = 'd/cat/2.png'").collect()
    assert (row["site"], row["name"], row["weather report"]) == (8, "right", None)


def test_all_other_columns_are_factors_whatever_their_names(source):
    assert [name for name, _ in source.factors.dtypes] == [
        "image_id",
        "target_index",
        "site",
        "name",
        "uri",
        "weather report",
    ]
    (row,) = source.factors.where("image_id = 'd/cat/1.png'").collect()
    assert tuple(row) == ("d/cat/1.png", None, 7, "left", "u1", "sun, wind")
    assert "d/top.png" not in {row["image_id"] for row in source.factors.collect()}


def test_rows_without_an_image_repeated_rows_and_bad_times_are_findings(source):
    kinds = [(kind, location, image_id, found) for kind, location, image_id, _, found in findings(source)]

    assert ("ambiguous_image", "row 4.png", None, "4.png: a/4.png and b/4.png") in kinds
    assert ("unmatched_metadata", "row nowhere.png", None, "nowhere.png") in kinds
    assert ("duplicate_metadata", "row nowhere.png", None, "2") in kinds
    assert ("bad_time", "row 3.png", "d/dog/3.png", "yesterday") in kinds
    assert ("duplicate_metadata", "row cat/2.png", "d/cat/2.png", "3") in kinds
    assert {kind for kind, *_ in kinds} == {
        *("ambiguous_image", "unmatched_metadata", "duplicate_metadata", "bad_time", "matched_names")
    }
    assert len(kinds) == 6


def test_paths_and_classes_stay_as_they_are_written(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"1.50": 1, "TRUE": 2})
    (tmp_path / "m.csv").write_text("file,label\n1.50,1.0\nTRUE,2.0\n")

    source = read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.csv")))

    assert classes(source) == {"d/1.50": "1.0", "d/TRUE": "2.0"}


def test_parquet_keeps_its_types_and_a_timestamp_is_an_instant(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1, "b.png": 2})
    rows = spark.createDataFrame(
        [("a.png", "007", 1.5, int(NOON)), ("b.png", None, None, None)],
        "path string, code string, gain float, at bigint",
    )
    rows = rows.withColumn("captured_at", F.timestamp_seconds("at")).drop("at")
    rows.write.parquet(str(tmp_path / "m.parquet"))

    source = read_folder(
        Reading(
            spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.parquet"), timezone="Asia/Tokyo"
        )
    )

    assert captured(source) == {"d/a.png": NOON, "d/b.png": None}
    assert source.factors.dtypes[2:] == [("code", "string"), ("gain", "float")]
    assert findings(source) == []


def test_a_tab_separated_file_is_read_too_and_the_path_may_be_the_first_column(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1})
    (tmp_path / "m.tsv").write_text("where\tspeed\na.png\t3\n")

    source = read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.tsv")))

    assert [tuple(row) for row in source.factors.collect()] == [("d/a.png", None, 3)]


def test_a_missing_file_and_one_without_columns_are_errors_that_name_the_file(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1})
    (tmp_path / "m.csv").write_text("path\na.png\n")

    with pytest.raises(IngestError, match=r"Metadata file .*nothing\.csv does not exist"):
        read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "nothing.csv")))
    with pytest.raises(IngestError, match=r"m\.csv has the columns \['path'\]; expected a path and at least one more"):
        read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.csv")))


def test_a_column_with_a_name_of_our_own_is_an_error_that_says_so(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "s", {"a.png": 1})
    (tmp_path / "m.csv").write_text("path,Image_ID\na.png,5\n")

    with pytest.raises(IngestError, match=r"(?s)has a column Image_ID.*Hint: rename it, to source_Image_ID"):
        read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.csv")))
