from __future__ import annotations

import sys
from importlib.metadata import PackageNotFoundError

import pytest

from dataeval_spark.session import embedded, jars
from dataeval_spark.verbs import doctor

CLASSIC = {"pyspark": "4.2.0", "delta_spark": "4.4.0", "pysail": "0.7.2"}


@pytest.fixture(autouse=True)
def _kernels_are_there(monkeypatch):
    monkeypatch.setattr(doctor, "_kernels", lambda: doctor.Check("kernels", "ok", "ready"))


@pytest.fixture
def installed(monkeypatch):
    """``installed(versions)``: a machine with these distributions, with Java or not, and without the jars."""

    def make(versions, *, has_java=True, has_engine=True):
        def version(name):
            if name not in versions:
                raise PackageNotFoundError(name)
            return versions[name]

        monkeypatch.setattr(doctor, "version", version)
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


def test_without_the_embedded_engine_the_first_session_may_still_fetch_the_jars(installed):
    assert installed(CLASSIC, has_engine=False)["delta jars"].status == "warning"


def test_an_engine_whose_client_lacks_a_package_is_not_used(installed, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql.connect.session", None)

    engine = installed(CLASSIC)["engine"]

    assert (engine.status, engine.result[:38]) == ("warning", "the embedded engine cannot be used: im")
    assert "dataeval_spark[connect]" in engine.hint


def test_two_distributions_with_the_same_files_are_an_error(installed):
    spark = installed({**CLASSIC, "pyspark-client": "4.2.0"})["spark"]

    assert str(spark).splitlines() == [
        "spark        MISSING pyspark 4.2.0 and pyspark-client 4.2.0 overwrite each other's files",
        "                     Hint: pip uninstall -y pyspark pyspark-client && pip install pyspark==4.2.0",
    ]


def test_the_client_alone_is_enough_for_the_embedded_engine(installed):
    found = installed({"pyspark-client": "4.2.0", "pysail": "0.7.2"})

    assert (found["spark"].status, found["spark"].result) == ("ok", "pyspark-client 4.2.0")
    assert {found[name].status for name in ("delta", "delta jars")} == {"warning"}
    assert not [check for check in found.values() if check.status == "error"]


@pytest.mark.parametrize(("versions", "result"), [({}, "not installed"), ({"pyspark": "3.5.1"}, "pyspark 3.5.1")])
def test_a_spark_that_is_missing_or_too_old_is_an_error(installed, versions, result):
    spark = installed({**versions, "pysail": "0.7.2"})["spark"]

    assert (spark.status, spark.result) == ("error", result)


def test_the_jars_are_fetched_when_that_is_asked_for(installed, monkeypatch, tmp_path):
    installed(CLASSIC)
    monkeypatch.setattr(doctor.java, "require_java", lambda: sys.executable)
    monkeypatch.setattr(doctor.java, "java_version", lambda program: 17)
    monkeypatch.setattr(jars, "resolve", lambda program: [tmp_path / "delta.jar"])

    (found,) = [check for check in doctor.checks(fetch_jars=True) if check.name == "delta jars"]

    assert (found.status, found.result) == ("ok", f"{jars.coordinates()} in {tmp_path}")
