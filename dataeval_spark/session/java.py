"""Java for Spark: its path, its version, and how to install it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from dataeval_spark.errors import SetupError

JAVA_VERSIONS = (17, 21)


def require_java() -> str:
    """Path of a Java that Spark 4 runs on.

    Raises
    ------
    SetupError
        There is no Java, or its version is not supported.
    """
    java = java_program()
    if java is None:
        raise SetupError(f"Java was not found; Spark needs Java 17 or 21.\nHint: {_java_hint()}")
    version = java_version(java)
    if version not in JAVA_VERSIONS:
        raise SetupError(f"{java} is Java {version}; Spark needs Java 17 or 21.\nHint: {_java_hint()}")
    return java


def java_program() -> str | None:
    """The ``java`` that Spark would start: ``JAVA_HOME`` first, then ``PATH``."""
    home = os.environ.get("JAVA_HOME")
    if home:
        candidate = Path(home) / "bin" / "java"
        return str(candidate) if candidate.is_file() else None
    return shutil.which("java")


@cache
def java_version(java: str) -> int | None:
    """Feature version (17, 21 ...) of a ``java`` program; None when it does not answer."""
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30)
        match = re.search(r'version "(\d+)(?:\.(\d+))?', done.stderr + done.stdout)
        if match:
            return int(match.group(2) or 0) if match.group(1) == "1" else int(match.group(1))
    return None


def _java_hint() -> str:
    if sys.platform == "darwin":
        return "brew install openjdk@17 && export JAVA_HOME=$(brew --prefix openjdk@17)"
    return "sudo apt-get install openjdk-17-jre-headless (and unset JAVA_HOME, or set it to that Java)"
