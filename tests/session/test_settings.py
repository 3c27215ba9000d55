"""Spark settings for the length of a block."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from dataeval_spark.session.settings import temporary_settings


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
