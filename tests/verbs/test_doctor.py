from __future__ import annotations

import sys
from types import ModuleType

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from dataeval_spark.session import embedded, jars, packages
from dataeval_spark.verbs import doctor

CLASSIC = {"pyspark": "4.2.0", "delta_spark": "4.4.0", "pysail": "0.7.2"}


@pytest.fixture(autouse=True)
def _kernels_are_there(monkeypatch):
    monkeypatch.setattr(doctor, "_kernels", lambda: doctor.Check("kernels", "ok", "ready"))


@pytest.fixture
def installed(monkeypatch):
    """``installed(versions)``: a machine with these distributions, with Java or not, and without the jars."""

    def make(versions, *, has_java=True, has_engine=True):
        monkeypatch.setattr(packages, "version_of", versions.get)
        monkeypatch.setattr(packages, "has_jvm", lambda: "pyspark" in versions)
        monkeypatch.setattr(embedded, "is_installed", lambda: has_engine)
        monkeypatch.setattr(jars, "cached", list)
        if not has_java:
            monkeypatch.setenv("JAVA_HOME", "/nowhere")
        return {check.name: check for check in doctor.checks()}

    return make


def test_the_doctor_shows_every_check():
    assert [check.name for check in doctor.checks()] == [
        *("python", "engine", "spark", "java", "delta", "delta jars", "kernels"),
        *("memory", "cores", "gpu", "disk", "write access"),
    ]


def test_a_disk_that_is_read_only_is_a_warning_where_there_are_tables_to_read(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "unwritable", lambda location: "its disk is read-only")
    empty = {check.name: check for check in doctor.checks(str(tmp_path))}["write access"]
    write_deltalake(str(tmp_path / "images"), pa.table({"image_id": ["a"]}))
    filled = {check.name: check for check in doctor.checks(str(tmp_path))}

    assert str(empty).startswith(f"write access MISSING {tmp_path}: its disk is read-only\n")
    assert str(filled["write access"]).startswith(f"write access warning {tmp_path}: its disk is read-only\n")
    assert str(filled["tables"]) == f"tables       ok      1 table in {tmp_path}: logs and ends of files are whole"


def test_a_damaged_file_is_one_line_with_its_repair(tmp_path):
    write_deltalake(str(tmp_path / "images"), pa.table({"image_id": ["a"]}))
    (file,) = (tmp_path / "images").glob("*.parquet")
    file.unlink()

    (line,) = [str(check) for check in doctor.checks(str(tmp_path)) if check.status == "damaged"]

    assert line == (
        f"images       DAMAGED {file} is gone. Repair: rm -r {tmp_path}/images && dataeval-spark ingest --workspace "
        f"{tmp_path} SOURCE for each source"
    )


def test_the_embedded_engine_needs_neither_java_nor_jars(installed):
    found = installed(CLASSIC, has_java=False)

    assert str(found["engine"]) == "engine       ok      embedded (pysail 0.7.2)"
    assert str(found["java"]).startswith(
        "java         warning Java was not found; Spark needs Java 17 or 21 (only --eng"
    )
    assert "Hint: " in str(found["java"])
    assert found["delta jars"].status == "warning"
    assert "dataeval-spark doctor --fetch-jars" in found["delta jars"].hint


def test_without_the_embedded_engine_java_is_missing(installed):
    found = installed(CLASSIC, has_java=False, has_engine=False)

    assert found["engine"].status == "warning"
    assert str(found["java"]).startswith("java         MISSING Java was not found")
    assert "Hint: " in str(found["java"])


def test_the_client_without_the_embedded_engine_runs_nothing(installed):
    engine = installed({"pyspark-client": "4.2.0"}, has_engine=False)["engine"]

    assert str(engine) == (
        "engine       MISSING the embedded engine is not installed, and nothing can start Spark\n"
        "                     Hint: pip install 'dataeval_spark[embedded]'"
    )


def test_without_the_embedded_engine_the_first_session_may_still_fetch_the_jars(installed):
    assert installed(CLASSIC, has_engine=False)["delta jars"].status == "warning"


def test_an_engine_whose_client_lacks_a_package_is_not_used(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql.connect.session", None)

    engine = installed(CLASSIC)["engine"]

    assert (engine.status, engine.result[:38]) == ("warning", "the embedded engine cannot be used: im")
    assert engine.hint == "pip install dataeval_spark"


def test_two_distributions_with_the_same_files_are_an_error(installed):
    spark = installed({**CLASSIC, "pyspark-client": "4.2.0"})["spark"]

    assert str(spark) == (
        "spark        MISSING pyspark 4.2.0 and pyspark-client 4.2.0 overwrite each other's files\n"
        "                     Hint: pip uninstall -y pyspark pyspark-client && pip install pyspark==4.2.0; without "
        "--engine spark: pip uninstall -y pyspark pyspark-client delta-spark && pip install pyspark-client==4.2.0"
    )


def test_the_client_alone_is_enough_for_the_embedded_engine(installed):
    found = installed({"pyspark-client": "4.2.0", "pysail": "0.7.2"})

    assert str(found["spark"]) == (
        "spark        ok      pyspark-client 4.2.0 (it has no JVM, which only --engine spark needs)"
    )
    for name in ("delta", "delta jars"):
        assert found[name].status == "warning"
        assert found[name].result.endswith("(only --engine spark needs it)")
        assert found[name].hint == "pip uninstall -y pyspark-client && pip install 'dataeval_spark[spark]'"
    assert not [check for check in found.values() if check.status == "error"]


@pytest.mark.parametrize("distribution", ["pyspark", "pyspark-client"])
def test_a_spark_that_is_too_old_is_an_error(installed, distribution):
    spark = installed({distribution: "3.5.1", "pysail": "0.7.2"})["spark"]

    assert (spark.status, spark.result) == ("error", f"{distribution} 3.5.1")


@pytest.mark.parametrize("module", [None, ModuleType("pyspark")])
def test_no_spark_or_an_empty_folder_of_it_is_an_error(installed, monkeypatch, module):
    monkeypatch.setitem(sys.modules, "pyspark", module)

    spark = installed({"pysail": "0.7.2"})["spark"]

    assert str(spark) == (
        "spark        MISSING not installed\n"
        "                     Hint: pip install 'dataeval_spark[embedded]', or for --engine spark, with Java: "
        "pip install 'dataeval_spark[spark]'"
    )


@pytest.mark.parametrize(("release", "status"), [("4.2.0", "ok"), ("3.5.1", "error")])
def test_the_spark_of_a_cluster_is_on_the_path_alone(installed, monkeypatch, release, status):
    module = ModuleType("pyspark")
    module.__version__, module.__file__ = release, "/opt/spark/python/pyspark/__init__.py"
    monkeypatch.setitem(sys.modules, "pyspark", module)

    spark = installed({"pysail": "0.7.2"})["spark"]

    assert (spark.status, spark.result) == (status, f"pyspark {release} in /opt/spark/python/pyspark")


def test_the_jars_are_fetched_when_that_is_asked_for(installed, monkeypatch, tmp_path):
    installed(CLASSIC)
    monkeypatch.setattr(doctor.java, "require_java", lambda: sys.executable)
    monkeypatch.setattr(doctor.java, "java_version", lambda program: 17)
    monkeypatch.setattr(jars, "resolve", lambda program: [tmp_path / "delta.jar"])

    (found,) = [check for check in doctor.checks(fetch_jars=True) if check.name == "delta jars"]

    assert (found.status, found.result) == ("ok", f"{jars.coordinates()} in {tmp_path}")
