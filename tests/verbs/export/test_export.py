"""The verb `export`: a selection written in each format and ingested again."""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import functions as F

from dataeval_spark.audit import Audit
from dataeval_spark.errors import ExportError, HoldoutError, OptionError

DROP = [{"operation": "where", "condition": "image_id NOT LIKE '%/broken.png'"}]


def scene(root: Path) -> tuple[Path, Path, Path]:
    """Ten images in two folders, a file that is none, COCO annotations with all sorts of extras, and metadata."""
    images, annotations, rng = [], [], np.random.default_rng(0)
    for n in range(10):
        name = f"{'ab'[n % 2]}/{n}.{'png' if n % 3 else 'jpg'}"
        path = root / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40 + n, 60, 3), np.uint8)).save(path)
        images.append(
            {"id": n, "file_name": name, "width": 60, "height": 40 + n, "date_captured": f"2024-05-0{n % 9 + 1}"}
        )
        for k in range(n % 3):
            box = [1.5 * k, 2.25, 10 + n, 20.125]
            more = {"segmentation": [[1, 2, 3, 4, 5, 6]], "area": 2} if n == 4 else {"difficult": 1} if k else {}
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": n,
                    "category_id": 1 + k,
                    "bbox": box,
                    "iscrowd": int(n == 5),
                    **more,
                }
            )
    (root / "images" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing")
    images.append({"id": 99, "file_name": "broken.png", "width": 1, "height": 1})
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "golden retriever"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "instances.json").write_text(json.dumps(document))
    rows = [
        f"{each['file_name']},{'train' if each['id'] < 7 else 'test'},{each['id'] / 2},S{each['id'] % 2}"
        for each in images
    ]
    (root / "metadata.csv").write_text("\n".join(["path,split,gain,site", *rows]))
    return root / "images", root / "instances.json", root / "metadata.csv"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("export")


@pytest.fixture(scope="module")
def audit(spark, place):
    """A detection dataset ``d`` by reference, and a classification dataset ``c`` whose bytes are in the table."""
    images, annotations, metadata = scene(place)
    audit = Audit(str(place / "audit"), spark, echo=lambda line: None)
    with audit.one_run("test", {}):
        audit.ingest(str(images), annotations=str(annotations), metadata=str(metadata), dataset="d")
        audit.ingest(str(images), dataset="c", keep_bytes=True)
        audit.select("d", [{"operation": "datasets", "names": ["d"]}])
        audit.select("c", [{"operation": "datasets", "names": ["c"]}, *DROP])
    return audit


@pytest.fixture(scope="module")
def again(spark, place):
    """Where exports are ingested again."""
    return Audit(str(place / "again"), spark, echo=lambda line: None)


@pytest.fixture(scope="module")
def coco(audit, place):
    """Folder of an export of dataset ``d`` as COCO."""
    audit.export(place / "coco", format="coco", selection="d")
    return place / "coco"


@pytest.fixture(scope="module")
def webdataset(audit, place):
    """Folder of an export of dataset ``d`` in shards of four samples."""
    audit.export(place / "webdataset", format="webdataset", selection="d", samples_per_shard=4)
    return place / "webdataset"


def labels(audit, dataset, *, digits=9):
    """Class, box, crowd and attributes of each target, by the name that an image keeps in all formats."""
    rows = audit.table("targets").where(F.startswith("image_id", F.lit(f"{dataset}/"))).collect()
    found = []
    for row in sorted(rows, key=lambda row: (row["image_id"], row["target_index"])):
        box = row["box"] and tuple(round(value, digits) for value in row["box"])
        found.append((stem(row["image_id"]), row["class_name"], box, bool(row["is_crowd"]), row["attributes"]))
    return sorted(found, key=str)


def about(audit, dataset):
    """Split, capture time and hash of each file, and the metadata."""
    images = audit.table("images").where((F.col("dataset") == dataset) & F.col("deleted_at").isNull())
    joined = images.join(audit.table("factors").drop("run_id"), on="image_id", how="left")
    columns = ("image_id", "split", F.unix_micros("captured_at").alias("at"), "file_hash", "gain", "site")
    rows = joined.select(*columns).collect()
    return sorted((stem(row["image_id"]), *row[1:]) for row in rows if "broken" not in row["image_id"])


def stem(image_id):
    return os.path.splitext(image_id.rsplit("/", 1)[1])[0]


