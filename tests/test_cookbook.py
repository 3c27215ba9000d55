"""Every query of the SQL cookbook runs on the tables as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.verbs import views

DOCS = Path(__file__).resolve().parents[1] / "docs"
QUERIES = [
    query.strip()
    for name in ("sql.md", "bias.md")
    for block in re.findall(r"```sql\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    for query in block.split(";")
    if query.strip()
]


def title(query):
    return query.splitlines()[0].removeprefix("-- ")


@pytest.fixture(scope="module")
def tables(audited, spark):
    """A view for each table, under its own name; empty where the shared workspace has none."""
    for table in ALL_TABLES:
        found = audited.workspace.read_or_none(table)
        found = spark.createDataFrame([], table.ddl(comments=False)) if found is None else found
        found.createOrReplaceTempView(table.name)
    for statement in views.statements(audited.workspace).values():
        spark.sql(statement)
    yield
    for table in ALL_TABLES:
        spark.catalog.dropTempView(table.name)


def test_there_is_a_query_for_each_kind_of_question():
    assert len(QUERIES) > 20


@pytest.mark.parametrize("query", QUERIES, ids=map(title, QUERIES))
def test_the_query_runs(tables, spark, query):
    assert query.startswith("-- ")
    assert spark.sql(query).limit(5).collect() is not None
