"""Locations of a workspace: what is a directory, a URI or a schema of a catalog, and their names in SQL."""

from __future__ import annotations

from pathlib import Path

import pytest

from dataeval_spark.workspace.locations import (
    absolute,
    is_catalog_name,
    is_local,
    local_path,
    quoted,
    remove_directory,
)


@pytest.mark.parametrize(
    ("location", "expected"),
    [("main.audit", True), ("./a.b", False), ("audit", False), ("/a.b", False), ("s3://a.b", False), ("a.b.c", False)],
)
def test_exactly_one_dot_and_no_slash_is_a_catalog_schema(location, expected):
    assert is_catalog_name(location) is expected


def test_a_directory_is_made_absolute_and_a_uri_stays(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ann")

    assert absolute("audit") == f"{tmp_path}/audit"
    assert absolute("~/audit") == "/home/ann/audit"
    assert absolute("s3a://bucket/audit/") == "s3a://bucket/audit"


@pytest.mark.parametrize("location", ["/data/audit", "file:/data/audit", "file:///data/audit"])
def test_a_directory_of_this_machine_may_be_named_by_a_uri(location):
    assert is_local(location)
    assert absolute(location) == "/data/audit"
    assert local_path(location) == Path("/data/audit")


def test_object_storage_is_not_this_machine():
    assert not is_local("s3a://bucket/audit")


def test_each_part_of_a_name_is_quoted_for_sql():
    assert quoted("main.my-audit.images") == "`main`.`my-audit`.`images`"


def test_a_directory_is_removed_with_all_in_it_and_may_be_gone_already(tmp_path):
    (tmp_path / "run" / "step").mkdir(parents=True)

    for _ in range(2):
        remove_directory(str(tmp_path / "run"))

    assert list(tmp_path.iterdir()) == []
