"""The statements of docs/engines.md give on both engines what the document says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "engines.md"
ROWS = re.findall(r"^\| `(SELECT .*)` \| (.*) \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def strict(spark):
    """The session with the settings that the document names."""
    before = {key: spark.conf.get(key) for key in ("spark.sql.ansi.enabled", "spark.sql.session.timeZone")}
    spark.conf.set("spark.sql.ansi.enabled", "true")
    spark.conf.set("spark.sql.session.timeZone", "Pacific/Auckland")
    yield spark
    for key, value in before.items():
        spark.conf.set(key, value)


def answer(session, statement):
    try:
        return str(session.sql(statement).collect()[0][0])
    except Exception:
        return "error"


def test_the_document_has_statements():
    assert len(ROWS) > 40


@pytest.mark.parametrize(("statement", "on_spark", "on_sail"), ROWS, ids=[statement for statement, _, _ in ROWS])
def test_the_statement_gives_what_the_document_says(strict, request, statement, on_spark, on_sail):
    is_embedded = request.config.getoption("--spark") == "embedded"

    assert answer(strict, statement) == (on_sail if is_embedded else on_spark)
