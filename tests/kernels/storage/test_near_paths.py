"""The path that was probably meant."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.storage.near_paths import hint_for, near_path


@pytest.fixture
def folder(tmp_path, monkeypatch):
    (tmp_path / "photos" / "cats").mkdir(parents=True)
    (tmp_path / "photos" / "instances.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("phtos/", "photos"),
        ("Photos", "photos"),
        ("photos/instances.jsn", "photos/instances.json"),
        ("phtos/instances.json", "photos/instances.json"),
        ("phtos/nothing/else", None),
        ("videos", None),
        ("photos/cats", None),
    ],
)
def test_the_nearest_path_differs_in_the_first_name_that_is_missing(folder, path, near):
    assert near_path(path) == near


def test_an_absolute_path_stays_absolute(folder):
    assert near_path(f"{folder}/photo") == f"{folder}/photos"


def test_a_hint_without_a_near_path_is_the_other_text(folder):
    assert hint_for("photo", "name one that exists") == "did you mean 'photos'?"
    assert hint_for("videos", "name one that exists") == "name one that exists"


def test_a_folder_that_cannot_be_listed_has_no_near_path(folder):
    (folder / "file").write_text("x")

    assert near_path("file/photos") is None
