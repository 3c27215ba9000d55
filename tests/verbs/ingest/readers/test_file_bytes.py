"""Bytes of files with their hash and size, and texts in the form that tables may keep."""

from __future__ import annotations

from pyspark.sql import functions as F

from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.verbs.ingest.readers.file_bytes import read_files, with_shown_texts, without_credentials
from tests.verbs.ingest.readers.pictures import png, tree


def test_a_file_has_its_length_hash_and_size_and_its_bytes_where_they_are_kept(spark, tmp_path):
    root = tree(tmp_path, {"a.png": 1, "b.png": b"no image"})
    rows = [
        ("a", f"{root}/a.png", None),
        ("b", f"{root}/b.png", None),
        ("c", None, png(3)),
        ("d", f"{root}/d.png", None),
    ]
    files = spark.createDataFrame(rows, "image_id string, uri string, content binary")
    files = files.withColumn("content_length", F.lit(None).cast("bigint"))

    found = {row["image_id"]: row for row in read_files(files, keep_bytes=False).collect()}
    kept = {row["image_id"]: row["content"] for row in read_files(files, keep_bytes=True).collect()}

    facts = {name: (row["content_length"], row["file_hash"]) for name, row in found.items()}
    data = {"a": png(1), "b": b"no image", "c": png(3)}
    assert facts == {**{name: (len(each), file_hash(each)) for name, each in data.items()}, "d": (None, None)}
    sizes = ("stored_width", "stored_height", "upright_width", "upright_height")
    assert {name: tuple(row[size] for size in sizes) for name, row in found.items()} == {
        "a": (4, 3, 4, 3),
        "b": (None,) * 4,  # the profile says that it is none
        "c": (4, 3, 4, 3),
        "d": (None,) * 4,
    }
    # Bytes that the source gives have no other place.
    assert {name: row["content"] and bytes(row["content"]) for name, row in found.items()} == {
        "a": None,
        "b": None,
        "c": png(3),
        "d": None,
    }
    assert {name: each and bytes(each) for name, each in kept.items()} == {**data, "d": None}


def test_texts_that_quote_a_uri_are_shown_without_its_credentials(spark):
    rows = [("s3://me:secret@box/a.png is broken", "s3://me:secret@box", 1), (None, "x", 2), ("plain", None, 3)]
    frame = spark.createDataFrame(rows, "message string, `odd name` string, n int")

    shown = with_shown_texts(frame, ("message",))

    assert shown.dtypes == frame.dtypes
    assert [tuple(row) for row in shown.orderBy("n").collect()] == [
        ("s3://box/a.png is broken", "s3://me:secret@box", 1),
        (None, "x", 2),
        ("plain", None, 3),
    ]


def test_a_signed_uri_is_kept_without_its_signature(spark):
    signed = "https://me:pw@host/a.png?X-Amz-Credential=AK&size=2&X-Amz-Signature=f00"
    uris = spark.createDataFrame([(signed,), ("s3://box/a@b.png",), ("/data/a?b=1.png",)], "uri string")

    kept = [row[0] for row in uris.select(without_credentials(uris["uri"])).collect()]

    assert kept == [
        "https://host/a.png?X-Amz-Credential=***&size=2&X-Amz-Signature=***",
        "s3://box/a@b.png",
        "/data/a?b=1.png",
    ]
