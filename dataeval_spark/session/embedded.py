"""The embedded engine: Sail, a Spark Connect server within this process, for one machine without Java."""

from __future__ import annotations

import atexit
import ctypes
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataeval_spark.errors import SetupError
from dataeval_spark.session.cancellation import add_last_word
from dataeval_spark.session.machine import available_cores, process_started
from dataeval_spark.session.memory import Limit, Watch
from dataeval_spark.session.packages import has_jvm, hint_for_embedded
from dataeval_spark.session.settings import CHOSEN, COALESCE, LOCAL_FILES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SETTINGS = {
    CHOSEN: "embedded: asked for",
    LOCAL_FILES: "true",
    COALESCE: "false",
    "spark.sql.session.timeZone": "UTC",
}
# By default the engine forgets a session after a quarter of an hour; a notebook left for a week goes on.
IDLE_SECONDS = 7 * 24 * 3600
# Folders of temporary files: then the process, and when it started.
PREFIX = "dataeval_spark-engine-"

RETRIES = 2
# A pool with a limit counts the buffers that groups share once for each group (6.5 GB for 2,300 images, in a process of
# 0.7 GB), and knows nothing of what Python holds: memory.py looks at the process instead.
POOL = "unbounded"
# The engine's allocator gives no page back by itself: after one large query the process would stay over its limit.
ALLOCATOR = {"MIMALLOC_PURGE_DELAY": "0"}
MOST_ROWS, LEAST_ROWS, BATCH_BYTES = 8192, 16, 64 * 2**20
SIGNAL_SECONDS = 1.0
SIGACTION_BYTES = 1024  # more than any system's struct sigaction

_LOCK = threading.Lock()
_SERVERS: list[Any] = []
# A server that has ended no longer tells it.
_ADDRESSES: list[tuple[str, int]] = []


def embedded(*, cores: int | None = None, scratch: str | None = None, row_bytes: int = 0) -> SparkSession:
    """A session of the engine of this process, which starts with the first one.

    Parameters
    ----------
    cores : int, optional
        Partitions of a query; default all cores that this process may use.
    scratch : str, optional
        Folder for temporary files of the engine, if it starts now; default the system's.
    row_bytes : int
        Bytes of a row of the largest table, by which batches are bounded, if the engine starts now.

    Raises
    ------
    SetupError
        The engine is not installed.

    Examples
    --------
    >>> embedded().range(3).count()
    3
    """
    with _LOCK:
        if _SERVERS:
            return _session(_SERVERS[0])
        limit = Limit.of_environment()
        folder = _temporary_folder(Path(scratch or tempfile.gettempdir()))
        with _signals_kept():
            server = _start(cores or available_cores(), folder, rows_of_batches(row_bytes))
            session = _session(server)
        _SERVERS.append(server)
        _ADDRESSES.append(server.listening_address)

        # Functions of `atexit` are not called where the process ends with work in it.
        add_last_word(lambda error: shutil.rmtree(folder, ignore_errors=True))
        Watch(limit, session.interruptAll).start()
    return session


def address() -> tuple[str, int] | None:
    """Host and port of the engine of this process; None where it was not started."""
    return _ADDRESSES[0] if _ADDRESSES else None


def is_installed() -> bool:
    """Whether the engine can be imported."""
    try:
        import pysail.spark  # noqa: F401
    except ImportError:
        return False
    return True


def _session(server: Any) -> SparkSession:
    from pyspark.sql import SparkSession  # late: the doctor asks for the engine where there may be no pyspark
    from pyspark.sql.connect.client.retries import DefaultPolicy  # it needs packages that Spark itself does not

    session = SparkSession.builder.remote("sc://{}:{}".format(*server.listening_address)).getOrCreate()
    # To ask a server that is gone again for ten minutes, as the client does by default, helps nobody.
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    for key, value in SETTINGS.items():
        session.conf.set(key, value)
    return session


def rows_of_batches(row_bytes: int) -> int:
    """Rows of the batches that the engine works in, for rows of so many bytes.

    It has one number for all queries, and no setting of a session for it.

    Examples
    --------
    >>> rows_of_batches(100), rows_of_batches(2**20)
    (8192, 64)
    """
    return max(LEAST_ROWS, min(MOST_ROWS, BATCH_BYTES // max(row_bytes, 1)))


def _start(cores: int, folder: str, batch_rows: int) -> Any:
    try:
        with _environment(ALLOCATOR):
            from pysail.spark import SparkConnectServer
    except ImportError as error:
        raise SetupError(
            f"The embedded engine cannot be loaded: {error}.\n"
            f"Hint: {hint_for_embedded()}{', or --engine spark' if has_jvm() else ''}"
        ) from error
    settings = {
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": str(cores),
        "SAIL_EXECUTION__BATCH_SIZE": str(batch_rows),
        "SAIL_EXECUTION__CHECKPOINT__PATH": folder,
        "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": f'["{folder}"]',
        "SAIL_RUNTIME__MEMORY_POOL__TYPE": POOL,
        # Without Arrow's own schema in the files, times are UTC whatever the session's zone, and texts of one kind.
        "SAIL_PARQUET__SKIP_ARROW_METADATA": "true",
        # Python and PySpark know texts of the plain kind only.
        "SAIL_PARQUET__SCHEMA_FORCE_VIEW_TYPES": "false",
        "SAIL_SPARK__SESSION_TIMEOUT_SECS": str(IDLE_SECONDS),
        "RUST_LOG": os.environ.get("RUST_LOG", "off"),
    }
    with _environment(settings):
        server = SparkConnectServer("127.0.0.1", 0)
        server.start(background=True)
    atexit.register(_stop, server)
    return server


def _stop(server: Any) -> None:
    """Stop a server, where it has not ended by itself."""
    with suppress(RuntimeError):
        server.stop()


def _temporary_folder(place: Path) -> str:
    """A folder for the temporary files of this process, which goes with it; those of killed processes go now."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(place)
        folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{process_started(os.getpid()) or 0:.0f}-", dir=place)
    except OSError as error:
        raise SetupError(
            f"The embedded engine cannot make a folder for temporary files in {place}: {error.strerror}.\n"
            "Hint: --scratch DIRECTORY, or make room there"
        ) from error
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Keep what Ctrl-C does, for the time in which the engine starts.

    It takes the signal for itself, to stop its server: the queries of a notebook would all fail from the first
    interrupt on. What Python, or whoever embeds it, had set is put back without looking at it, which works in every
    thread; Python's own function for that does so in the main thread only.
    """
    if os.name != "posix":
        yield
        return
    before = _handler()
    try:
        yield
    finally:
        # The server asks for the signal in a thread of its own, about when it takes its first call.
        ends = time.monotonic() + SIGNAL_SECONDS
        while _handler().raw == before.raw and time.monotonic() < ends:
            time.sleep(0.005)
        ctypes.CDLL(None).sigaction(signal.SIGINT, before, None)


def _handler() -> ctypes.Array[ctypes.c_char]:
    """What SIGINT does now, as the system writes it."""
    action = ctypes.create_string_buffer(SIGACTION_BYTES)
    ctypes.CDLL(None).sigaction(signal.SIGINT, None, action)
    return action


def _remove_left_behind(place: Path) -> None:
    """Remove the temporary files of engines whose process was killed."""
    for folder in place.glob(f"{PREFIX}*"):
        found = re.fullmatch(rf"{PREFIX}(\d+)-(\d+)-\w+", folder.name)
        if found and f"{process_started(int(found[1])) or 0:.0f}" != found[2]:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """Set environment variables, by which alone the engine is configured, while it starts."""
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
