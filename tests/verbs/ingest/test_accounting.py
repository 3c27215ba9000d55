"""Every entry of a source is accounted for: what readers say they saw against an independent walk of what is there."""

from __future__ import annotations

import csv
import io
import json
import os
import random
import tarfile
from xml.etree import ElementTree

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataeval_spark.verbs.ingest.accounting import account, summary
from dataeval_spark.verbs.ingest.readers.coco import read_coco
from dataeval_spark.verbs.ingest.readers.folder import read_folder
from dataeval_spark.verbs.ingest.readers.source import ROLES, Reading
from dataeval_spark.verbs.ingest.readers.table import read_table
from dataeval_spark.verbs.ingest.readers.text_rows import TableOptions
from dataeval_spark.verbs.ingest.readers.voc import read_voc
from dataeval_spark.verbs.ingest.readers.webdataset import read_webdataset
from dataeval_spark.verbs.ingest.readers.yolo import read_yolo
from tests.verbs.ingest.readers.pictures import png, tree

SEEDS = (1, 2)


def entries_below(folder, above=frozenset()):
    """Files, and folders that are links to one above them, counted without the product's own walk."""
    place = os.path.realpath(folder)
    if place in above:
        return 1
    count = 0
    for name in os.listdir(folder):
        path = os.path.join(os.fsencode(folder), os.fsencode(name))
        count += entries_below(os.fsdecode(path), above | {place}) if os.path.isdir(path) else 1
    return count


def account_of(source, unit):
    """Role or reason to number, over all source files."""
    counts = {}
    for row in account(source.accounting).collect():
        found, _, reason = row["location"].partition(": ")
        if found == unit:
            assert row["kind"] in ROLES
            counts[reason or row["kind"]] = counts.get(reason or row["kind"], 0) + row["n"]
    return counts


def surplus(root, rng):
    """What people leave in folders of images; returns how many pictures behind links are images too."""
    tree(root, {"README.md": b"text", ".cache/x.png": 1, "notes/list.csv": b"a,b\n"})
    elsewhere = root.parent / f"{root.name}_elsewhere"
    pictures = rng.randint(1, 3)
    tree(elsewhere, {f"far{number}.png": number for number in range(pictures)})
    (root / "linked").symlink_to(elsewhere)
    (root / "gone.png").symlink_to(root / "nowhere.png")
    (root / "notes" / "up").symlink_to(root)
    os.mkfifo(root / "pipe")
    with open(os.fsencode(root) + b"/caf\xe9.png", "wb") as file:
        file.write(png(3))
    return pictures


