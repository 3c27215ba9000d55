"""A prefix of an S3-compatible server is ingested and profiled like a folder, and no table has its credentials."""

from __future__ import annotations

import io
import json
import os

import pyarrow.parquet as pq
import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.cli.main import USAGE, main
from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.kernels.formats.webdataset import ShardWriter
from dataeval_spark.kernels.images.hashes import file_hash
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import HASHES, UNREADABLE_IMAGES
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.verbs.ingest.readers.file_bytes import read_files
from tests.kernels.s3_server import ENVIRONMENT, serve
from tests.verbs.ingest.readers.pictures import png, tree

FILES = {"cat/1.png": png(10), "cat/2 b+%20é.png": png(20), "dog/3.png": png(30), "top.png": png(40), "notes.txt": b"x"}
SOURCE = "s3://box/set"


@pytest.fixture(scope="module")
def server(spark, request, tmp_path_factory):
    """Reached from this process and, Classic only, from the workers: Connect's have the server's environment."""
    kind = request.config.getoption("--spark")
    if kind == "connect":
        pytest.skip("a Connect server's workers do not take the client's environment")
    root = tmp_path_factory.mktemp("server")
    tree(root / "box" / "set", {**FILES, "dog/forbidden.png": b"", "dog/busy.png": png(50)})
    with serve(root) as running, pytest.MonkeyPatch.context() as patch:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.endpoint}.items():
            patch.setenv(name, value)
            if kind == "classic":
                patch.setitem(spark.sparkContext.environment, name, value)
        yield running


@pytest.fixture(scope="module")
def audit(spark, server, tmp_path_factory):
    made = Audit(str(tmp_path_factory.mktemp("audit")), spark, echo=lambda line: None)
    return made.ingest(SOURCE).profile()


def test_objects_are_images_with_their_bytes_hash_size_and_class(audit):
    rows = {row["image_id"]: row for row in audit.workspace.read(IMAGES).collect()}
    found = {name: (row["uri"], row["content_length"], row["file_hash"]) for name, row in rows.items()}

    images = {name: data for name, data in FILES.items() if name != "notes.txt"} | {"dog/busy.png": png(50)}
    assert found == {
        **{f"set/{name}": (f"{SOURCE}/{name}", len(data), file_hash(data)) for name, data in images.items()},
        "set/dog/forbidden.png": (f"{SOURCE}/dog/forbidden.png", None, None),
    }
    assert {row["source"] for row in rows.values()} == {SOURCE}
    assert all(row["modified_at"] for row in rows.values())


def test_what_is_forbidden_is_a_row_and_all_else_is_measured(audit):
    (bad,) = audit.workspace.read(UNREADABLE_IMAGES).collect()

    assert (bad["image_id"], bad["stage"], bad["error_class"]) == ("set/dog/forbidden.png", "read", "PermissionError")
    assert bad["message"] == os.strerror(13)
    assert audit.workspace.read(HASHES).count() == 5


def test_what_has_not_changed_is_not_read_again(audit, server):
    server.requests.clear()
    (server.root / "box/set/top.png").write_bytes(png(41) + b"changed")

    audit.ingest(SOURCE)

    read = {asked for asked in server.requests if asked.endswith(".png")}
    assert read == {"GET /box/set/top.png", "GET /box/set/dog/forbidden.png"}


