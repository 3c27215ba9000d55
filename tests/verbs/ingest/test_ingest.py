"""Ingestion of a folder: names of datasets, and a dataset whose files are all gone."""

from __future__ import annotations

import shutil

import pytest

from dataeval_spark.audit import Audit
from dataeval_spark.errors import IngestError, OptionError
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS
from tests.jobs.conftest import picture


@pytest.fixture
def lines():
    return []


@pytest.fixture
def audit(spark, tmp_path, lines):
    return Audit(str(tmp_path / "audit"), spark, echo=lines.append)


@pytest.fixture
def photos(tmp_path):
    for number in range(4):
        path = tmp_path / "photos" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    return tmp_path / "photos"


def empty(folder):
    shutil.rmtree(folder)
    folder.mkdir()


def live(audit):
    return {row["image_id"] for row in audit.workspace.read_live(IMAGES).select("image_id").collect()}


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_of_a_dataset_is_refused(audit, photos, name):
    with pytest.raises(OptionError, match=r"ingest\.dataset is empty\.\nHint: leave it out, or give it a value"):
        audit.ingest(str(photos), dataset=name)


def test_a_dataset_whose_files_are_gone_is_emptied_only_where_that_is_asked_for(audit, photos, lines):
    audit.ingest(str(photos)).profile()
    before = live(audit)
    empty(photos)

    with pytest.raises(IngestError, match="or --allow-empty to remove all 4 images of dataset photos"):
        audit.ingest(str(photos))
    assert live(audit) == before
    audit.ingest(str(photos), allow_empty=True)
    assert "dataset photos: 0 images (0 new, 0 changed, 4 deleted)" in lines[-1]
    assert live(audit) == set()
    assert all(audit.workspace.read(table).isEmpty() for table in (TARGETS, IMAGE_STATS))

    audit.ingest(str(photos), allow_empty=True)  # again: it is as it was
    assert "(0 new, 0 changed, 0 deleted)" in lines[-1]


def test_what_never_had_images_or_still_has_some_is_not_emptied(audit, photos):
    audit.ingest(str(photos))

    with pytest.raises(IngestError, match=r"no images that match --glob"):
        audit.ingest(str(photos), glob="*.tif", allow_empty=True)
    assert len(live(audit)) == 4
    empty(photos)
    with pytest.raises(IngestError, match=r"has no images; it is empty") as error:
        audit.ingest(str(photos), dataset="other", allow_empty=True)
    assert "--allow-empty" not in str(error.value)


def test_later_verbs_say_of_an_emptied_dataset_that_there_is_none(audit, photos, lines, tmp_path):
    audit.ingest(str(photos)).profile(encoder="thumbnail").analyze().split("main", method="random")
    audit.select("all", [{"operation": "drop_duplicates"}]).snapshot("full")
    empty(photos)
    audit.ingest(str(photos), allow_empty=True)

    def said(verb, *arguments, **options):
        lines.clear()
        getattr(audit, verb)(*arguments, **options)
        return "\n".join(lines)

    assert "the workspace has no images to measure" in said("profile", encoder="thumbnail")
    assert "failed" not in said("analyze")
    assert "0 images, 0 of them measured" in said("report", tmp_path / "report.html")
    assert "no image to split: every dataset is empty" in said("split", "main", method="random")
    assert "selection all: version 2, 0 images" in said("select", "all")
    assert "no image to export, and nothing is written: every dataset is empty" in said("export", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(OptionError, match=r"matches dataset=photos\. No dataset here has images"):
        audit.compare("full", "dataset=photos")

    audit.restore("full")  # also of tables that nothing has been written to since
    assert len(live(audit)) == 4
