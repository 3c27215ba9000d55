"""The embedded engine: Sail, a Spark Connect server within this process, for one machine without Java."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataeval_spark.errors import SetupError
from dataeval_spark.session.machine import available_cores, process_started
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

_LOCK = threading.Lock()
_SERVERS: list[Any] = []


def embedded(*, cores: int | None = None, scratch: str | None = None) -> SparkSession:
    """A session of the engine of this process, which starts with the first one.

    Parameters
    ----------
    cores : int, optional
        Partitions of a query; default all cores that this process may use.
    scratch : str, optional
        Folder for temporary files; default the system's.

    Raises
    ------
    SetupError
        The engine is not installed.

    Examples
    --------
    >>> embedded().range(3).count()
    3
    """
    from pyspark.sql import SparkSession  # late: the doctor asks for the engine where there may be no pyspark
    from pyspark.sql.connect.client.retries import DefaultPolicy  # it needs packages that Spark itself does not

    with _LOCK:
        if not _SERVERS:
            _SERVERS.append(_start(cores or available_cores(), scratch))
    session = SparkSession.builder.remote("sc://{}:{}".format(*_SERVERS[0].listening_address)).getOrCreate()
    # An interrupt stops the server too: to ask it again for ten minutes, as the client does by default, helps nobody.
    session.client.set_retry_policies([DefaultPolicy(max_retries=RETRIES)])
    for key, value in SETTINGS.items():
        session.conf.set(key, value)
    return session


def is_installed() -> bool:
    """Whether the engine can be imported."""
    try:
        import pysail.spark  # noqa: F401
    except ImportError:
        return False
    return True


def _start(cores: int, scratch: str | None) -> Any:
    try:
        from pysail.spark import SparkConnectServer
    except ImportError as error:
        raise SetupError(
            f"The embedded engine cannot be loaded: {error}.\n"
            f"Hint: {hint_for_embedded()}{', or --engine spark' if has_jvm() else ''}"
        ) from error
    place = Path(scratch or tempfile.gettempdir())
    _remove_left_behind(place)
    folder = tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-{process_started(os.getpid()) or 0:.0f}-", dir=place)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings = {
        "SAIL_EXECUTION__DEFAULT_PARALLELISM": str(cores),
        "SAIL_EXECUTION__CHECKPOINT__PATH": folder,
        "SAIL_RUNTIME__TEMPORARY_FILES__PATHS": f'["{folder}"]',
        # A pool with a limit counts the buffers that groups share once for each group: 6.5 GB for 2,300 images, in a
        # process of 0.7 GB.
        "SAIL_RUNTIME__MEMORY_POOL__TYPE": "unbounded",
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
    atexit.register(server.stop)
    return server


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
