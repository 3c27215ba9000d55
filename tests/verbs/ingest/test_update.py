"""What ingestion remembers of annotation files, also when a run is killed in between."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.tables.images import SOURCE_FILES, TARGETS
from dataeval_spark.verbs.ingest import sync
from dataeval_spark.verbs.ingest.readers.source import FILES_DDL
from dataeval_spark.verbs.ingest.update import update_of_fingerprints
from dataeval_spark.workspace import runs
from tests.verbs.ingest.readers.pictures import touch, tree


@pytest.fixture
def audit(spark, tmp_path):
    return Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)


def remembered(audit):
    return sorted(os.path.basename(row["path"]) for row in audit.workspace.read(SOURCE_FILES).collect())


def classes(audit):
    rows = audit.workspace.read(TARGETS).select("image_id", "class_name").collect()
    return {row["image_id"]: row["class_name"] for row in rows}


def test_what_a_killed_run_was_about_to_write_is_read_again(audit, tmp_path, monkeypatch):
    root = tree(tmp_path / "y", {"a.png": 1, "a.txt": b"0 .5 .5 1 1", "b.png": 2, "b.txt": b"1 .5 .5 1 1"})
    audit.ingest(root, format="yolo")
    assert remembered(audit) == ["a.txt", "b.txt"]
    status = (tmp_path / "y" / "b.txt").stat()
    touch(tmp_path / "y" / "b.txt", b"2 .5 .5 1 1")

    def stop(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:  # after the targets were written
        patched.setattr(sync, "_drop_deleted", stop)
        with pytest.raises(KeyboardInterrupt):
            audit.ingest(root, format="yolo")
    assert (classes(audit)["y/b.png"], remembered(audit)) == ("2", ["a.txt"])

    # Even though the file is as it was when it was remembered last.
    (tmp_path / "y" / "b.txt").write_bytes(b"1 .5 .5 1 1")
    os.utime(tmp_path / "y" / "b.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    audit.ingest(root, format="yolo")
    assert (classes(audit)["y/b.png"], remembered(audit)) == ("1", ["a.txt", "b.txt"])


def test_a_source_without_such_files_forgets_them(audit, spark):
    files = spark.createDataFrame([("a.txt", "y/a.png", "f"), ("b.txt", "y/b.png", "f")], FILES_DDL)
    with runs.start(audit.workspace, "test", {}) as run:
        with update_of_fingerprints(run, "y", files, is_new=False):
            pass
        with update_of_fingerprints(run, "other", files.limit(1), is_new=True):
            pass
        with update_of_fingerprints(run, "y", None, is_new=False):
            assert remembered(audit) == ["a.txt"]  # of the other dataset

    assert remembered(audit) == ["a.txt"]
