"""The Python package of Spark: `pyspark`, or its part `pyspark-client`, which speaks to a server and has no JVM."""

from __future__ import annotations

from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from dataeval_spark.errors import FOR_EMBEDDED, FOR_SPARK, SetupError

# Distributions with the folder `pyspark`: each overwrites the files of the other.
DISTRIBUTIONS = ("pyspark", "pyspark-client")
WITHOUT_CLIENT = f"pip uninstall -y pyspark-client && {FOR_SPARK}"


def version_of(distribution: str) -> str | None:
    """Version of an installed distribution; None where there is none."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def has_jvm() -> bool:
    """Whether this package of Spark can start a JVM: the client alone cannot."""
    with suppress(ImportError):
        return find_spec("pyspark.core") is not None
    return False


def require_jvm() -> None:
    """Refuse to go on where Spark itself is to be started, and only its client is installed.

    Raises
    ------
    SetupError
        The package is pyspark-client.
    """
    if not has_jvm():
        client = version_of("pyspark-client")
        found = f"pyspark-client {client}" if client else "a part of pyspark"
        raise SetupError(
            f"Spark cannot be started: found {found}, which has no JVM; expected pyspark, and only one of the two.\n"
            f"Hint: {hint_for_spark()}"
        )


def hint_for_embedded() -> str:
    """Command that brings the embedded engine, and no second package of Spark."""
    return "pip install dataeval_spark" if has_jvm() else FOR_EMBEDDED


def hint_for_spark() -> str:
    """Command that brings what ``--engine spark`` needs of Python, and no second package of Spark."""
    return WITHOUT_CLIENT if version_of("pyspark-client") else FOR_SPARK
