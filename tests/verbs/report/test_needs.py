"""Needs of a section: what it lacks in words, and the commands that make it, in order."""

from __future__ import annotations

from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.needs import ANALYZE, CLASSES, EMBED, EMBEDDED, INGEST_LABELS, MEASURED, untested


def counted(**measures: int) -> ReportData:
    return ReportData(rows={"overview": [{"measure": name, "item": "", "value": n} for name, n in measures.items()]})


def test_a_need_is_met_by_as_many_as_it_asks_for() -> None:
    assert [CLASSES.is_met(counted(classes=n)) for n in (0, 1, 2)] == [False, False, True]


def test_what_is_lacking_is_said_in_words_with_each_command_once() -> None:
    found = untested(counted(readable_images=3), (MEASURED, CLASSES, EMBEDDED), ANALYZE, is_missing=True)

    assert found is not None
    assert found.reason == "It needs labels of two classes or more and vectors of an encoder."
    assert found.commands == (INGEST_LABELS, EMBED, ANALYZE)


def test_a_missing_table_alone_asks_for_its_own_command() -> None:
    assert untested(counted(readable_images=3), (MEASURED,), ANALYZE, is_missing=True) == ("", (ANALYZE,))
    assert untested(counted(readable_images=3), (MEASURED,), ANALYZE, is_missing=False) is None
