"""Checks of this machine and of a workspace: everything that a run needs, with hints for what is missing or damaged."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from dataeval_spark.errors import FOR_EITHER, SetupError, first_line
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.kernels.storage.uris import is_uri, local_path
from dataeval_spark.kernels.vectors.hdbscan import hdbscan_labels
from dataeval_spark.kernels.vectors.spanning_tree import Points, minimum_forest, tree_between, tree_within
from dataeval_spark.session import embedded, jars, java, packages
from dataeval_spark.session.machine import available_cores
from dataeval_spark.verbs.text import plural
from dataeval_spark.workspace import damage
from dataeval_spark.workspace.locations import unwritable

PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))
SPARK_VERSIONS = ("4.0", "4.1", "4.2")
COMPILED = "dataeval_spark.kernels.images.compiled"
LEAST_MEMORY_GB = 3.0
LEAST_DISK_GB = 1.0
# What makes the command fail.
FAULTS = ("error", "damaged")


@dataclass(frozen=True)
class Check:
    """One line of the doctor: ``status`` is ok, warning, error or damaged."""

    name: str
    status: str
    result: str
    hint: str = ""

    def __str__(self) -> str:
        mark = {"ok": "ok     ", "warning": "warning", "error": "MISSING", "damaged": "DAMAGED"}[self.status]
        hint = f"\n{'':<21}Hint: {self.hint}" if self.hint and self.status != "ok" else ""
        return f"{self.name:<12} {mark} {self.result}{hint}"


def checks(workspace: str | None = None, *, fetch_jars: bool = False, deep: bool = False) -> list[Check]:
    """Run all checks.

    Parameters
    ----------
    workspace : str, optional
        Directory whose tables are checked; default the current one. Nothing is written to it.
    fetch_jars : bool
        Download the Delta jars when they are missing; by default the first Spark session does.
    deep : bool
        Read all rows of the tables; by default their logs and the ends of their files.
    """
    engine = _engine()
    # Without the embedded engine nothing runs without them.
    lack = "warning" if engine.status == "ok" else "error"
    found_java = _java(lack)
    is_elsewhere = workspace is not None and is_uri(workspace) and local_path(workspace) is None
    place = Path(".").absolute() if is_elsewhere else Path(local_path(workspace or ".") or ".").expanduser().absolute()
    elsewhere = Check(
        "workspace", "warning", f"{workspace} is not checked", "the first run says whether it can be written"
    )
    return [
        _python(),
        engine,
        _spark(),
        found_java,
        _delta(lack),
        _jars(fetch_jars and found_java.status == "ok", lack),
        _kernels(),
        _memory(),
        Check("cores", "ok", str(available_cores())),
        _gpu(),
        _disk(place),
        _writable(place),
        *([elsewhere] if is_elsewhere else _tables(str(place), deep=deep)),
    ]


def _python() -> Check:
    release = sys.version.split()[0]
    ok = sys.version_info[:2] in PYTHON_VERSIONS
    return Check("python", "ok" if ok else "error", release, "install Python 3.11, 3.12 or 3.13, then: make setup")


def _engine() -> Check:
    hint = packages.hint_for_embedded()
    if not embedded.is_installed():
        if not packages.has_jvm():
            return Check("engine", "error", "the embedded engine is not installed, and nothing can start Spark", hint)
        return Check("engine", "warning", "the embedded engine is not installed; Spark is used", hint)
    try:
        import pyspark.sql.connect.session  # noqa: F401
    except ImportError as error:
        return Check("engine", "warning", f"the embedded engine cannot be used: {first_line(error, '')}", hint)
    return Check("engine", "ok", f"embedded (pysail {packages.version_of('pysail')})")


def _spark() -> Check:
    """The Python package of Spark, whose two distributions have the same files."""
    found = {name: release for name in packages.DISTRIBUTIONS if (release := packages.version_of(name))}
    text = " and ".join(f"{name} {release}" for name, release in found.items())
    if len(found) > 1:
        return Check("spark", "error", f"{text} overwrite each other's files", _hint_for_one(found))
    if not found:
        return _spark_of_elsewhere()
    is_known = text.partition(" ")[2].startswith(SPARK_VERSIONS)
    if not is_known or packages.has_jvm():
        return Check("spark", "ok" if is_known else "error", text, FOR_EITHER)
    return Check("spark", "ok", f"{text} (it has no JVM, which only --engine spark needs)")


def _hint_for_one(found: dict[str, str]) -> str:
    """Commands that leave one of both: what one of them overwrote has to be installed again."""
    removed = f"pip uninstall -y {' '.join(found)}"
    both, client = (f"{name}=={found[name]}" for name in packages.DISTRIBUTIONS)
    return f"{removed} && pip install {both}; without --engine spark: {removed} delta-spark && pip install {client}"


def _spark_of_elsewhere() -> Check:
    """A Spark that no package installer knows of, such as that of a cluster, on Python's path."""
    try:
        import pyspark

        text = f"pyspark {pyspark.__version__} in {Path(pyspark.__file__).parent}"
    except (ImportError, AttributeError, TypeError):  # a folder that was left behind has neither version nor file
        return Check("spark", "error", "not installed", FOR_EITHER)
    return Check("spark", "ok" if pyspark.__version__.startswith(SPARK_VERSIONS) else "error", text, FOR_EITHER)


