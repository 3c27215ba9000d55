"""One Spark session for all tests, Classic or Connect, and frames typed by their contract."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.audit import Audit
from dataeval_spark.session import engines, jars, progress
from dataeval_spark.session.embedded import embedded
from dataeval_spark.session.java import require_java
from dataeval_spark.tables.contract import Table
from tests.null_structs import with_null_fields
from tests.small_audit import fill

# No test is about time: a busy machine must not fail one.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# Lines about work that takes long would stand among those that tests expect, on a busy machine.
progress.QUIET_SECONDS = 1e6

# Where the tests are a background job of a shell, SIGINT is ignored, and by their child processes too.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Kinds of session, and the engine of the processes that tests start beside it.
ENGINES = {"embedded": "embedded", "classic": "spark", "connect": "auto"}
# Tests that touch an engine's own behaviour: sessions, access to tables, SQL functions, kernels in tasks, a whole job.
ENGINE_TESTS = (
    *("conformance", "session", "workspace", "frames/test_batches.py", "frames/test_sql_functions.py"),
    *("analyses/profile/test_isolation.py", "jobs/test_demo.py", "test_other_engines.py"),
)
SHARED = Path(__file__).resolve().parents[2] / "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--spark", choices=list(ENGINES), default="embedded", help="kind of session")
    parser.addoption("--engine-tests", action="store_true", help="only tests that touch an engine's own behaviour")
    parser.addoption("--ansi", choices=["true", "false"], default="true", help="spark.sql.ansi.enabled")
    parser.addoption("--session-timezone", default="Pacific/Auckland", help="must not change any result")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole jobs run first, so that of two processes none is left with one at the end."""
    os.environ["DATAEVAL_SPARK_ENGINE"] = ENGINES[config.getoption("--spark")]
    if config.getoption("--spark") == "embedded":
        for item in items:
            if item.get_closest_marker("spark_only"):
                item.add_marker(pytest.mark.skip(reason="about Spark itself"))
    if config.getoption("--engine-tests"):
        about_spark = [item for item in items if item.get_closest_marker("spark_only") or is_engine_test(item.path)]
        items[:] = [item for item in about_spark if not item.get_closest_marker("cluster")]
    of_audited = {item.path for item in items if "audited" in getattr(item, "fixturenames", ())}
    long = {Path(__file__).parent / folder for folder in ("jobs", "notebooks")}
    items.sort(key=lambda item: item.path.parent not in long and item.path not in of_audited)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Figures that tests recorded, which the tests themselves judge by no bound."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "figures":
                terminalreporter.write_line(text)


def is_engine_test(path: Path) -> bool:
    return path.relative_to(Path(__file__).parent).as_posix().startswith(ENGINE_TESTS)


@pytest.fixture(scope="session")
def spark(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    option = request.config.getoption
    if option("--spark") == "embedded":
        made = embedded(cores=2)
    elif option("--spark") == "connect":
        made = _connect()
    else:
        warehouse = {"spark.sql.warehouse.dir": str(tmp_path_factory.mktemp("warehouse"))}
        # One session runs some thousand queries here; 1g was too little for what Spark keeps of them.
        made = engines.local("dataeval_spark tests", cores=2, memory="2g", settings=warehouse)
    # Results must depend on neither; the session time zone is one far from UTC on purpose.
    made.conf.set("spark.sql.ansi.enabled", option("--ansi"))
    made.conf.set("spark.sql.session.timeZone", option("--session-timezone"))
    yield made
    made.stop()


def _connect() -> SparkSession:
    """A Connect session on a server in this process group, with Delta."""
    java = require_java()
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the server's workers would take python3 from PATH
    builder = SparkSession.builder.remote("local[2]").config("spark.driver.memory", "2g")
    builder = builder.config("spark.jars", ",".join(map(str, jars.resolve(java))))
    for key, value in {**engines.DELTA_SETTINGS, **engines.LOCAL_SETTINGS}.items():
        builder = builder.config(key, value)
    return builder.config("spark.sql.shuffle.partitions", "2").getOrCreate()


@pytest.fixture(scope="session")
def frame(spark: SparkSession) -> Callable[[Table | str, Sequence[tuple[Any, ...]]], DataFrame]:
    """``frame(TABLE, rows)``: rows as tuples in the contract's column order, or ``frame(ddl, rows)``.

    Columns that the rows of a table leave out before the last one are null.
    """

    def make(table: Table | str, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
        # chispa compares column metadata, and a comment is metadata.
        ddl = table if isinstance(table, str) else table.ddl(comments=False)
        count = 0 if isinstance(table, str) else len(table.column_names)
        return with_null_fields(spark.createDataFrame([_filled(row, count) for row in rows], ddl))

    return make


def _filled(row: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    missing = count - len(row)
    return row if missing <= 0 else (*row[:-1], *(None,) * missing, row[-1])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("the shared folder with real data is not beside the repository")
    return SHARED


@pytest.fixture(scope="session")
def audited(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Audit:
    """A workspace with everything in it: 150 demo images and 22 later ones, all verbs run. Only to be read."""
    place = tmp_path_factory.mktemp("audited")
    return fill(Audit(str(place / "audit"), spark, echo=lambda line: None), place / "images")
