"""Columns of metadata may have any name: what is in a name is never taken for SQL."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataeval_spark import Audit
from dataeval_spark.errors import IngestError
from dataeval_spark.tables.bias import FACTOR_BINS
from dataeval_spark.tables.images import FACTORS
from dataeval_spark.verbs.ingest.sync import _content_hash
from tests.verbs.ingest.readers.pictures import png

# Name in the file, and in the table: a Delta column has no space and none of ,;{}()=`. and no line break.
NAMES = {
    "back`tick": "back_tick",
    "`quoted`": "quoted",
    "a.b": "a_b",
    "it's": "it's",
    'say "cheese"': 'say_"cheese"',
    "a\\b": "a\\b",
    "camera 📷": "camera_📷",
    "two\nlines": "two_lines",
    "x; DROP TABLE images": "x_DROP_TABLE_images",
    "${env}": "$_env",
    "100%": "100%",
    "größe (µm)": "größe_µm",
    "SELECT": "SELECT",
    "given": "given",
    "name": "name",
}


def source_with(folder, header, row_of):
    images = folder / "photos"
    images.mkdir()
    for number in range(4):
        (images / f"{number}.png").write_bytes(png(number))
    with (folder / "about.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", "class_name", *header])
        writer.writerows([f"{number}.png", f"c{number % 2}", *row_of(number)] for number in range(4))
    return str(images), str(folder / "about.csv")


def test_names_of_all_kinds_are_factors_and_exported(spark, tmp_path):
    source, metadata = source_with(tmp_path, NAMES, lambda number: [f"v{number % 2}"] * len(NAMES))
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)

    # Twice: the second compares the file with the table, column by column.
    audit.ingest(source, metadata=metadata).ingest(source, metadata=metadata)
    audit.analyze("factor_bins")

    rows = audit.workspace.read(FACTORS).orderBy("image_id").collect()
    assert set(rows[0].asDict()) == {"image_id", "target_index", "run_id", *NAMES.values()}
    assert all(row[name] == f"v{number % 2}" for number, row in enumerate(rows) for name in NAMES.values())
    (bins,) = audit.workspace.read(FACTOR_BINS).where("image_id = 'photos/1.png'").collect()
    assert set(NAMES.values()) <= set(bins["bins"])

    audit.select("half", [{"operation": "stratified_sample", "fraction": 0.5, "by": 'say_"cheese"'}])
    audit.export(str(tmp_path / "out"), format="coco", selection="half")
    exported = pq.read_table(tmp_path / "out" / "metadata.parquet").to_pylist()
    assert len(exported) == 2
    assert all(set(NAMES.values()) - {"name"} <= set(row) for row in exported)


def test_parquet_columns_of_all_kinds_are_factors(spark, tmp_path):
    columns = {name: [f"v{number % 2}" for number in range(4)] for name in NAMES if name != "name"}
    images = [png(number) for number in range(4)]
    table = pa.table({"image_id": list("abcd"), "content": images, "label": list("xyxy"), **columns})
    pq.write_table(table, tmp_path / "images.parquet")
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)

    audit.ingest(str(tmp_path / "images.parquet"), format="table")

    (row,) = audit.workspace.read(FACTORS).where("image_id = 'b'").collect()
    assert {name: row[shown] for name, shown in NAMES.items() if name != "name"} == dict.fromkeys(columns, "v1")


def test_names_that_become_one_are_refused_in_words(spark, tmp_path):
    source, metadata = source_with(tmp_path, ["gain`x", "Gain.X"], lambda number: [number, number])
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)

    with pytest.raises(IngestError, match=r"gain`x.*differ only in case or punctuation"):
        audit.ingest(source, metadata=metadata)


def test_metadata_of_json_documents_may_have_any_name(spark, tmp_path):
    import io
    import tarfile

    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        for number in range(4):
            document = dict.fromkeys(NAMES, f"v{number % 2}")
            for ending, data in (("png", png(number)), ("json", json.dumps(document).encode())):
                entry = tarfile.TarInfo(f"{number}.{ending}")
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)

    audit.ingest(str(tmp_path / "shard.tar")).ingest(str(tmp_path / "shard.tar"))

    found = audit.workspace.read(FACTORS).collect()
    assert len(found) == 4
    assert set(NAMES.values()) - {"name"} <= set(found[0].asDict())


ROWS = "image_id string, n int, x double, y double, at timestamp, place struct<a: int, b: int>"
BEFORE = ("i", 0, 1.0, None, datetime(2024, 5, 1, microsecond=250_001), (1, None))


@pytest.mark.parametrize(
    "changes",
    [
        {"x": None, "y": 1.0},
        {"x": 1.0 + 2**-52},
        {"at": datetime(2024, 5, 1, microsecond=250_002)},
        {"place": (2, None)},
        {"place": None},
        {"y": 0.0},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_a_change_of_any_value_changes_the_hash_of_the_content(frame, changes):
    names = ("image_id", "n", "x", "y", "at", "place")
    after = tuple(changes.get(name, value) for name, value in zip(names, BEFORE, strict=True))

    assert content_hash(frame, [BEFORE]) != content_hash(frame, [after])


def test_the_hash_of_the_content_has_no_order_and_counts_equal_rows(frame):
    other = ("i", 1, *BEFORE[2:])

    assert content_hash(frame, [BEFORE, other]) == content_hash(frame, [other, BEFORE])
    assert content_hash(frame, [BEFORE]) != content_hash(frame, [BEFORE, BEFORE])


def content_hash(frame, rows):
    made = frame(ROWS, rows)
    return made.groupBy("image_id").agg(_content_hash(made, made.columns).alias("hash")).collect()[0]["hash"]
