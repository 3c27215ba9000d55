"""Spark settings for the length of a block."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
from pyspark.errors import PySparkException

from dataeval_spark.session.settings import accepted_settings, settings_for, temporary_settings


class Conf:
    """Stands for the settings of a session."""

    def __init__(self, **values):
        self.values = values

    def get(self, key, default):
        return self.values.get(key, default)

    def set(self, key, value):
        self.values[key] = value

    def unset(self, key):
        del self.values[key]


@pytest.fixture
def spark():
    return SimpleNamespace(conf=Conf(batch="10000"))


def test_settings_hold_in_the_block_and_are_restored_or_removed_after_it(spark):
    with temporary_settings(spark, {"batch": "64", "metadata": "work"}):
        assert spark.conf.values == {"batch": "64", "metadata": "work"}

    assert spark.conf.values == {"batch": "10000"}


def test_settings_are_restored_after_an_error(spark):
    with pytest.raises(ValueError, match="wrong"), temporary_settings(spark, {"batch": "64"}):
        raise ValueError("wrong")

    assert spark.conf.values == {"batch": "10000"}


def test_a_second_thread_waits_until_the_settings_of_the_first_are_gone(spark):
    seen = []

    def second():
        with temporary_settings(spark, {"metadata": "second"}):
            seen.append(dict(spark.conf.values))

    with temporary_settings(spark, {"metadata": "first"}):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.1)
        assert (seen, spark.conf.values["metadata"]) == ([], "first")
    thread.join(10)

    assert seen == [{"batch": "10000", "metadata": "second"}]


class Refusing(Conf):
    """The settings of a platform that lets only some be changed."""

    def set(self, key, value):
        if key.startswith("spark.databricks"):
            raise PySparkException("it cannot be modified")
        super().set(key, value)


def test_small_tables_get_few_partitions_and_large_ones_the_settings_of_the_session():
    assert settings_for(10**6, 2) == {
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.sql.shuffle.partitions": "4",
    }
    assert settings_for(10**6, None) == settings_for(10**6, 2)
    assert settings_for(10**6, 10_000)["spark.sql.shuffle.partitions"] == "200"
    assert settings_for(2**30 + 1, 2) == {}


def test_settings_that_a_platform_refuses_are_left_out_and_the_others_restored():
    conf = Refusing(batch="10000")

    settings = {"spark.databricks.delta.snapshotPartitions": "1", "batch": "4"}
    with accepted_settings(SimpleNamespace(conf=conf), settings):
        assert conf.values == {"batch": "4"}

    assert conf.values == {"batch": "10000"}