@pytest.mark.parametrize("seed", SEEDS)
def test_files_of_a_folder(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    root = tmp_path / "root"
    images = {f"{rng.choice(['a', 'b', 'c'])}/{number}.png": number for number in range(rng.randint(3, 12))}
    labels = {path.replace(".png", ".txt"): b"0 0 0 1 1" for path in rng.sample(sorted(images), 2)}
    tree(root, {**images, **labels})
    linked = surplus(root, rng)

    source = read_folder(Reading(spark, str(root), dataset="d", checkpoint=checkpoint))

    counts = account_of(source, "files")
    assert sum(counts.values()) == entries_below(root)
    assert counts["images"] == len(images) + linked == source.images.count()
    assert counts["label_not_used"] == len(labels)
    expected = {"hidden": 1, "broken_link": 1, "link_cycle": 1, "no_regular_file": 1, "name_is_no_utf8": 1}
    assert {reason: counts[reason] for reason in expected} == expected
    assert counts["not_an_image"] == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_files_and_elements_of_coco(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    root = tmp_path / "images"
    names = [f"{number}.png" for number in range(rng.randint(3, 9))]
    tree(root, {**dict.fromkeys(names, 1), "unlisted.png": 2})
    linked = surplus(root, rng)
    listed = [{"id": number, "file_name": name} for number, name in enumerate(names)]
    listed += [{"id": 900, "file_name": "missing.png"}, {"id": 901}, dict(listed[0])]
    annotations = [
        {
            "image_id": rng.choice([*range(len(names)), 900, 555]),
            "category_id": rng.choice([1, 2, 7]),
            "bbox": rng.choice([[0, 0, 2, 2], [0, 0], "odd"]),
        }
        for _ in range(20)
    ]
    document = {"images": listed, "annotations": [*annotations, "none"], "categories": [{"id": 1, "name": "cat"}]}
    (tmp_path / "ann.json").write_text(json.dumps(document))

    source = read_coco(Reading(spark, str(root), dataset="d", checkpoint=checkpoint), str(tmp_path / "ann.json"))

    files, images, found = (account_of(source, unit) for unit in ("files", "listed images", "annotations"))
    assert sum(files.values()) == entries_below(root) + 1  # the annotation file lies outside SOURCE
    assert (files["images"], files["description"]) == (len(names), 1)
    assert files["not_in_annotations"] == 1 + linked
    assert sum(images.values()) == len(document["images"])
    assert images == {"images": len(names), "unmatched": 1, "broken": 1, "repeated": 1}
    assert sum(found.values()) == len(document["annotations"])
    assert found["annotations"] == source.targets.count()


@pytest.mark.parametrize("seed", SEEDS)
def test_files_lines_and_lists_of_yolo(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    root = tmp_path / "yolo"
    names = [f"{number:02}" for number in range(rng.randint(4, 9))]
    labelled = names[: rng.randint(2, len(names))]
    lines = ["0 0.5 0.5 0.2 0.2", "1 0.5 0.5 1", "5 0.5 0.5 0.2 0.2", "", "no line"]
    labels = {f"labels/{name}.txt": "\n".join(rng.choices(lines, k=6)).encode() for name in labelled}
    listed = [f"/old/place/images/{name}.png" for name in names] + ["images/none.png", f"./images/{names[0]}.png", ""]
    tree(
        root,
        {
            **{f"images/{name}.png": 1 for name in names},
            **labels,
            "labels/alone.txt": b"0 0.5 0.5 1 1",
            "outside.png": 2,
            "labels/00.xml": b"<annotation/>",
            "train.txt": "\n".join(listed).encode(),
            "data.yaml": b"train: train.txt\nnames: [cat, dog]\n",
        },
    )
    surplus(root, rng)

    source = read_yolo(Reading(spark, str(root), dataset="d", checkpoint=checkpoint))

    files, of_lines, of_list = (account_of(source, unit) for unit in ("files", "lines", "list lines"))
    assert sum(files.values()) == entries_below(root)
    assert (files["images"], files["annotations"], files["description"]) == (len(names), len(labelled), 2)
    assert (files["label_without_image"], files["label_not_used"]) == (1, 1)
    written = [line for data in labels.values() for line in data.decode().splitlines() if line.strip()]
    assert sum(of_lines.values()) == len(written)
    assert of_lines["annotations"] == sum(len(line.split()) == 5 for line in written)
    assert sum(of_list.values()) == len([line for line in listed if line])
    assert of_list == {"description": len(names), "unmatched": 1, "repeated": 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_files_and_objects_of_voc(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    root = tmp_path / "voc"
    names = [f"{number:02}" for number in range(rng.randint(3, 8))]
    box = "<bndbox><xmin>0</xmin><ymin>0</ymin><xmax>2</xmax><ymax>2</ymax></bndbox>"
    kinds = [f"<object><name>cat</name>{box}</object>", "<object><name>dog</name></object>", f"<object>{box}</object>"]
    documents = {name: "".join(rng.choices(kinds, k=4)) for name in names[:-1]}
    tree(
        root,
        {
            **{f"JPEGImages/{name}.png": 1 for name in names},
            **{f"Annotations/{n}.xml": f"<annotation>{text}</annotation>".encode() for n, text in documents.items()},
            "Annotations/broken.xml": b"<annotation>",
            "Annotations/other.xml": b"<annotation><filename>none.png</filename></annotation>",
            "masks/00.png": 2,
            "ImageSets/Main/train.txt": "\n".join([*names, "99"]).encode(),
        },
    )
    surplus(root, rng)

    source = read_voc(Reading(spark, str(root), dataset="d", checkpoint=checkpoint))

    files, objects, lines = (account_of(source, unit) for unit in ("files", "objects", "list lines"))
    assert sum(files.values()) == entries_below(root)
    assert (files["images"], files["annotations"], files["description"]) == (len(names), len(documents), 1)
    assert files["label_without_image"] == 2
    written = [e for text in documents.values() for e in ElementTree.fromstring(f"<a>{text}</a>").findall("object")]
    assert sum(objects.values()) == len(written)
    assert objects["annotations"] == sum(element.find("bndbox") is not None for element in written)
    assert lines == {"description": len(names), "unmatched": 1}


@pytest.mark.parametrize("seed", SEEDS)
def test_members_of_shards(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    fields = ["jpg", "left.png", "mask.png", "cls", "txt", "json", "npy", "JPG"]
    written = {}
    for shard in ("0.tar", "sub/1.tar"):
        (tmp_path / shard).parent.mkdir(exist_ok=True)
        with tarfile.open(tmp_path / shard, "w") as tar:
            names = [f"{key:02}.{field}" for key in range(6) for field in rng.sample(fields, rng.randint(1, 5))]
            for name in [*names, ".hidden.jpg", "plain", "__meta__", "folder/0.a.jpg"]:
                data = {"jpg": png(1), "png": png(2), "json": b"{}"}.get(name.rpartition(".")[2].lower(), b"cat")
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
            link = tarfile.TarInfo("99.jpg")
            link.type, link.linkname = tarfile.SYMTYPE, names[0]
            tar.addfile(link)
    tree(tmp_path, {"README": b"text"})
    for shard in ("0.tar", "sub/1.tar"):
        with tarfile.open(tmp_path / shard) as tar:
            written[shard] = tar.getnames()

    source = read_webdataset(Reading(spark, str(tmp_path), dataset="d", checkpoint=checkpoint))

    members, files = account_of(source, "members"), account_of(source, "files")
    assert sum(members.values()) == sum(len(names) for names in written.values())
    assert members["images"] == source.images.count()
    assert (members["no_key"], members["not_a_file"]) == (6, 2)
    assert files == {"annotations": 2, "not_an_image": 1}
    limited = read_webdataset(Reading(spark, str(tmp_path), dataset="d", checkpoint=checkpoint, limit=2))
    of_limited = account_of(limited, "members")
    assert (of_limited["images"], sum(of_limited.values())) == (2, sum(members.values()))


@pytest.mark.parametrize("seed", SEEDS)
def test_rows_and_columns_of_parquet(spark, checkpoint, tmp_path, seed):
    rng = random.Random(seed)
    n = rng.randint(3, 9)
    columns = {
        "content": pa.array([png(number) for number in range(n)], pa.binary()),
        "id": pa.array([f"i{number}" for number in range(n)]),
        "label": pa.array(["cat"] * n),
        "list": pa.array([[1, 2]] * n),
        "a.b": pa.array(range(n)),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")

    source = read_table(Reading(spark, str(tmp_path / "t.parquet"), dataset="d", checkpoint=checkpoint, limit=2))

    file = pq.ParquetFile(tmp_path / "t.parquet")
    rows, of_columns = account_of(source, "rows"), account_of(source, "columns")
    assert rows == {"images": 2, "not_asked_for": n - 2}
    assert sum(rows.values()) == file.metadata.num_rows
    assert of_columns == {"description": 4, "no_column_type": 1}
    assert sum(of_columns.values()) == len(file.schema_arrow.names)


def test_a_table_without_images_needs_no_path_and_says_that_it_has_none(spark, checkpoint, tmp_path):
    (tmp_path / "people.csv").write_text("file,age,race,weight\na.jpg,3-9,x,1\nb.jpg,10-19,y,2\n")
    options = TableOptions(id_column="file", label_column="race")

    source = read_table(
        Reading(spark, str(tmp_path / "people.csv"), dataset="d", checkpoint=checkpoint, columns=options)
    )

    assert {tuple(row) for row in source.targets.select("image_id", "class_name").collect()} == {
        ("d/a.jpg", "x"),
        ("d/b.jpg", "y"),
    }
    assert {(row["age"], row["weight"]) for row in source.factors.collect()} == {("3-9", 1), ("10-19", 2)}
    assert source.images.where("uri IS NULL AND content IS NULL").count() == 2
    assert [row["kind"] for row in source.findings.collect()] == ["no_images"]
    with open(tmp_path / "people.csv") as file:
        assert account_of(source, "rows") == {"images": len(list(csv.DictReader(file)))}


def test_lines_of_metadata_that_are_not_whole_are_counted(spark, checkpoint, tmp_path):
    root = tree(tmp_path / "images", {"a.png": 1, "b.png": 2})
    (tmp_path / "m.csv").write_text("path,label\na.png,cat\nb.png,dog,surplus\n")

    source = read_folder(Reading(spark, root, dataset="d", checkpoint=checkpoint, metadata=str(tmp_path / "m.csv")))

    (row,) = source.findings.where("kind = 'broken_element'").collect()
    assert (row["n"], row["found"]) == (1, "b.png,dog,surplus")


def test_the_summary_names_every_role_and_why_entries_were_passed_over():
    rows = [
        {"location": "files", "kind": "images", "n": 15, "found": "a.png"},
        {"location": "files", "kind": "description", "n": 1, "found": "data.yaml"},
        {"location": "files: not_an_image", "kind": "skipped", "n": 3, "found": "README.md, a.bin"},
        {"location": "lines", "kind": "annotations", "n": 1200, "found": "x"},
    ]

    assert summary(rows) == (
        "19 files seen = 15 images + 1 description + 3 skipped: not an image 3 (README.md, a.bin); "
        "1,200 lines seen = 1,200 annotations"
    )
