"""The format of a source, where there is no doubt."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.verbs.ingest.readers.detect import detect_format
from tests.kernels.s3_server import ENVIRONMENT, serve
from tests.verbs.ingest.readers.pictures import tree


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """Puts files into a bucket of their own, and gives its URI."""
    with serve(tmp_path / "server") as running:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.endpoint}.items():
            monkeypatch.setenv(name, value)
        names = iter(("one", "two", "three"))

        def put(files):
            name = f"{tmp_path.name.strip('_').replace('_', '-').lower()}-{next(names)}"
            tree(tmp_path / "server" / name, files)
            return f"s3://{name}"

        yield put


@pytest.mark.parametrize(
    ("files", "annotations", "format"),
    [
        ({"a/1.png": 1}, None, "folder"),
        ({"Annotations/1.xml": b"", "JPEGImages/1.png": 1}, None, "voc"),
        ({"data.yaml": b"", "images/1.png": 1}, None, "yolo"),
        ({"other.yaml": b"", "images/1.png": 1}, None, "folder"),
        ({"0.tar": b"", "1.tar.gz": b""}, None, "webdataset"),
        ({"0.tar": b"", "1.png": 1}, None, "folder"),
        ({"a/1.png": 1}, "labels.json", "coco"),
        ({"a/1.png": 1}, "data.yml", "yolo"),
        ({"a/1.png": 1, "labels/1.xml": b""}, "labels", "voc"),
        ({"a/1.png": 1, "labels/1.txt": b""}, "labels", "yolo"),
    ],
)
def test_what_lies_in_a_source_tells_its_format(tmp_path, bucket, files, annotations, format):
    roots = [tree(tmp_path / "set", files), bucket(files)]

    found = [detect_format(root, annotations and f"{root}/{annotations}") for root in roots]

    assert found[0] == found[1]
    assert found[0][0] == format


def test_a_tar_file_is_a_shard_and_what_is_not_there_is_left_to_the_reader(tmp_path, bucket):
    for root in (tree(tmp_path / "set", {"0.tar": b""}), bucket({"0.tar": b""})):
        assert detect_format(f"{root}/0.tar", None) == ("webdataset", "a tar file")
        assert detect_format(f"{root}/nothing", None) == ("folder", "")


def test_a_source_that_may_be_two_formats_asks_for_one(tmp_path):
    root = tree(tmp_path, {"data.yaml": b"", "Annotations/1.xml": b""})

    with pytest.raises(
        OptionError, match=r"may be voc or yolo: it has Annotations, it has data\.yaml\.\nHint: --format"
    ):
        detect_format(root, None)


def test_a_folder_of_other_files_is_no_annotations(tmp_path):
    root = tree(tmp_path, {"x/1.csv": b""})

    with pytest.raises(OptionError, match=r"holds neither XML files alone nor text files alone\.\nHint: --format voc"):
        detect_format(root, f"{root}/x")