def test_coco_comes_back_as_it_went_out(audit, again, coco):
    again.ingest(
        f"{coco}/images", annotations=f"{coco}/annotations.json", metadata=f"{coco}/metadata.parquet", dataset="coco"
    )

    assert labels(again, "coco") == labels(audit, "d")
    assert about(again, "coco") == about(audit, "d")
    ids = {row["image_id"] for row in again.table("images").where("dataset = 'coco'").collect()}
    assert {"coco/a/0.jpg", "coco/b/1.png"} <= ids


def test_coco_has_a_file_per_split_whose_ids_are_those_of_the_whole(coco):
    whole = json.loads((coco / "annotations.json").read_text())
    train, test = (json.loads((coco / f"annotations_{part}.json").read_text()) for part in ("train", "test"))

    assert sorted(each["id"] for each in train["images"] + test["images"]) == list(range(1, 11))
    assert sorted(each["id"] for each in whole["annotations"]) == list(range(1, 10))
    parts = train["annotations"] + test["annotations"]
    assert sorted(parts, key=lambda each: each["id"]) == whole["annotations"]
    assert whole["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "golden retriever"}]


def test_an_image_that_cannot_be_read_is_left_out_and_said_why(coco):
    rows = pq.read_table(coco / "manifest.parquet").to_pylist()
    (broken,) = [row for row in rows if row["image_id"] == "d/broken.png"]

    assert broken["path"] is None
    assert "header" in broken["error"]
    assert json.loads((coco / "export.json").read_text())["left_out"] == 1
    assert not (coco / "images" / "broken.png").exists()


def test_yolo_comes_back_but_for_what_its_files_cannot_hold(audit, again, place, capsys):
    lines = []
    loud = Audit(audit.workspace.location, audit.spark, echo=lines.append)
    loud.export(place / "yolo", format="yolo", selection="d")
    again.ingest(str(place / "yolo"), metadata=str(place / "yolo" / "metadata.parquet"), dataset="yolo")

    expected = [(name, class_name, box, False, None) for name, class_name, box, _, _ in labels(audit, "d", digits=4)]
    assert labels(again, "yolo", digits=4) == sorted(expected, key=str)
    assert about(again, "yolo") == about(audit, "d")
    assert "left out: attributes of 4 labels that YOLO's files cannot hold" in lines[0]


def test_voc_comes_back_but_for_labels_without_a_box(audit, again, place):
    to = place / "voc"
    audit.export(to, format="voc", selection="d")
    again.ingest(str(to), metadata=str(to / "metadata.parquet"), dataset="voc")

    assert labels(again, "voc") == [label for label in labels(audit, "d") if label[2] is not None]
    assert about(again, "voc") == about(audit, "d")
    lists = {path.name: len(path.read_text().splitlines()) for path in (to / "ImageSets" / "Main").iterdir()}
    rows = pq.read_table(to / "manifest.parquet", columns=["path", "split"]).to_pylist()
    assert lists == Counter(f"{row['split']}.txt" for row in rows if row["path"])


def test_a_table_comes_back_as_it_went_out(audit, again, place):
    audit.export(place / "parquet", format="parquet", selection="d", samples_per_shard=4)
    again.ingest(str(place / "parquet" / "data"), format="table", dataset="parquet")

    assert labels(again, "d") == labels(audit, "d")  # a table keeps its ids
    assert about(again, "parquet") == about(audit, "d")


def test_shards_come_back_as_they_went_out(audit, again, webdataset):
    again.ingest(str(webdataset), format="webdataset", dataset="webdataset")

    assert labels(again, "webdataset") == labels(audit, "d")
    assert about(again, "webdataset") == about(audit, "d")


def test_a_shard_has_as_many_samples_as_asked_for(webdataset):
    import tarfile

    counts = []
    for path in sorted(webdataset.glob("shard-*.tar")):
        with tarfile.open(path) as tar:
            counts.append(len(tar.getnames()) // 2)

    # Eleven images in order, of which the one that cannot be read is missing from the last.
    assert counts == [4, 4, 2]


def test_a_folder_per_class_comes_back_from_bytes_in_the_table(audit, again, place):
    audit.export(place / "folder", format="folder", selection="c")
    again.ingest(str(place / "folder"), dataset="folder")

    assert labels(again, "folder") == labels(audit, "c")
    # The name begins with the class already.
    assert (place / "folder" / "a" / "0.jpg").read_bytes() == (place / "images" / "a" / "0.jpg").read_bytes()


def test_a_folder_holds_no_boxes(audit, place):
    with pytest.raises(OptionError, match=r"9 boxes.\nHint: --format coco"):
        audit.export(place / "boxes", format="folder", selection="d")


def test_what_is_in_the_folder_is_replaced_only_when_asked_and_only_an_export(audit, place, coco):
    with pytest.raises(OptionError, match="--replace"):
        audit.export(coco, selection="d")
    (place / "notes").mkdir()
    (place / "notes" / "todo.txt").touch()
    with pytest.raises(OptionError, match="its files are not an export"):
        audit.export(place / "notes", selection="d", replace=True)
    (coco / "stale.txt").touch()
    audit.export(coco, selection="d", replace=True)

    assert not (coco / "stale.txt").exists()


def test_an_export_that_was_cut_off_is_begun_anew(audit, place):
    to = place / "cut"
    (to / "images").mkdir(parents=True)
    (to / "images" / "half.png").touch()
    (to / "export.json").write_text('{"format": "coco", "finished": false}')

    audit.export(to, selection="d")

    assert not (to / "images" / "half.png").exists()
    assert json.loads((to / "export.json").read_text())["finished"]


def test_a_folder_that_images_of_the_workspace_lie_in_is_never_replaced(audit, place):
    (place / "images" / "export.json").write_text('{"format": "coco", "finished": false}')

    with pytest.raises(OptionError, match="holds images of this workspace"):
        audit.export(place / "images", selection="d", replace=True)

    (place / "images" / "export.json").unlink()
    assert (place / "images" / "a" / "0.jpg").exists()


def test_nothing_is_no_export(audit, place):
    audit.select("none", [{"operation": "where", "condition": "dataset = 'unicorn'"}])

    with pytest.raises(ExportError, match="no images to export"):
        audit.export(place / "none", selection="none")


def test_two_images_whose_labels_would_be_one_file_get_names_of_their_own(spark, tmp_path):
    for name in ("1.png", "1.jpg", "1.v2"):
        Image.new("RGB", (64, 64)).save(tmp_path / name, "PNG")
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    audit.ingest(str(tmp_path), dataset="d", glob="1.*").export(tmp_path / "yolo", format="yolo")

    labels = sorted(path.stem for path in (tmp_path / "yolo" / "labels").rglob("*.txt"))
    assert len(set(labels)) == 3


def test_parts_of_a_split_are_exported_and_a_hold_out_with_a_reason_only(audit, place):
    audit.split("main", method="random", fractions={"train": 0.5, "test": 0.5}, images="dataset=d", guard=["test"])

    with pytest.raises(HoldoutError, match="--open-guarded"):
        audit.export(place / "parts", format="yolo", selection="d", split="main")
    with pytest.raises(HoldoutError, match="--open-guarded"):
        audit.export(place / "parts")  # images of a hold-out are among all images
    assert not (place / "parts").exists()
    with pytest.raises(HoldoutError, match="'test' of split 'main'"):
        audit.maite(dataset="d", max_images=1)  # asked before images are counted and read
    with pytest.raises(HoldoutError, match="'test' of split 'main'"):
        audit.maite(selection="d")
    audit.export(place / "parts", format="yolo", split="main", open_guarded="final test")

    folders = {path.name for path in (place / "parts" / "images").iterdir()}
    assert folders == {"train", "test"}
    message = audit.table("runs").where("step = 'export'").orderBy(F.desc("started_at")).first()["message"]
    assert "hold-out main/test opened once" in message
    assert "left out: 11 images in no part of main" in message
    rows = pq.read_table(place / "parts" / "manifest.parquet", columns=["image_id", "path", "error"]).to_pylist()
    outside = {row["image_id"] for row in rows if row["error"] == "In no part of split main"}
    assert len(outside) == 11
    assert all(image_id.startswith("c/") for image_id in outside)
    found = json.loads((place / "parts" / "export.json").read_text())
    assert (found["without_part"], found["left_out"] - found["unreadable"] - found["lost_labels"]) == (11, 11)


def test_a_selection_that_is_not_there_is_named(audit, place):
    with pytest.raises(OptionError, match="selection is 'feww'"):
        audit.export(place / "x", selection="feww")


def test_a_selection_is_a_pytorch_data_set_in_its_order(audit):
    audit.select("shuffled", [{"operation": "datasets", "names": ["c"]}, *DROP, {"operation": "shuffle", "seed": 5}])

    data = audit.maite(selection="shuffled", transform=lambda image, target, metadata: (image.shape, target, metadata))

    ids = [data[index][2]["id"] for index in range(len(data))]
    rows = audit.table("selection_members").where("selection_name = 'shuffled'").orderBy("order_key").collect()
    assert ids == [row["image_id"] for row in rows]
    assert ids != sorted(ids)
    assert data[0][0][0] == 3


def test_a_loader_with_processes_of_its_own_needs_files(audit):
    import pickle

    with pytest.raises(OptionError, match="num_workers=0"):
        pickle.dumps(audit.maite(selection="c"))
    copy = pickle.loads(pickle.dumps(audit.maite(dataset="d", task="detection", open_guarded="a test")))
    np.testing.assert_array_equal(copy[0][0], audit.maite(dataset="d", open_guarded="a test")[0][0])


def test_an_image_without_a_class_has_no_place_in_folders_per_class(spark, tmp_path):
    for name in ("a/1.png", "2.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64)).save(tmp_path / "in" / name)
    lines = []
    audit = Audit(str(tmp_path / "audit"), spark, echo=lines.append)
    audit.ingest(str(tmp_path / "in"), split="train", layout="class").export(tmp_path / "out", format="folder")

    assert [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")] == [
        "train/a/1.png"
    ]
    assert "left out: 1 image without a class (--unlabelled-folder NAME writes them)" in lines[-1]
    assert "cannot be read" not in lines[-1]
    found = json.loads((tmp_path / "out" / "export.json").read_text())
    assert (found["left_out"], found["without_class"], found["unreadable"], found["lost_labels"]) == (1, 1, 0, 0)


def truncated_scene(root):
    """Two whole JPEG files, one that ends halfway, one that is no picture, and one without a class."""
    rng = np.random.default_rng(1)
    for name in ("cat/1.jpg", "cat/2.jpg", "cat/half.jpg", "3.jpg"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (96, 96, 3), np.uint8)).save(root / name)
    half = root / "cat" / "half.jpg"
    half.write_bytes(half.read_bytes()[: half.stat().st_size // 2])
    (root / "cat" / "text.jpg").write_text("this is no picture")


def test_a_jpeg_that_ends_halfway_is_in_no_export_and_no_clean_selection(spark, tmp_path):
    truncated_scene(tmp_path / "in")
    lines = []
    audit = Audit(str(tmp_path / "audit"), spark, echo=lines.append)
    audit.ingest(str(tmp_path / "in"), layout="class", dataset="d").export(tmp_path / "unchecked", format="folder")
    said = lines[-1]
    audit.profile().select("clean", [{"operation": "drop_unreadable"}])
    kept = [row["image_id"] for row in audit.table("selection_members").orderBy("image_id").collect()]
    removed = lines[-1]
    audit.export(tmp_path / "out", format="folder", unlabelled_folder="unknown")
    checked = lines[-1]
    audit.export(tmp_path / "as_they_are", format="folder", drop_unreadable=False, selection=None)
    audit.export(tmp_path / "clean", format="coco", selection="clean")

    stages = {row["image_id"]: row["stage"] for row in audit.table("unreadable_images").collect()}
    assert stages == {"d/cat/half.jpg": "decode", "d/cat/text.jpg": "header"}
    assert "no image was checked for damage: dataeval-spark profile --workspace" in said
    assert kept == ["d/3.jpg", "d/cat/1.jpg", "d/cat/2.jpg"]
    assert "drop_unreadable: 2 images removed, 3 left (decode: OSError: d/cat/half.jpg; header: " in removed
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.jpg")}
    assert written == {"cat/1.jpg", "cat/2.jpg", "unknown/3.jpg"}
    assert re.search(r"3 images as folder in \S+; left out: 2 images that cannot be read \(see manifest", checked)
    assert "checked for damage" not in checked
    errors = {row["image_id"]: row["error"] for row in pq.read_table(tmp_path / "out" / "manifest.parquet").to_pylist()}
    assert errors["d/cat/half.jpg"].startswith("Cannot be read: decode: OSError: ")
    half = tmp_path / "as_they_are" / "cat" / "half.jpg"
    assert half.read_bytes() == (tmp_path / "in" / "cat" / "half.jpg").read_bytes()
    assert not (tmp_path / "as_they_are" / "cat" / "text.jpg").exists()  # it has no size
    assert len(list((tmp_path / "clean" / "images").rglob("*.jpg"))) == 3


def test_a_folder_for_images_without_a_class_is_none_of_a_class_and_of_this_format_only(audit, place):
    for name, format, message in (
        ("A", "folder", "which is the folder of class 'a'"),
        ("a/b", "folder", "expected the name of one folder"),
        ("", "folder", "unlabelled_folder is empty"),
        ("x", "coco", "'coco' has no folder per class"),
    ):
        with pytest.raises(OptionError, match=message):
            audit.export(place / "clash", format=format, selection="c", unlabelled_folder=name)
    assert not (place / "clash").exists()


def test_metadata_whose_name_means_something_else_get_another(spark, tmp_path):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (64, 64)).save(tmp_path / "in" / "1.png")
    (tmp_path / "m.csv").write_text("path,uri,Data,gain\n1.png,here,x,2\n")
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    audit.ingest(str(tmp_path / "in"), metadata=str(tmp_path / "m.csv"))
    audit.export(tmp_path / "coco").export(tmp_path / "table", format="parquet")

    metadata = pq.read_table(tmp_path / "coco" / "metadata.parquet")
    assert metadata.column_names == ["path", "split", "captured_at", "source_uri", "source_Data", "gain"]
    assert {"source_uri", "source_Data", "gain"} <= set(pq.read_table(tmp_path / "table" / "data").column_names)


def test_what_ingestion_lost_is_no_background_and_boxes_are_within_images(spark, tmp_path):
    labels = {1: "0 0.1 0.5 0.4 0.5\n0 2.5 0.5 0.5 0.5\n", 2: "0 nothing\n", 4: "0 2.5 0.5 0.5 0.5\n"}
    for number in range(1, 5):
        for folder in ("images", "labels"):
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (40, 30)).save(tmp_path / "in" / "images" / f"{number}.png")
        if number in labels:
            (tmp_path / "in" / "labels" / f"{number}.txt").write_text(labels[number])
    (tmp_path / "in" / "data.yaml").write_text("names: [cat]\n")
    lines = []
    audit = Audit(str(tmp_path / "audit"), spark, echo=lines.append)
    audit.ingest(str(tmp_path / "in"))
    audit.export(tmp_path / "strict").export(tmp_path / "all", format="yolo", with_lost_labels=True)

    said = "left out: 2 images whose labels are lost (with_lost_labels writes them, without labels); 1 box clipped"
    assert "2 images as coco in " in lines[-2]
    assert f"; {said} to the image; left out: 2 boxes without area in the image" in lines[-2]
    rows = {row["image_id"]: row for row in pq.read_table(tmp_path / "strict" / "manifest.parquet").to_pylist()}
    errors = {image_id: row["error"] for image_id, row in rows.items()}
    assert errors["in/images/1.png"] is errors["in/images/3.png"] is None  # one has a label, the other never had any
    assert errors["in/images/2.png"].startswith("Labels are lost: not_numeric_box: ")
    assert errors["in/images/4.png"] == "Labels are lost: no box has an area in the image"
    found = json.loads((tmp_path / "strict" / "export.json").read_text())
    assert (found["images"], found["left_out"], found["lost_labels"]) == (2, 2, 2)
    assert (found["boxes_clipped"], found["boxes_left_out"]) == (1, 2)
    (box,) = json.loads((tmp_path / "strict" / "annotations.json").read_text())["annotations"]
    assert box["bbox"] == pytest.approx([0, 7.5, 12, 15])
    texts = {path.name: path.read_text() for path in (tmp_path / "all" / "labels").rglob("*.txt")}
    lengths = {name: len(text.splitlines()) for name, text in texts.items()}
    assert lengths == {"1.txt": 1, "2.txt": 0, "3.txt": 0, "4.txt": 0}


def test_yolo_of_labels_without_boxes_is_refused(audit, place):
    with pytest.raises(OptionError, match="no label has a box: all images would be background"):
        audit.export(place / "no_boxes", format="yolo", selection="c")
