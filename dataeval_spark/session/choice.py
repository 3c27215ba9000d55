"""The engine of a piece of work: the session that is there, else the embedded engine or Spark on this machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from contextlib import suppress

from pyspark.sql import SparkSession

from dataeval_spark.errors import SetupError
from dataeval_spark.options import ENGINES
from dataeval_spark.session import embedded, engines
from dataeval_spark.session.java import java_program
from dataeval_spark.session.packages import has_jvm
from dataeval_spark.session.settings import CHOSEN, LOCAL_FILES

VARIABLE = "DATAEVAL_SPARK_ENGINE"
# The largest size at which benchmarks/engines.py found the embedded engine the faster one: 1.6 times Spark's speed at
# 500,000 images, the same at a million.
MOST_IMAGES = 500_000
# A bound by judgement: batches of bytes are bounded, so that it costs time and not memory.
MOST_BYTES = 20 * 2**30


def session_for(
    images: int,
    image_bytes: int,
    *,
    engine: str | None = None,
    is_local: bool = True,
    settings: Mapping[str, str] | None = None,
    scratch: str | None = None,
    verbose: bool = False,
) -> SparkSession:
    """The session for a workspace; its setting `CHOSEN` says which engine it is, and why.

    The present session (a notebook's, a cluster's, that of spark-submit or Spark Connect) is used as it is. Else a
    session is made: of the embedded engine where it suits the workspace, of Spark on this machine where it does not.

    Parameters
    ----------
    images, image_bytes : int
        Images of the workspace, and the bytes of its table ``images``.
    engine : {"auto", "embedded", "spark"}, optional
        Engine that the user asks for; default that of the environment variable ``DATAEVAL_SPARK_ENGINE``, else "auto".
    is_local : bool
        Whether the workspace is a directory of this machine. Others are reached by Spark alone.
    settings : mapping, optional
        Settings for a session of Spark on this machine.
    scratch : str, optional
        Directory of this machine for temporary files of the embedded engine, if it starts now; default the system's.
    verbose : bool
        Show the JVM's own messages.

    Raises
    ------
    SetupError
        The engine is unknown, or what it needs is missing.

    Examples
    --------
    >>> session_for(0, 0, engine="embedded").conf.get(CHOSEN)
    'embedded: asked for'
    """
    engine = engine or os.environ.get(VARIABLE) or "auto"
    if engine not in ENGINES:
        raise SetupError(f"The engine is {engine!r}; expected one of {', '.join(ENGINES)}.\nHint: --engine auto")
    present = engines.present()
    if present is not None:
        is_other = engine != "auto" and is_embedded(present) != (engine == "embedded")
        if is_other:
            raise SetupError(
                f"This process has a session already ({chosen(present)}); expected none to use the engine {engine}.\n"
                "Hint: start a new process, or restart the notebook's kernel"
            )
        return present
    name, reason = (engine, "asked for") if engine != "auto" else _suited(images, image_bytes, is_local=is_local)
    if name == "embedded":
        return _marked(embedded.embedded(scratch=scratch, row_bytes=image_bytes // max(images, 1)), name, reason)
    return _marked(engines.local(images=images, settings=settings, verbose=verbose), name, reason)


def chosen(spark: SparkSession) -> str:
    """Engine of a session, and why it was chosen."""
    return str(spark.conf.get(CHOSEN, "spark: the session that was given"))


def is_embedded(spark: SparkSession) -> bool:
    """Whether a session is one of the embedded engine."""
    return chosen(spark).startswith("embedded")


def native_messages_aside() -> None:
    """Keep what native code of this process writes to descriptor 2 off the terminal, from now on.

    The embedded engine and the library that commits to tables write a panic there before they fail with an error,
    which reaches the caller. Only where Python's own messages have another descriptor.
    """
    with suppress(OSError, AttributeError):
        if sys.stderr.fileno() != 2:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)


def is_given(spark: SparkSession) -> bool:
    """Whether a session was made elsewhere: by a notebook, a cluster, spark-submit or a server of Connect."""
    return spark.conf.get(LOCAL_FILES, "false") != "true"


def _suited(images: int, image_bytes: int, *, is_local: bool) -> tuple[str, str]:
    if not is_local:
        return "spark", "the workspace is no directory of this machine"
    lack = _lack_of_spark()
    if lack is None and not embedded.is_installed():
        return "spark", "the embedded engine is not installed"
    if images <= MOST_IMAGES and image_bytes <= MOST_BYTES:
        return "embedded", f"{images:,} images, up to {MOST_IMAGES:,} run here"
    if lack is not None:
        return "embedded", lack
    return (
        "spark",
        f"{images:,} images of {image_bytes / 2**30:.1f} GB, more than the embedded engine is known to do well",
    )


def _lack_of_spark() -> str | None:
    """Why Spark cannot be started on this machine, as far as that is seen at once."""
    if not has_jvm():
        return "pyspark-client has no Spark to start"
    return "there is no Java for Spark" if java_program() is None else None


def _marked(session: SparkSession, engine: str, reason: str) -> SparkSession:
    session.conf.set(CHOSEN, f"{engine}: {reason}")
    return session
