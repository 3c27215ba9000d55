"""Whether the engine of this process is still there, asked after an error that may come of its end."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
from contextlib import suppress

from dataeval_spark.session import embedded

# How errors look that come of a connection to an engine.
_OF_CONNECTION = re.compile(
    r"Py4JNetworkError|Answer from Java side is empty|Connection refused|ConnectionRefused|Connection reset|Broken pipe"
    r"|UNAVAILABLE|Error while sending or receiving|Java gateway|tcp connect error|Socket closed|transport error"
)
WAIT_SECONDS = 2.0


def ended(error: BaseException) -> str | None:
    """Sentence on the engine that has ended, where that is why an error came; else None.

    Parameters
    ----------
    error : BaseException
        Error of a piece of work.
    """
    if not _OF_CONNECTION.search(f"{type(error).__name__}: {error}"):
        return None
    return _jvm() or _embedded()


def _jvm() -> str | None:
    """What became of the Java process that this process started."""
    process = None
    with suppress(ImportError, AttributeError):  # the client of Spark alone has no gateway
        from pyspark.core.context import SparkContext

        process = SparkContext._gateway.proc  # type: ignore[union-attr]
    if process is None:
        return None
    try:
        code = process.wait(WAIT_SECONDS)  # its connections close before it is gone
    except subprocess.TimeoutExpired:
        return None
    if code >= 0:
        return f"Spark's Java process ended with exit code {code}"
    with suppress(ValueError):
        return f"Spark's Java process was killed ({signal.Signals(-code).name})"
    return f"Spark's Java process was killed (signal {-code})"


def _embedded() -> str | None:
    address = embedded.address()
    if address is None:
        return None
    try:
        socket.create_connection(address, timeout=WAIT_SECONDS).close()
    except OSError:
        return "the embedded engine has ended"
    return None
