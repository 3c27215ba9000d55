"""Spark sessions: local with Delta, on a cluster or in a notebook, or through Spark Connect.

Imported by the command line, `Audit`, notebooks and tests only: an analysis takes DataFrames.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyspark
from pyspark.sql import SparkSession

from dataeval_spark.errors import SetupError, first_line, is_no_space
from dataeval_spark.session import jars
from dataeval_spark.session.java import require_java
from dataeval_spark.session.machine import available_cores, available_memory, fullest_disk
from dataeval_spark.session.memory import VARIABLE as MEMORY_VARIABLE
from dataeval_spark.session.memory import megabytes
from dataeval_spark.session.packages import require_jvm
from dataeval_spark.session.settings import LOCAL_FILES

DELTA_SETTINGS: dict[str, Any] = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Small data on few cores: every default below is made for a cluster and costs seconds on a laptop.
LOCAL_SETTINGS = {
    LOCAL_FILES: "true",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.databricks.delta.snapshotPartitions": "1",
    # The list of a small table's files is kept in its checksum file: no Spark job to make it out of the log.
    "spark.databricks.delta.allFilesInCrc.enabled": "true",
    # To skip files by their statistics takes a query before each query, a fifth of the demo; small tables are one file.
    "spark.databricks.delta.stats.skipping": "false",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    # Adaptive execution makes a job of each stage of a query, and plans the rest again after it.
    "spark.sql.adaptive.enabled": "false",
    # Each query's plan is written out for the UI, which is off: the short form will do.
    "spark.sql.ui.explainMode": "simple",
    "spark.python.worker.reuse": "true",
    # By default every sort, aggregation and broadcast of a few rows allocates a page of up to 64 MB.
    "spark.buffer.pageSize": "2m",
    # The status store keeps the plans of 1,000 queries for a UI that is off.
    "spark.sql.ui.retainedExecutions": "5",
    "spark.ui.retainedJobs": "50",
    "spark.ui.retainedStages": "50",
    "spark.ui.retainedTasks": "500",
    # Compiling Java for each of hundreds of small queries takes longer than interpreting them.
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
# From this many images on, queries take longer than it takes to compile them.
LARGE_IMAGES = 100_000
LARGE_SETTINGS = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
# Without Hadoop's native library, its checked local file system starts a process (chmod, readlink) for nearly every
# file and every rename: 1,300 of them in the demo. The raw one starts a quarter of that, and leaves no .crc files.
FILE_SYSTEM_SETTINGS = {
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
}
# Growing the metaspace from its 21 MB would take a dozen full collections.
JVM_OPTIONS = "-XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m -XX:MetaspaceSize=300m"
# The quick compiler alone starts fastest; what runs for minutes is three times as fast with the other one too.
SMALL_JVM_OPTIONS = "-XX:TieredStopAtLevel=1"


def present(app: str = "dataeval_spark") -> SparkSession | None:
    """The session that is there: of a notebook, a cluster, spark-submit or Connect; None where there is none.

    An active session is used as it is; nothing in it is changed. Under ``spark-submit`` and with ``SPARK_REMOTE`` set,
    the session is made with the settings given there.
    """
    active = SparkSession.getActiveSession()
    if active is not None:
        return active
    if os.environ.get("SPARK_REMOTE"):
        return remote(os.environ["SPARK_REMOTE"])
    if "PYSPARK_GATEWAY_PORT" in os.environ or "DATABRICKS_RUNTIME_VERSION" in os.environ:
        return submitted(app)
    return None


def is_elsewhere() -> bool:
    """Whether `present` gives a session: tables may then be in places that this process does not see."""
    names = ("SPARK_REMOTE", "PYSPARK_GATEWAY_PORT", "DATABRICKS_RUNTIME_VERSION")
    return SparkSession.getActiveSession() is not None or any(map(os.environ.get, names))


def submitted(app: str) -> SparkSession:
    """The session of a script that ``spark-submit`` started; Delta is configured where the caller has not."""
    builder = SparkSession.builder.appName(app)
    if not os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        builder = builder.config(map=DELTA_SETTINGS)
    return builder.getOrCreate()


def remote(url: str) -> SparkSession:
    """A session on a Spark Connect server such as ``sc://host:15002``."""
    return SparkSession.builder.remote(url).getOrCreate()


