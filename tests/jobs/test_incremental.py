"""Running again: only what is new or changed, and no old row left."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from dataeval_spark.analyses.profile.options import measures_of, version_of_encoder
from dataeval_spark.analyses.profile.profile import fingerprints
from dataeval_spark.audit import Audit
from dataeval_spark.errors import IngestError
from dataeval_spark.options import ProfileOptions
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import CHANNEL_STATS, EMBEDDINGS, HASHES, IMAGE_STATS, UNREADABLE_IMAGES
from tests.jobs.conftest import picture, write_coco

PER_IMAGE = (IMAGE_STATS, CHANNEL_STATS, HASHES, EMBEDDINGS)
BOX = [10, 10, 30, 30]


@pytest.fixture
def audit(spark, tmp_path):
    return Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)


def measure(audit, source, **options):
    """Ingest and profile, as one run."""
    with audit.one_run("test", {}):
        audit.ingest(source, **options).profile(encoder="thumbnail")


def everything(audit, source):
    """Ingest, profile and analyze, as one run."""
    with audit.one_run("test", {}):
        audit.ingest(source).profile().analyze()


def with_input(lines):
    """Lines of the steps whose tables exist and options are given: a folder of images has no predictions, for one."""
    left_out = ("needs predictions", "needs annotations", "no ontology is given", "no truth is given")
    found = [line for line in lines if not any(reason in line for reason in left_out)]
    assert len(found) > len(lines) - 7
    return found


def ids(audit, table):
    return sorted({row["image_id"] for row in audit.workspace.read(table).select("image_id").collect()})


def touch(path):
    """A changed file has another modification time, also on file systems that count in seconds."""
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 2_000_000_000))


def said(audit):
    lines = []
    audit._echo = lines.append
    return lines


def test_a_changed_image_with_fewer_boxes_leaves_no_old_row(audit, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        picture(ord(name[0])).save(folder / name)
    annotations = str(write_coco(folder, {"a.png": [BOX, BOX, BOX], "b.png": [BOX]}))
    measure(audit, str(folder), annotations=annotations)

    picture(3).save(folder / "a.png")
    touch(folder / "a.png")
    write_coco(folder, {"a.png": [BOX], "b.png": [BOX]})
    measure(audit, str(folder), annotations=annotations)

    def targets(table):
        found = audit.workspace.read(table).select("image_id", "target_index", "fingerprint").distinct()
        return sorted((r["image_id"], -1 if r["target_index"] is None else r["target_index"]) for r in found.collect())

    assert ids(audit, TARGETS) == ["scenes/a.png", "scenes/b.png"]
    assert audit.workspace.read(TARGETS).count() == 2
    for table in PER_IMAGE:
        expected = [(f"scenes/{name}.png", index) for name in "ab" for index in (-1, 0)]
        assert targets(table) == expected


def test_a_deleted_image_leaves_every_table_and_is_marked(audit, photos):
    measure(audit, str(photos))

    (photos / "night" / "2.png").unlink()
    (photos / "day" / "1.png").unlink()
    audit.ingest(str(photos))

    for table in (*PER_IMAGE, TARGETS, UNREADABLE_IMAGES):
        assert "photos/night/2.png" not in ids(audit, table)
    assert ids(audit, UNREADABLE_IMAGES) == []
    deleted = audit.workspace.read(IMAGES).where("deleted_at IS NOT NULL")
    assert sorted(row["image_id"] for row in deleted.collect()) == ["photos/day/1.png", "photos/night/2.png"]


def test_an_image_that_became_unreadable_is_only_in_unreadable_images_and_comes_back_when_mended(audit, photos):
    measure(audit, str(photos))
    path = photos / "night" / "2.png"
    good = path.read_bytes()

    path.write_bytes(good[:200])
    touch(path)
    measure(audit, str(photos))

    for table in PER_IMAGE:
        assert "photos/night/2.png" not in ids(audit, table)
    assert ids(audit, UNREADABLE_IMAGES) == ["photos/day/1.png", "photos/night/2.png"]

    path.write_bytes(good)
    touch(path)
    touch(path)
    measure(audit, str(photos))

    for table in PER_IMAGE:
        assert "photos/night/2.png" in ids(audit, table)
    assert ids(audit, UNREADABLE_IMAGES) == ["photos/day/1.png"]


def test_only_new_images_are_measured_and_steps_that_are_up_to_date_say_so(audit, photos):
    everything(audit, str(photos))
    lines = said(audit)

    everything(audit, str(photos))

    assert "0 new, 0 changed, 0 deleted" in lines[0]
    assert all("skipped" in line and "up to date" in line for line in with_input(lines[1:]))

    lines.clear()
    picture(77).save(photos / "day" / "new.png")
    everything(audit, str(photos))

    assert "1 new, 0 changed, 0 deleted" in lines[0]
    assert "1 image measured" in lines[1]
    assert all(" done " in line for line in with_input(lines[2:]))


def test_a_touched_file_is_read_but_not_measured_again(audit, photos):
    audit.ingest(str(photos)).profile()
    lines = said(audit)

    touch(photos / "night" / "2.png")
    audit.ingest(str(photos)).profile()

    assert "1 changed" in lines[0]
    assert "skipped" in lines[1]


def test_a_limited_second_ingest_leaves_the_other_images_as_they_are(audit, photos):
    audit.ingest(str(photos))

    audit.ingest(str(photos), limit=2)

    assert len(ids(audit, TARGETS)) == 6
    assert audit.workspace.read(IMAGES).where("deleted_at IS NULL").count() == 6


def test_a_second_annotation_file_over_one_folder_needs_a_name_of_its_own(audit, tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        picture(ord(name[0])).save(folder / name)
    train = write_coco(folder, {"a.png": [BOX]}).rename(folder / "train.json")
    test = write_coco(folder, {"b.png": [BOX]}).rename(folder / "test.json")
    audit.ingest(str(folder), annotations=str(train))

    with pytest.raises(IngestError, match="--dataset NAME"):
        audit.ingest(str(folder), annotations=str(test))
    audit.ingest(str(folder), annotations=str(test), dataset="test")

    assert ids(audit, IMAGES) == ["scenes/a.png", "test/b.png"]


def test_factors_follow_the_metadata_file(audit, photos):
    metadata = photos / "metadata.csv"
    absolute = photos / "night" / "2.png"
    metadata.write_text(f"path,Camera Model,secret\n{absolute},x100,7\nday/3.png,x200,8\n")
    audit.ingest(str(photos), metadata=str(metadata))

    def factors():
        rows = audit.workspace.read(FACTORS).drop("run_id", "target_index").orderBy("image_id").collect()
        return [row.asDict() for row in rows]

    assert factors() == [
        {"image_id": "photos/day/3.png", "Camera_Model": "x200", "secret": 8},
        {"image_id": "photos/night/2.png", "Camera_Model": "x100", "secret": 7},
    ]

    metadata.write_text("path,Camera Model\nday/3.png,x200\n")
    audit.ingest(str(photos), metadata=str(metadata))

    assert factors() == [{"image_id": "photos/day/3.png", "Camera_Model": "x200", "secret": None}]


def test_a_file_that_could_not_be_read_is_tried_again(audit, photos, tmp_path):
    audit.ingest(str(photos))
    hidden = tmp_path / "hidden.png"
    (photos / "night" / "2.png").rename(hidden)
    audit.profile()
    unreadable = audit.workspace.read(UNREADABLE_IMAGES).where("stage = 'read'").select("image_id", "error_class")
    assert [tuple(row) for row in unreadable.collect()] == [("photos/night/2.png", "FileNotFoundError")]

    hidden.rename(photos / "night" / "2.png")
    audit.profile()

    assert ids(audit, UNREADABLE_IMAGES) == ["photos/day/1.png"]
    assert "photos/night/2.png" in ids(audit, IMAGE_STATS)


def test_bytes_kept_in_the_table_give_the_same_results_as_files(audit, spark, photos, tmp_path):
    kept = Audit(str(tmp_path / "kept"), spark, echo=lambda line: None)
    measure(audit, str(photos))
    kept.ingest(str(photos), keep_bytes=True)
    for path in photos.rglob("*.png"):
        path.unlink()

    kept.profile(encoder="thumbnail")

    for table in (*PER_IMAGE, UNREADABLE_IMAGES):
        left, right = (a.workspace.read(table).drop("run_id") for a in (audit, kept))
        assert left.exceptAll(right).isEmpty()
        assert right.exceptAll(left).isEmpty()


def test_each_image_is_decoded_once(audit, photos, tmp_path, monkeypatch):
    log = tmp_path / "decodes"
    log.mkdir()
    # Workers are other processes, so each decode leaves a file; the real decoder does the work.
    import dataeval_spark.kernels.images.profile as kernel
    from dataeval_spark.analyses.profile import worker

    real = kernel.decode

    def counting(data, *args, **options):
        import tempfile

        if data in files:  # a worker warms up with a picture of its own
            tempfile.NamedTemporaryFile(dir=str(log), delete=False).close()
        return real(data, *args, **options)

    audit.ingest(str(photos))
    pending = fingerprints(audit.workspace.read(IMAGES), audit.workspace.read(TARGETS))
    rows = [{**row.asDict(recursive=True), "content": None} for row in pending.collect()]

    files = [Path(row["uri"]).read_bytes() for row in rows]
    monkeypatch.setattr(kernel, "decode", counting)
    options = ProfileOptions(encoder="thumbnail")
    version = version_of_encoder(options)
    task = worker.Task(may_end=True, children=1)  # with a process of its own: this one
    given = {"options": options, "measures": measures_of(options), "encoder_version": version}
    measured = list(worker.measure_rows(iter(rows), task, **given))

    assert sum(batch.num_rows for batch in measured) == 6
    assert len(list(log.iterdir())) == 6
