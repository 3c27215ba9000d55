"""Statistics in a report: a histogram of each, and of the size of the files."""

from __future__ import annotations

from pyspark.sql import SparkSession

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.verbs.report import collect_report_data
from tests.verbs.report.literals import reader
from tests.verbs.report.rows import ROWS


def test_the_size_of_the_file_is_binned_too(spark: SparkSession) -> None:
    rows = {IMAGES: ROWS[IMAGES], IMAGE_STATS: ROWS[IMAGE_STATS]}
    found = collect_report_data(reader(spark, rows)).rows_of("statistics")
    assert [(row["low"], row["high"], row["images"]) for row in found if row["statistic"] == "file_size"] == [
        (899.5, 900.5, 2)
    ]