def local(
    app: str = "dataeval_spark",
    *,
    cores: int | None = None,
    memory: str | None = None,
    images: int = 0,
    settings: Mapping[str, str] | None = None,
    verbose: bool = False,
) -> SparkSession:
    """A session on this machine, with Delta and settings for the size of the data.

    Parameters
    ----------
    app : str
        Name of the application.
    cores : int, optional
        Threads; default all cores that this process may use.
    memory : str, optional
        Heap of the driver such as ``"2g"``; default a quarter of the memory, between 1 and 8 GB.
    images : int
        Number of images: from 100,000 on, queries are compiled; for fewer, compiling takes longer than it saves.
    settings : mapping, optional
        Further Spark settings; they win over ours.
    verbose : bool
        Show the JVM's own messages.

    Raises
    ------
    SetupError
        Only the client of Spark is installed, Java is missing or of a wrong version, or the Delta jars cannot be had.

    Examples
    --------
    >>> spark = local(cores=2)
    >>> spark.range(3).count()
    3
    """
    require_jvm()
    java = require_java()
    cores = cores or available_cores()
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    is_large = images >= LARGE_IMAGES
    heap_mb = _heap_mb(memory or os.environ.get(MEMORY_VARIABLE))
    merged: dict[str, Any] = {
        **DELTA_SETTINGS,
        **LOCAL_SETTINGS,
        **(LARGE_SETTINGS if is_large else {}),
        **FILE_SYSTEM_SETTINGS,
        "spark.sql.streaming.checkpointFileManagerClass": _checkpoint_file_manager(),
        # Not spark.jars, which would copy them at each start.
        "spark.driver.extraClassPath": ":".join(map(str, jars.resolve(java))),
        "spark.sql.shuffle.partitions": str(cores),
        "spark.driver.memory": f"{heap_mb}m",
        "spark.driver.extraJavaOptions": _jvm_options(heap_mb, is_large, verbose),
        **(settings or {}),
    }
    # Four attempts per task: with plain local[N] one lost Python worker fails the job.
    builder = SparkSession.builder.master(f"local[{cores},4]").appName(app).config(map=merged)
    with _jvm_messages_aside(verbose):
        return builder.getOrCreate()


def _jvm_options(heap_mb: int, is_large: bool, verbose: bool) -> str:
    # Planning makes short-lived objects: in the default young generation they cause 250 collections in the demo.
    options = f"{JVM_OPTIONS} -Xmn{max(64, min(400, heap_mb // 3))}m"
    options += "" if is_large else f" {SMALL_JVM_OPTIONS}"
    if verbose:
        return options
    return f"{options} -Dlog4j2.configurationFile={Path(__file__).with_name('log4j2.properties').as_uri()}"


def _not_started(error: str, messages: str) -> str:
    """Message about a JVM that did not start, by what PySpark and the JVM say."""
    if is_no_space(messages) or is_no_space(error):
        disk = fullest_disk([tempfile.gettempdir(), os.environ.get("SPARK_LOCAL_DIRS", "/tmp").partition(",")[0]])
        return f"Spark did not start: no space left on the disk ({disk}).\nHint: TMPDIR=DIRECTORY on a disk with room"
    told = next((line.strip() for line in messages.splitlines() if re.search(r"[Ee]rror|Exception", line)), error)
    return f"Spark did not start: {told[:500]}\nHint: dataeval-spark doctor, or the command again with --verbose"


def _checkpoint_file_manager() -> str:
    """Class with which Delta writes checksum files; the other one starts two processes for each."""
    moved = "" if pyspark.__version__.startswith("4.0.") else "checkpointing."
    return f"org.apache.spark.sql.execution.streaming.{moved}FileSystemBasedCheckpointFileManager"


def _heap_mb(memory: str | None) -> int:
    """Megabytes of a size such as ``2g``; by default a quarter of the machine's memory, between 1 and 8 GB."""
    if memory is None:
        return 1024 * max(1, min(8, available_memory() // 4 // 2**30))
    return megabytes(memory)


@contextmanager
def _jvm_messages_aside(verbose: bool) -> Iterator[None]:
    """Send what the JVM prints while it starts to a file, which is shown only if it does not start.

    The JVM inherits file descriptor 2, so Python's own stderr is untouched afterwards.
    """
    if verbose:
        yield
        return
    with tempfile.TemporaryFile(mode="w+b") as messages:
        saved = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except Exception as error:
            messages.seek(0)
            text = messages.read().decode(errors="replace")
            raise SetupError(_not_started(first_line(error), text)) from error
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def cores_of(spark: SparkSession) -> int | None:
    """Cores of a session's executors; None where it does not tell, as on Connect."""
    with suppress(Exception):
        return int(spark.sparkContext.defaultParallelism)
    return None


@dataclass(frozen=True)
class TaskCounts:
    """Tasks of the Spark jobs that are running."""

    done: int
    total: int


class TaskCounter:
    """Counter of finished tasks of running jobs: the status tracker on Classic, the progress handler on Connect."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark
        self._connect_counts: TaskCounts | None = None
        self._lock = threading.Lock()
        self._is_connect = hasattr(spark, "registerProgressHandler") and "connect" in type(spark).__module__
        if self._is_connect:
            spark.registerProgressHandler(self._on_progress)  # type: ignore[arg-type]

    def close(self) -> None:
        if self._is_connect:
            self._spark.removeProgressHandler(self._on_progress)  # type: ignore[arg-type]

    def counts(self) -> TaskCounts | None:
        """Counts of tasks; None when nothing is running or the engine does not tell."""
        if self._is_connect:
            with self._lock:
                return self._connect_counts
        with suppress(Exception):  # a display must never fail the work
            return self._classic_counts()
        return None

    def _classic_counts(self) -> TaskCounts | None:
        tracker = self._spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(stage) for stage in tracker.getActiveStageIds()]
        largest = max((s for s in stages if s), key=lambda s: s.numTasks, default=None)
        return TaskCounts(largest.numCompletedTasks, largest.numTasks) if largest else None

    def _on_progress(self, stages, inflight_tasks, operation_id, done):  # type: ignore[no-untyped-def]
        largest = max(stages, key=lambda s: s.num_tasks, default=None)
        with self._lock:
            self._connect_counts = (
                None if done or largest is None else TaskCounts(largest.num_completed_tasks, largest.num_tasks)
            )
