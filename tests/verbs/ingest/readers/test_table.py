"""Tables with image bytes or paths."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.source import FINDINGS_DDL, LISTING_DDL, TARGETS_DDL, Reading
from dataeval_spark.verbs.ingest.readers.table import read_table
from tests.verbs.ingest.readers.pictures import captured, classes, findings, ids, png

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()


@pytest.fixture
def save(spark, tmp_path):
    """Write rows as a parquet directory and give its path."""

    def save(ddl, rows, change=lambda frame: frame):
        change(spark.createDataFrame(rows, ddl)).write.parquet(str(tmp_path / "t"))
        return str(tmp_path / "t")

    return save


def test_bytes_ids_classes_splits_times_and_factors_are_known_by_their_names(spark, save):
    path = save(
        "id bigint, image binary, label string, split string, at bigint, gain float, tags array<string>, day date, "
        "path string",
        [
            (1, bytearray(png(1)), "cat", "train", int(NOON), 1.5, ["x"], datetime(2024, 5, 1).date(), "p1"),
            (2, bytearray(b"??"), None, None, None, None, None, None, None),
        ],
        lambda frame: frame.withColumn("captured_at", F.timestamp_seconds("at")).drop("at"),
    )

    source = read_table(Reading(spark, path, dataset="d", split="rest", timezone="Asia/Tokyo"))

    for frame, ddl in ((source.images, LISTING_DDL), (source.targets, TARGETS_DDL), (source.findings, FINDINGS_DDL)):
        assert sorted(frame.dtypes) == sorted(spark.createDataFrame([], ddl).dtypes)
    rows = {row["image_id"]: row for row in source.images.collect()}
    assert {
        name: (bytes(row["content"]), row["content_length"], row["uri"], row["split"]) for name, row in rows.items()
    } == {
        "1": (png(1), len(png(1)), None, "train"),
        "2": (b"??", 2, None, "rest"),
    }
    assert captured(source) == {"1": NOON, "2": None}
    assert classes(source) == {"1": "cat"}
    assert source.factors.dtypes == [
        ("image_id", "string"),
        ("target_index", "int"),
        ("gain", "float"),
        ("day", "date"),
    ]
    assert ids(source.present) == ["1", "2"]


def test_a_relative_path_starts_at_the_table_and_an_absolute_one_at_the_root(spark, save, tmp_path):
    path = save(
        "file_name string, class_name int, captured_at string",
        [
            ("a/1.png", 7, "2024-05-01 21:00"),
            ("/data/2.png", None, "2024-05-01T12:00:00Z"),
            ("file:/data/3.png", 8, "?"),
        ],
    )

    source = read_table(Reading(spark, path, dataset="d", timezone="Asia/Tokyo"))

    assert {
        row["image_id"]: (row["uri"], row["content"], row["content_length"]) for row in source.images.collect()
    } == {
        "d/a/1.png": (f"{tmp_path}/t/a/1.png", None, None),
        "d//data/2.png": ("/data/2.png", None, None),
        "d/file:/data/3.png": ("file:/data/3.png", None, None),
    }
    assert captured(source) == {"d/a/1.png": NOON, "d//data/2.png": NOON, "d/file:/data/3.png": None}
    assert classes(source) == {"d/a/1.png": "7", "d/file:/data/3.png": "8"}


def test_a_limit_takes_the_first_ids_and_the_rest_is_still_present(spark, save):
    path = save("image_id string, path string, n int", [("b", "2", 1), ("a", "1", 2), ("c", "3", 3)])

    source = read_table(Reading(spark, path, dataset="d", limit=2))

    assert (ids(source.images), ids(source.factors), ids(source.present)) == (["a", "b"], ["a", "b"], ["a", "b", "c"])


def test_delta_directories_and_tables_of_the_catalog_are_read_too(spark, tmp_path):
    rows = spark.createDataFrame([("a", "1.png")], "image_id string, path string")
    rows.write.format("delta").save(str(tmp_path / "delta"))
    rows.createOrReplaceTempView("some_images")

    assert ids(read_table(Reading(spark, str(tmp_path / "delta"), dataset="d")).images) == ["a"]
    assert ids(read_table(Reading(spark, "some_images", dataset="d")).images) == ["a"]


@pytest.mark.parametrize(
    ("ddl", "rows", "message"),
    [
        (
            "id string, path string",
            [("a", "1"), ("a", "2")],
            r"image id 'a' is the id of 2 rows; expected a",
        ),
        ("id string, path string", [(None, "1")], r"image id None is the id of 1 row; expected .* none that is null"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(spark, save, ddl, rows, message):
    path = save(ddl, rows)

    with pytest.raises(IngestError, match=message):
        read_table(Reading(spark, path, dataset="d"))


@pytest.mark.parametrize(("ddl", "row"), [("id string, size int", ("a", 1)), ("content string, id string", ("b", "a"))])
def test_a_table_without_bytes_and_paths_has_labels_and_metadata_only_and_says_so(spark, save, ddl, row):
    source = read_table(Reading(spark, save(ddl, [row]), dataset="d"))

    assert ids(source.images) == ["a"]
    assert [row["kind"] for row in source.findings.collect()] == ["no_images"]


@pytest.mark.parametrize("source", ["/nothing/here", "no_such_table"])
def test_a_table_that_is_not_there_is_named(spark, source):
    with pytest.raises(IngestError, match=rf"Table {source} cannot be read: .*\n.*Hint: a parquet or Delta path"):
        read_table(Reading(spark, source, dataset="d"))


def huggingface_parquet(path, features, rows):
    """A parquet file as the library ``datasets`` writes it."""
    table = pa.Table.from_pylist(rows)
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata(metadata), path)


def test_hugging_face_images_have_names_of_classes_and_ids_by_row(spark, tmp_path):
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    labels = [1, 0, -1, 7]
    rows = [{"image": {"bytes": png(n), "path": None}, "label": n, "gain": 0.5} for n in labels[:3]]
    rows.append({"image": {"bytes": None, "path": "x/4.png"}, "label": 7, "gain": 0.5})
    for name in ("train-00000-of-00002", "test-00000-of-00001"):
        huggingface_parquet(tmp_path / "data" / f"{name}.parquet", features, rows)

    source = read_table(Reading(spark, str(tmp_path / "data"), dataset="d", split="rest"))

    train, test = (f"d/{name}.parquet" for name in ("train-00000-of-00002", "test-00000-of-00001"))
    assert ids(source.images) == sorted(f"{name}/{n}" for name in (train, test) for n in range(4))
    images = {row["image_id"]: row for row in source.images.where(f"image_id LIKE '{train}%'").collect()}
    assert [bytes(images[f"{train}/{n}"]["content"]) for n in range(3)] == [png(n) for n in labels[:3]]
    assert (images[f"{train}/3"]["uri"], images[f"{train}/3"]["content"]) == (f"{tmp_path}/data/x/4.png", None)
    assert {row["split"] for row in images.values()} == {"train"}
    assert all(images[f"{train}/{n}"]["modified_at"] is not None for n in range(3))
    found = {image: name for image, name in classes(source).items() if image.startswith(train)}
    assert found == {f"{train}/0": "dog", f"{train}/1": "cat", f"{train}/3": None}
    assert sorted((kind, image, value) for kind, _, image, _, value in findings(source)) == [
        ("unknown_class", f"{test}/3", "7"),
        ("unknown_class", f"{train}/3", "7"),
    ]
    assert source.factors.columns == ["image_id", "target_index", "gain"]


def test_hugging_face_objects_are_targets_with_boxes(spark, checkpoint, tmp_path):
    category = {"feature": {"names": ["cat", "dog"], "_type": "ClassLabel"}, "_type": "List"}
    features = {"objects": {"bbox": {"_type": "List"}, "category": category}}
    objects = {"bbox": [[1.0, 1.0, 2.0, 1.0], [0.0, 0.0, 9.0, 1.0]], "category": [1, 5], "area": [2, 9]}
    rows = [{"image_id": 3, "image": {"bytes": png(), "path": "a.png"}, "width": 4, "height": 3, "objects": objects}]
    huggingface_parquet(tmp_path / "a.parquet", features, rows)

    source = read_table(Reading(spark, str(tmp_path / "a.parquet"), dataset="d", checkpoint=checkpoint))
    corners = read_table(
        Reading(spark, str(tmp_path / "a.parquet"), dataset="d", checkpoint=checkpoint), box_format="xyxy"
    )

    assert sorted((row["class_name"] or "", *row["box"], row["attributes"]) for row in source.targets.collect()) == [
        ("", 0.0, 0.0, 9.0, 1.0, '{"area": 9}'),
        ("dog", 1.0, 1.0, 3.0, 2.0, '{"area": 2}'),
    ]
    assert [(kind, location) for kind, location, *_ in findings(source)] == [
        ("outside_box", "objects[1] of 3"),
        ("unknown_class", "objects[1] of 3"),
    ]
    assert tuple(corners.targets.where("class_name = 'dog'").collect()[0]["box"]) == (1.0, 1.0, 2.0, 1.0)


def test_a_text_named_image_is_a_path(spark, save, tmp_path):
    source = read_table(Reading(spark, save("image string, label string", [("a.png", "cat")]), dataset="d"))

    (row,) = source.images.collect()
    assert (row["image_id"], row["uri"]) == ("d/a.png", f"{tmp_path}/t/a.png")
