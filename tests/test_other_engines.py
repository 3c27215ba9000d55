"""Other engines read the tables and see the same rows; what the README shows works."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.tables import ALL_TABLES
from scripts.compare_workspaces import SKIPPED_COLUMNS, differences

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()
QUERIES = re.findall(r"```sql\n(.*?)```", README, flags=re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
# What the workspace here was not given: predictions, raters, a split or a selection of its own.
NOT_GIVEN = {
    *("predictions", "prediction_classes", "annotations", "selections", "selection_members"),
    *("splits", "split_assignments", "split_strata", "split_representativeness"),
}


def is_filled(step):
    return not step.asks and NOT_GIVEN.isdisjoint(table.name for table in step.reads)


FILLED = {table.name for step in (*STEPS, *COMPARISONS) if is_filled(step) for table in step.writes}
WRITTEN = {table.name for step in (*STEPS, *COMPARISONS) for table in step.writes}
NEEDS_MORE = NOT_GIVEN | WRITTEN - FILLED


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_delta_rs_reads_the_same_rows_as_spark(audited, table):
    if not audited.workspace.exists(table):
        assert table.name in NEEDS_MORE
        return
    arrow = DeltaTable(audited.workspace.path(table)).to_pyarrow_dataset().to_table(columns=list(table.key))
    spark_rows = audited.workspace.read(table).select(*table.key)

    assert sorted(map(repr, zip(*(arrow[key].to_pylist() for key in table.key), strict=True))) == sorted(
        repr(tuple(row)) for row in spark_rows.collect()
    )


@pytest.mark.spark_only
def test_the_embedded_engine_writes_the_same_tables_as_spark(audited, tmp_path):
    place = Path(audited.workspace.location)
    command = [sys.executable, "-m", "tests.small_audit", str(place.parent / "images"), str(tmp_path / "audit")]
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)

    # Times at which the runs began are not of the data; logarithms of two libraries differ in the last digit.
    skipped = (*SKIPPED_COLUMNS, "window")
    found = list(differences(tmp_path / "audit", place, replacements=(), skipped=skipped, digits=12))

    assert [str(table) for table in found if not table.is_equal] == []
    assert {table.table for table in found} >= FILLED


def test_duckdb_counts_the_same_findings_as_spark(audited):
    findings = DeltaTable(f"{audited.workspace.location}/image_findings").to_pyarrow_dataset()  # noqa: F841  used in SQL
    in_duckdb = duckdb.sql("SELECT rule, count(*) FROM findings GROUP BY rule ORDER BY rule").fetchall()
    in_spark = audited.table("image_findings").groupBy("rule").count().orderBy("rule").collect()

    assert in_duckdb == [tuple(row) for row in in_spark]
    assert in_duckdb


def test_the_readme_has_five_queries():
    assert len(QUERIES) == 5


@pytest.mark.parametrize("query", QUERIES, ids=[query.splitlines()[0].strip("- ") for query in QUERIES])
def test_queries_of_the_readme_run(audited, spark, query):
    rows = spark.sql(query.replace("/lake/my_audit", audited.workspace.location)).collect()

    if "spans_splits" in query:
        spanning = audited.table("duplicate_groups").where("spans_splits").select("group_id").distinct()
        assert len(rows) == spanning.count()
    else:
        assert rows


def test_the_query_for_the_dataset_without_duplicates_leaves_out_exactly_the_others(audited, spark):
    kept = spark.sql(QUERIES[1].replace("/lake/my_audit", audited.workspace.location)).count()
    left_out = audited.table("duplicate_groups").where("target_index IS NULL AND is_exact_copy").count()

    assert (kept, left_out > 0) == (audited.table("images").count() - left_out, True)


def test_the_duckdb_example_of_the_readme_runs(audited, capsys):
    (example,) = [code for code in PYTHON if "duckdb" in code]

    exec(example.replace("my_audit", audited.workspace.location), {})

    assert "rule" in capsys.readouterr().out


def test_the_plain_function_example_of_the_readme_runs(audited):
    (example,) = [code for code in PYTHON if "quality.outliers" in code]
    names = {"audit": audited}

    exec(example, names)

    assert "lower" in names["odd"].columns


def test_the_three_lines_of_the_readme_run(spark, tmp_path, monkeypatch, capsys):
    from tests.jobs.conftest import picture

    (example,) = [code for code in PYTHON if "audit.ingest" in code]
    (tmp_path / "photos" / "a").mkdir(parents=True)
    for number in range(3):
        picture(number).save(tmp_path / "photos" / "a" / f"{number}.png")
    monkeypatch.chdir(tmp_path)

    exec(example, {})

    assert (tmp_path / "my_audit" / "report.html").read_text().startswith("<!doctype html>")
    assert "3 images, 3 of them measured." in capsys.readouterr().out
