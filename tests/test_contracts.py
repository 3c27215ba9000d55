"""The public interface: table schemas and signatures. A change here is a line in CHANGELOG.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.verbs import config
from dataeval_spark.verbs.config import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from generate_docs import contract_text, tables_page  # noqa: E402

# Databricks data profiling: the order of its drift table.
DRIFT_COLUMNS = (
    "window granularity monitor_version slice_key slice_value column_name data_type window_cmp drift_type count_delta "
    "avg_delta percent_null_delta percent_zeros_delta percent_distinct_delta non_null_columns_delta js_distance "
    "ks_test wasserstein_distance population_stability_index chi_squared_test tv_distance l_infinity_distance"
)


def test_drift_metrics_begins_with_the_columns_of_databricks_data_profiling():
    (table,) = (table for table in ALL_TABLES if table.name == "drift_metrics")

    assert " ".join(table.column_names[:22]) == DRIFT_COLUMNS


def test_no_two_tables_have_one_name():
    assert len({table.name for table in ALL_TABLES}) == len(ALL_TABLES)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_keys_are_columns_and_every_column_is_described(table):
    assert set(table.key) <= set(table.column_names)
    assert all(re.match(r"\S", column.doc) for column in table.columns)
    assert len(set(table.column_names)) == len(table.columns)


def test_every_result_table_is_filled_by_one_step():
    # Of a table with a scope each step owns rows of its own.
    written = [table.name for step in (*STEPS, *COMPARISONS) for table in step.writes if table.scope is None]

    assert len(written) == len(set(written))


def test_the_published_tables_and_options_are_current():
    """A change of the public interface is read in the diff of docs/contract.txt."""
    assert (ROOT / "docs" / "contract.txt").read_text() == contract_text(), "run: make docs"


def test_the_data_dictionary_is_current():
    assert (ROOT / "docs" / "tables.md").read_text() == tables_page(), "run: make docs"


def test_the_page_of_options_is_current_and_describes_each():
    from generate_docs import options_page, parameters_of

    assert (ROOT / "docs" / "options.md").read_text() == options_page(), "run: make docs"
    for step in (*STEPS, *COMPARISONS):
        described = parameters_of(step.function)
        assert [name for name in config.options_of(step.function) if not described.get(name, ("", ""))[1]] == []


def test_the_default_configuration_is_current():
    assert (ROOT / "conf" / "default.toml").read_text() == config.default_toml(FUNCTIONS), "run: make docs"


def test_the_default_configuration_can_be_loaded():
    loaded = config.load(str(ROOT / "conf" / "default.toml"), [], FUNCTIONS)

    assert loaded["outliers"]["method"] == "calibrated"


def test_the_pins_hold_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()

    assert all(re.fullmatch(r"#.*|[\w.-]+==[\w.]+", line) for line in lines)