def test_no_table_has_credentials(audit):
    with pytest.raises(OptionError, match=r"^s3://box/set was given with credentials in it.*\nHint: .*AWS_ACCESS"):
        audit.ingest("s3://AKIAEXAMPLE:hunter2hunter2@box/set")

    secrets = (*(ENVIRONMENT[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")), "hunter2", "AKIAEX")
    runs = audit.workspace.read(RUNS).collect()
    assert any("credentials" in (row["message"] or "") for row in runs)
    for table in (IMAGES, UNREADABLE_IMAGES, RUNS):
        text = str(audit.workspace.read(table).collect())
        assert not [secret for secret in secrets if secret in text], table.name


def test_a_prefix_that_is_not_there_is_named(audit):
    with pytest.raises(IngestError, match=r"SOURCE s3://box/nothing cannot be listed: No such file"):
        audit.ingest("s3://box/nothing")


def test_objects_are_read_once_and_unreadable_ones_are_rows_without_a_hash(spark, server):
    rows = [
        ("a", f"{SOURCE}/cat/1.png", None, 10),
        ("b", f"{SOURCE}/nothing.png", None, 10),
        ("c", None, bytearray(b"given"), 5),
        ("d", None, None, None),
    ]
    files = spark.createDataFrame(rows, "image_id string, uri string, content binary, content_length bigint")

    found = {row["image_id"]: row for row in read_files(files.coalesce(1), keep_bytes=True).collect()}

    contents = {name: row["content"] and bytes(row["content"]) for name, row in found.items()}
    assert contents == {"a": FILES["cat/1.png"], "b": None, "c": b"given", "d": None}
    assert {name for name, row in found.items() if row["file_hash"] is None} == {"b", "d"}


def test_not_even_a_plan_shows_credentials(tmp_path, capsys):
    code = main(["ingest", "--workspace", str(tmp_path / "audit"), "--dry-run", "s3://me:hunter2hunter2@box/set"])

    shown = capsys.readouterr()
    assert code == USAGE
    assert "hunter2" not in shown.out + shown.err


@pytest.mark.parametrize("layout", ["folder", "coco", "yolo", "webdataset", "parquet"])
def test_an_export_lies_among_objects_whole(audit, server, layout):
    to = f"s3://box/exported_{layout}"
    audit.select("readable", [{"operation": "where", "condition": "image_id NOT RLIKE 'forbidden|busy'"}])
    options = {"format": layout, "selection": "readable", "with_lost_labels": layout == "yolo"}  # no label has a box
    audit.export(to, **options)
    with pytest.raises(OptionError, match="--replace"):
        audit.export(to, **options)
    audit.export(to, **options, replace=True)

    place = server.root / "box" / f"exported_{layout}"
    assert {"export.json", "manifest.parquet"} <= {path.name for path in place.iterdir()}
    manifest = pq.read_table(place / "manifest.parquet").to_pylist()
    images = {name: data for name, data in FILES.items() if name != "notes.txt"}
    assert {row["image_id"] for row in manifest} == {f"set/{name}" for name in images}
    written = {row["image_id"]: place / row["path"] for row in manifest if row["path"] is not None}
    # A folder per class has no place for an image without one.
    assert {f"set/{name}" for name in images} - written.keys() == ({"set/top.png"} if layout == "folder" else set())
    if layout in ("folder", "coco", "yolo"):
        sources = {f"set/{name}": server.root / "box" / "set" / name for name in images}
        assert all(path.read_bytes() == sources[image].read_bytes() for image, path in written.items())


COCO = {
    "images": [{"id": 1, "file_name": "a/1.png", "width": 4, "height": 3}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 2, 3]}],
    "categories": [{"id": 7, "name": "cat"}],
}
VOC = (
    "<annotation><filename>1.png</filename><size><width>4</width><height>3</height></size><object><name>cat</name>"
    "<bndbox><xmin>0</xmin><ymin>0</ymin><xmax>2</xmax><ymax>3</ymax></bndbox></object></annotation>"
)
YOLO = {"images/train/1.png": png(1), "labels/train/1.txt": b"0 0.25 0.5 0.5 1\n", "images/val/2.png": png(2)}
LISTS = {
    "data.yaml": b"names: [cat]\ntrain: lists/train.txt\nval: lists/val.txt\n",
    "lists/train.txt": b"./images/train/1.png\n",
    "lists/val.txt": b"images/val/2.png\n",
}


def shard():
    file = io.BytesIO()
    with ShardWriter(file) as writer:
        writer.add("1.png", png(1), {"annotations": [{"class_name": "cat", "bbox": [0, 0, 2, 3]}], "split": "train"})
    return file.getvalue()


LAYOUTS = {
    "coco": ({"a/1.png": png(1), "instances.json": json.dumps(COCO).encode()}, "", "instances.json", {None}),
    "voc": (
        {"JPEGImages/1.png": png(1), "Annotations/1.xml": VOC.encode(), "ImageSets/Main/train.txt": b"1\n"},
        *("", None, {"train"}),
    ),
    "yolo": (
        {**YOLO, "data.yaml": b"names: [cat]\ntrain: ../images/train\nval: images/val\n"},
        *("", None, {"train", "val"}),
    ),
    "yolo_lists": (
        {**YOLO, **LISTS},
        *("", "data.yaml", {"train", "val"}),
    ),
    "tar": ({"set/0.tar": shard()}, "/set/0.tar", None, {"train"}),
    "tars": ({"0.tar": shard(), "notes.md": b"x"}, "", None, {"train"}),
}


def test_datasets_of_other_formats_are_read_from_a_bucket(spark, server, tmp_path):
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    with audit.one_run("test", {}):
        for name, (files, source, annotations, _) in LAYOUTS.items():
            tree(server.root / "layouts" / name, files)
            uri = f"s3://layouts/{name}"
            audit.ingest(f"{uri}{source}", annotations=annotations and f"{uri}/{annotations}", dataset=name)

    box = {"x0": 0.0, "y0": 0.0, "x1": 2.0, "y1": 3.0}
    targets = audit.table("targets").join(audit.table("images").select("image_id", "dataset"), "image_id").collect()
    found = {row["dataset"]: (row["class_name"], row["box"].asDict()) for row in targets}
    assert found == dict.fromkeys(LAYOUTS, ("cat", box))
    splits = {name: set() for name in LAYOUTS}
    for row in audit.table("images").select("dataset", "split").distinct().collect():
        splits[row["dataset"]].add(row["split"])
    assert splits == {name: layout[3] for name, layout in LAYOUTS.items()}
    lost = audit.table("ingest_findings").where("severity = 'error'")
    assert lost.count() == 0
