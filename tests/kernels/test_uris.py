"""What is secret in a URI, and where a local file is."""

from __future__ import annotations

import pytest

from dataeval_spark.kernels.uris import has_credentials, is_remote, local_path, without_credentials


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("s3://key:secret@bucket/a@b.png", "s3://bucket/a@b.png"),
        ("https://token@host/a", "https://host/a"),
        ("abfss://box:password@account.dfs.core.windows.net/a", "abfss://box@account.dfs.core.windows.net/a"),
        ("https://host/a?sig=abc%2F&se=2026", "https://host/a?sig=***&se=2026"),
        (
            "https://host/a?AWSAccessKeyId=A&Expires=1&Signature=b",
            "https://host/a?AWSAccessKeyId=***&Expires=1&Signature=***",
        ),
        ("https://host/a?x-amz-security-token=t", "https://host/a?x-amz-security-token=***"),
        ("s3://bucket/?secret_key=s", "s3://bucket/?secret_key=***"),
    ],
)
def test_credentials_are_found_and_not_shown(uri, shown):
    assert has_credentials(uri)
    assert without_credentials(uri) == shown
    assert without_credentials(f'"{uri}" is bad') == f'"{shown}" is bad'


@pytest.mark.parametrize(
    "uri",
    [
        "/data/me:you@home/a.png",
        "s3://bucket/a@b?design=1",
        "abfss://box@account.dfs.core.windows.net/a",
        "https://host/a?size=2#sig",
        "file:///a@b/c",
    ],
)
def test_what_is_no_secret_is_shown(uri):
    assert not has_credentials(uri)
    assert without_credentials(uri) == uri


def test_secret_values_of_the_environment_are_not_shown(monkeypatch):
    monkeypatch.setenv("MY_SECRET_KEY", "correct-horse")
    monkeypatch.setenv("MY_TOKEN_FILE", "/run/token-file")

    assert without_credentials("no correct-horse in /run/token-file") == "no *** in /run/token-file"


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("/a/b", "/a/b"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b", "/a/b"),
        ("FILE://localhost/a", "/a"),
        ("dbfs:/a/b", "/dbfs/a/b"),
        ("dbfs:/Volumes/c/s/v/b", "/Volumes/c/s/v/b"),
        ("s3://bucket/a", None),
    ],
)
def test_a_local_file_has_a_path(location, path):
    assert local_path(location) == path


def test_mounted_folders_are_remote():
    assert [is_remote(x) for x in ("/a", "file:/a", "/Volumes/c/s/v/a", "dbfs:/a", "gs://b/a")] == [
        False,
        False,
        True,
        True,
        True,
    ]
