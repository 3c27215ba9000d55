"""Checks of this machine: everything that a run needs, with hints for what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from dataeval_spark.errors import SetupError
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.kernels.storage.uris import is_uri, local_path
from dataeval_spark.kernels.vectors.hdbscan import hdbscan_labels
from dataeval_spark.kernels.vectors.spanning_tree import Points, minimum_forest, tree_between, tree_within
from dataeval_spark.session import jars, java
from dataeval_spark.session.machine import available_cores

PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))
SPARK_VERSIONS = ("4.0", "4.1", "4.2")
LEAST_MEMORY_GB = 3.0
LEAST_DISK_GB = 1.0


@dataclass(frozen=True)
class Check:
    """One line of the doctor: ``status`` is ok, warning or error."""

    name: str
    status: str
    result: str
    hint: str = ""

    def __str__(self) -> str:
        mark = {"ok": "ok     ", "warning": "warning", "error": "MISSING"}[self.status]
        hint = f"\n{'':<21}Hint: {self.hint}" if self.hint and self.status != "ok" else ""
        return f"{self.name:<12} {mark} {self.result}{hint}"


def checks(workspace: str | None = None, *, resolve: bool = True) -> list[Check]:
    """Run all checks.

    Parameters
    ----------
    workspace : str, optional
        Directory to write to; default the current one.
    resolve : bool
        Download the Delta jars when they are missing.
    """
    found_java = _java()
    is_elsewhere = workspace is not None and is_uri(workspace) and local_path(workspace) is None
    place = Path(".").absolute() if is_elsewhere else Path(local_path(workspace or ".") or ".").expanduser().absolute()
    elsewhere = Check(
        "workspace", "warning", f"{workspace} is not checked", "the first run says whether it can be written"
    )
    return [
        _python(),
        found_java,
        _spark(),
        _delta(),
        _jars(resolve and found_java.status == "ok"),
        _kernels(),
        _memory(),
        Check("cores", "ok", str(available_cores())),
        _gpu(),
        _disk(place),
        _writable(place),
        *([elsewhere] if is_elsewhere else []),
    ]


def _python() -> Check:
    release = sys.version.split()[0]
    ok = sys.version_info[:2] in PYTHON_VERSIONS
    return Check("python", "ok" if ok else "error", release, "install Python 3.11, 3.12 or 3.13, then: make setup")


def _java() -> Check:
    try:
        program = java.require_java()
    except SetupError as error:
        message, _, hint = str(error).partition("\nHint: ")
        return Check("java", "error", message, hint)
    return Check("java", "ok", f"{java.java_version(program)} ({program})")


def _spark() -> Check:
    release = version("pyspark")
    ok = release.startswith(SPARK_VERSIONS)
    return Check("spark", "ok" if ok else "error", f"pyspark {release}", "pip install 'pyspark>=4.0,<4.3'")


def _delta() -> Check:
    try:
        return Check("delta", "ok", f"delta-spark {version('delta_spark')}")
    except PackageNotFoundError:
        return Check("delta", "error", "not installed", "pip install dataeval_spark")


def _jars(resolve: bool) -> Check:
    files = jars.cached()
    try:
        files = files or (jars.resolve(java.require_java()) if resolve else [])
    except SetupError as error:
        text, _, hint = str(error).partition("\nHint: ")
        return Check("delta jars", "error", text, hint)
    if not files:
        return Check("delta jars", "error", f"not in {jars.directory()}", "dataeval-spark doctor (downloads them)")
    return Check("delta jars", "ok", f"{jars.coordinates()} in {files[0].parent}")


def _kernels() -> Check:
    """Measure two images and cluster four points: the kernels are compiled here, once, and not by the first job."""
    started = time.perf_counter()
    try:
        for channels in (1, 3):
            pixels = (np.arange(32 * 32 * channels) % 251).astype(np.uint8).reshape(32, 32, channels)
            file = BytesIO()
            Image.fromarray(pixels.squeeze()).save(file, "PNG")
            profile_image(file.getvalue(), [(-2.0, 0.0, 20.0, 20.0)])
        corners = np.array([[0, 0], [0, 1], [5, 0], [5, 1]], np.float32)
        left, right = (Points(corners[rows], rows, np.zeros(2)) for rows in (np.arange(2), np.arange(2, 4)))
        tree = minimum_forest([tree_within(left), tree_within(right), tree_between(left, right)])
        hdbscan_labels(tree, 4, min_cluster_size=2)
    except Exception as error:  # whatever is wrong with the compiler, the doctor reports it and goes on
        return Check("kernels", "error", f"{type(error).__name__}: {error}", "pip install --force-reinstall numba")
    return Check("kernels", "ok", f"ready in {time.perf_counter() - started:.1f} s")


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError):
        return Check("memory", "warning", "unknown", "4 GB are enough for the demo")
    status = "ok" if total >= LEAST_MEMORY_GB else "warning"
    return Check("memory", status, f"{total:.1f} GB", "4 GB are enough for the demo; set DATAEVAL_SPARK_MEMORY=1g")


def _gpu() -> Check:
    program = shutil.which("nvidia-smi")
    if program is None:
        return Check("gpu", "ok", "none (not needed)")
    done = subprocess.run([program, "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    names = [line for line in done.stdout.splitlines() if line]
    return Check("gpu", "ok", ", ".join(names) if done.returncode == 0 and names else "none (not needed)")


def _disk(place: Path) -> Check:
    existing = next(parent for parent in (place, *place.parents) if parent.exists())
    free = shutil.disk_usage(existing).free / 2**30
    return Check(
        "disk", "ok" if free >= LEAST_DISK_GB else "error", f"{free:.1f} GB free", f"free some space in {existing}"
    )


def _writable(place: Path) -> Check:
    existing = next(parent for parent in (place, *place.parents) if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            return Check("write access", "ok", str(existing))
    except OSError as error:
        return Check("write access", "error", f"{existing}: {error.strerror}", "name a directory that you may write")
