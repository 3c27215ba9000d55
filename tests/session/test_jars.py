"""The Delta jars that fit the installed versions, and what is said when they cannot be had."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from dataeval_spark.errors import SetupError
from dataeval_spark.session import jars


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """Sets the installed versions of pyspark and delta-spark; jars are kept in an empty folder."""
    monkeypatch.setattr(jars.sys, "prefix", jars.sys.base_prefix)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def versions(pyspark, delta):
        of = {"pyspark": pyspark, "delta_spark": delta}
        monkeypatch.setattr(jars, "version", of.__getitem__)
        return tmp_path / "dataeval_spark" / f"delta-{delta}-spark-{pyspark}"

    return versions


@pytest.mark.parametrize(
    ("pyspark", "delta", "coordinates"),
    [
        ("4.0.1", "4.0.0", "io.delta:delta-spark_2.13:4.0.0"),
        ("4.1.0", "4.1.0", "io.delta:delta-spark_4.1_2.13:4.1.0"),
        ("4.2.0", "4.4.0", "io.delta:delta-spark_4.2_2.13:4.4.0"),
    ],
)
def test_the_name_of_the_jar_carries_the_version_of_spark_from_delta_4_1_on(installed, pyspark, delta, coordinates):
    installed(pyspark, delta)

    assert jars.coordinates() == coordinates


def test_jars_that_are_there_are_not_downloaded_again(installed):
    folder = installed("4.2.0", "4.4.0")
    folder.mkdir(parents=True)
    names = ["delta-spark_4.2_2.13-4.4.0.jar", "delta-storage-4.4.0.jar"]
    (folder / names[0]).touch()
    assert jars.cached() == []  # one alone is not enough
    (folder / names[1]).touch()

    assert [jar.name for jar in jars.resolve("no java is needed")] == names


def test_a_download_that_fails_names_the_jars_and_their_folder(installed, monkeypatch):
    folder = installed("4.2.0", "4.4.0")
    monkeypatch.setattr(jars.subprocess, "run", lambda *args, **options: SimpleNamespace(returncode=1))

    with pytest.raises(
        SetupError, match=r"(?s)delta-spark_4.2_2.13:4.4.0\) could not be downloaded.*Hint: .*copy"
    ) as error:
        jars.resolve("java")

    assert str(folder) in str(error.value)
    assert list(folder.iterdir()) == []


def test_a_full_disk_is_named_before_anything_is_downloaded(installed, monkeypatch):
    folder = installed("4.2.0", "4.4.0")
    monkeypatch.setattr(jars.shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))

    with pytest.raises(SetupError, match="Too little disk space") as error:
        jars.resolve("java")

    assert str(folder) in str(error.value)
