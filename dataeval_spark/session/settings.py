"""Spark settings for the length of a block, restored afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pyspark.sql import SparkSession

# Arrow batches of rows that hold image bytes: 64 keeps a batch of 1 MB photographs at 64 MB.
BYTES_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.parquet.columnarReaderBatchSize": "64",
}

# Commits that need session settings (MERGE has no options) take turns: one thread's id must never tag another's.
SETTINGS_LOCK = threading.RLock()


@contextmanager
def temporary_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Set Spark settings for the length of a block, one block at a time, and restore the old values."""
    with SETTINGS_LOCK:
        before: dict[str, Any] = {key: spark.conf.get(key, None) for key in settings}
        try:
            for key, value in settings.items():
                spark.conf.set(key, value)
            yield
        finally:
            for key, old in before.items():
                spark.conf.unset(key) if old is None else spark.conf.set(key, old)
