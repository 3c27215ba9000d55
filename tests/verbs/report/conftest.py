from __future__ import annotations

import pytest
from pyspark.sql import SparkSession

from dataeval_spark.verbs.report import ReportData, collect_report_data
from tests.verbs.report.literals import reader
from tests.verbs.report.rows import ROWS


@pytest.fixture(scope="session")
def data(spark: SparkSession) -> ReportData:
    """What a report collects of `ROWS`."""
    return collect_report_data(reader(spark, ROWS))