def _java(lack: str) -> Check:
    try:
        program = java.require_java()
    except SetupError as error:
        message, _, hint = str(error).partition("\nHint: ")
        return _for_spark("java", lack, message, hint)
    return Check("java", "ok", f"{java.java_version(program)} ({program})")


def _delta(lack: str) -> Check:
    release = packages.version_of("delta_spark")
    if release is None:
        return _for_spark("delta", lack, "delta-spark is not installed", packages.hint_for_spark())
    return Check("delta", "ok", f"delta-spark {release}")


def _jars(fetch: bool, lack: str) -> Check:
    if packages.version_of("pyspark") is None or packages.version_of("delta_spark") is None:
        text = "their version is that of pyspark and delta-spark"
        return _for_spark("delta jars", lack, text, packages.hint_for_spark())
    files = jars.cached()
    try:
        files = files or (jars.resolve(java.require_java()) if fetch else [])
    except SetupError as error:
        text, _, hint = str(error).partition("\nHint: ")
        return Check("delta jars", "error", text, hint)
    if not files:
        hint = "the first Spark session downloads them (9 MB), or now: dataeval-spark doctor --fetch-jars"
        return _for_spark("delta jars", "warning", f"not in {jars.directory()}", hint)
    return Check("delta jars", "ok", f"{jars.coordinates()} in {files[0].parent}")


def _for_spark(name: str, status: str, result: str, hint: str) -> Check:
    """A lack that the embedded engine, where it is there, makes unimportant."""
    return Check(name, status, f"{result.rstrip('.')} (only --engine spark needs it)", hint)


def _kernels() -> Check:
    """Measure two images and cluster four points: the kernels are compiled here, once, and not by the first job."""
    started = time.perf_counter()
    try:
        with _compiling("sums", "resize"):
            _compile("moments", "appearance", "hashes")
        with _compiling("scan"):  # it calls the others
            _cluster()
        _measure()
    except Exception as error:  # whatever is wrong with the compiler, the doctor reports it and goes on
        return Check("kernels", "error", f"{type(error).__name__}: {error}", "pip install --force-reinstall numba")
    return Check("kernels", "ok", f"ready in {time.perf_counter() - started:.1f} s")


@contextmanager
def _compiling(*modules: str) -> Iterator[None]:
    """Compile modules in a process of their own, on another core; numba's cache brings the result here."""
    program = "; ".join(f"import {COMPILED}.{module}" for module in modules)
    other = subprocess.Popen([sys.executable, "-c", program])
    try:
        yield
    finally:
        other.wait()


def _compile(*modules: str) -> None:
    """Import modules whose kernels are compiled then."""
    for module in modules:
        import_module(f"{COMPILED}.{module}")


def _measure() -> None:
    for channels in (1, 3):
        pixels = (np.arange(32 * 32 * channels) % 251).astype(np.uint8).reshape(32, 32, channels)
        file = BytesIO()
        Image.fromarray(pixels.squeeze()).save(file, "PNG")
        profile_image(file.getvalue(), [(-2.0, 0.0, 20.0, 20.0)])


def _cluster() -> None:
    corners = np.array([[0, 0], [0, 1], [5, 0], [5, 1]], np.float32)
    left, right = (Points(corners[rows], rows, np.zeros(2)) for rows in (np.arange(2), np.arange(2, 4)))
    tree = minimum_forest([tree_within(left), tree_within(right), tree_between(left, right)])
    hdbscan_labels(tree, 4, min_cluster_size=2)


def _memory() -> Check:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (AttributeError, ValueError, OSError):
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
    reason = unwritable(str(existing))
    if reason is None:
        return Check("write access", "ok", str(existing))
    if damage.tables_in(str(place)):
        hint = "report, export, search and views read it all the same"
        return Check("write access", "warning", f"{existing}: {reason}", hint)
    return Check("write access", "error", f"{existing}: {reason}", "name a directory that you may write")


def _tables(place: str, *, deep: bool) -> list[Check]:
    """A line for each damaged file of the workspace in a directory, or one for all tables."""
    names = damage.tables_in(place)
    faults = damage.faults(place, read_rows=deep)
    found = [
        Check(
            fault.table,
            "warning" if fault.is_past else "damaged",
            f"{fault.file} {fault.reason}. Repair: {fault.repair}",
        )
        for fault in faults
    ]
    if any(check.status == "damaged" for check in found) or not names:
        return found
    looked = "all rows can be read" if deep else "logs and ends of files are whole"
    return [*found, Check("tables", "ok", f"{plural(len(names), 'table')} in {place}: {looked}")]
