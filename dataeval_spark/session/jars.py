"""The Delta jars of a local session: resolved once with the Ivy that pyspark ships, then read from a folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from dataeval_spark.errors import FOR_SPARK, SetupError

SCALA = "2.13"
JAR_BYTES = 12_000_000

IVY_MODULE = """<ivy-module version="2.0">
  <info organisation="dataeval_spark" module="delta"/>
  <configurations><conf name="default"/></configurations>
  <dependencies>{dependencies}</dependencies>
</ivy-module>"""
IVY_DEPENDENCY = '<dependency org="io.delta" name="{name}" rev="{rev}" conf="default->master" transitive="false"/>'
IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="chain"/>
  <caches defaultCacheDir="{cache}"/>
  <resolvers><chain name="chain"><ibiblio name="central" m2compatible="true"/></chain></resolvers>
</ivysettings>"""


def delta_version() -> str:
    """Version of the installed delta-spark package."""
    try:
        return version("delta_spark")
    except PackageNotFoundError as error:
        raise SetupError(f"delta-spark is not installed.\nHint: {FOR_SPARK}") from error


def artifacts() -> tuple[str, str]:
    """Maven names of the two jars that Delta needs, for the installed pyspark and delta-spark.

    From Delta 4.1 on the name of the jar carries the Spark version.
    """
    spark_minor = ".".join(version("pyspark").split(".")[:2])
    suffix = "" if delta_version().startswith("4.0.") else f"_{spark_minor}"
    return f"delta-spark{suffix}_{SCALA}", "delta-storage"


def coordinates() -> str:
    """Maven coordinates for ``spark-submit --packages``, such as ``io.delta:delta-spark_4.2_2.13:4.4.0``."""
    return f"io.delta:{artifacts()[0]}:{delta_version()}"


def directory() -> Path:
    """Folder of the jars: in the virtual environment, else in the user's cache."""
    if sys.prefix != sys.base_prefix and os.access(sys.prefix, os.W_OK):
        root = Path(sys.prefix) / "share"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "dataeval_spark" / f"delta-{delta_version()}-spark-{version('pyspark')}"


def cached() -> list[Path]:
    """The jars when both are there, else an empty list."""
    jars = [directory() / f"{name}-{delta_version()}.jar" for name in artifacts()]
    return jars if all(jar.is_file() for jar in jars) else []


def resolve(java: str) -> list[Path]:
    """The jars, downloaded first when they are not there yet.

    Parameters
    ----------
    java : str
        The ``java`` program.

    Raises
    ------
    SetupError
        The jars cannot be downloaded, or there is no room for them.
    """
    jars = cached()
    if jars:
        return jars
    target = directory()
    target.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(target).free
    if free < JAR_BYTES * 2:
        raise SetupError(
            f"Too little disk space for the Delta jars in {target}: {free / 1e6:.0f} MB are free, "
            f"{2 * JAR_BYTES / 1e6:.0f} MB are needed.\nHint: remove files from that disk."
        )
    with tempfile.TemporaryDirectory(dir=target) as scratch:
        _retrieve(java, Path(scratch))
        for jar in Path(scratch).glob("*.jar"):
            jar.replace(target / jar.name)
    jars = cached()
    if not jars:
        raise SetupError(f"Ivy found no jars for {coordinates()}.\nHint: {FOR_SPARK} -c constraints.txt")
    return jars


def _retrieve(java: str, scratch: Path) -> None:
    import pyspark

    dependencies = "".join(IVY_DEPENDENCY.format(name=name, rev=delta_version()) for name in artifacts())
    (scratch / "ivy.xml").write_text(IVY_MODULE.format(dependencies=dependencies))
    (scratch / "settings.xml").write_text(IVY_SETTINGS.format(cache=scratch / "cache"))
    settings = os.environ.get("DATAEVAL_SPARK_IVY_SETTINGS", str(scratch / "settings.xml"))
    classpath = str(Path(pyspark.__file__).parent / "jars" / "*")
    command = [java, "-cp", classpath, "org.apache.ivy.Main", "-settings", settings, "-ivy", str(scratch / "ivy.xml")]
    command += ["-retrieve", str(scratch / "[artifact]-[revision].[ext]")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise SetupError(
            f"The Delta jars ({coordinates()}) could not be downloaded from Maven Central.\n"
            "Hint: check the network or proxy (JAVA_TOOL_OPTIONS=-Dhttps.proxyHost=...), set "
            "DATAEVAL_SPARK_IVY_SETTINGS to an Ivy settings file that names your mirror, or copy the two jars "
            f"into {directory()}."
        )
