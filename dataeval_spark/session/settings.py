"""The names of our own settings of a session, and Spark settings for the length of a block, restored afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CHOSEN = "spark.dataeval_spark.engine"
"""Setting of a session that says which engine it is, and why it was chosen."""
LOCAL_FILES = "spark.dataeval_spark.localFiles"
"""Setting of a session: "true" where paths without a scheme are files of this machine (workspace/delta_local.py)."""
COALESCE = "spark.dataeval_spark.coalesce"
"""Setting of a session: "false" where ``coalesce`` to more than one partition may wait for ever."""

# Arrow batches of rows that hold image bytes: 64 keeps a batch of 1 MB photographs at 64 MB.
BYTES_SETTINGS = {
    "spark.sql.execution.arrow.maxRecordsPerBatch": "64",
    "spark.sql.parquet.columnarReaderBatchSize": "64",
}

# Up to this size a workspace's tables are small, whatever the bytes of images in it.
SMALL_BYTES = 2**30
SMALL_SETTINGS = {"spark.databricks.delta.snapshotPartitions": "1"}
PARTITIONS_A_CORE = 2

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


def settings_for(image_bytes: int, cores: int | None) -> dict[str, str]:
    """Settings of a session that suit the tables of a workspace of this size; none where it is large.

    The defaults of a cluster plan hundreds of tasks for tables of a few rows.

    Parameters
    ----------
    image_bytes : int
        Bytes of the table ``images``.
    cores : int, optional
        Cores that the session has, where it tells.

    Examples
    --------
    >>> settings_for(10**6, cores=2)["spark.sql.shuffle.partitions"]
    '4'
    >>> settings_for(2**40, cores=2)
    {}
    """
    if image_bytes > SMALL_BYTES:
        return {}
    return SMALL_SETTINGS | {"spark.sql.shuffle.partitions": str(min(PARTITIONS_A_CORE * (cores or 2), 200))}


@contextmanager
def accepted_settings(spark: SparkSession, settings: Mapping[str, str]) -> Iterator[None]:
    """Set those settings that the session takes, and restore the old values; a platform may refuse some.

    Unlike `temporary_settings` it does not make other threads wait: the values suit all of them.
    """
    from pyspark.errors import PySparkException  # late: the doctor reads the names above where there is no pyspark

    before: dict[str, Any] = {}
    for key, value in settings.items():
        with suppress(PySparkException):
            old = spark.conf.get(key, None)
            spark.conf.set(key, value)
            before[key] = old
    try:
        yield
    finally:
        for key, old in before.items():
            spark.conf.unset(key) if old is None else spark.conf.set(key, old)
