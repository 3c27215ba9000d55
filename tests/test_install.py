"""The package as it is installed: beside the pyspark of a cluster, with Spark's client alone, and with no Spark.

Environments are made of links to the packages of this one, so that nothing is downloaded.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email import message_from_bytes
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from deltalake import DeltaTable
from PIL import Image

from dataeval_spark.cli.verbs import VERBS
from dataeval_spark.errors import FOR_EITHER
from dataeval_spark.session.packages import version_of

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = Path(sysconfig.get_path("purelib"))
# What the extras bring, and what would bring this working copy.
SPARK = ("pyspark", "pyspark_client", "py4j", "delta", "delta_spark")
# What pyspark has and pyspark-client has not.
JVM_PART = ("bin", "core", "jars", "python", "sbin")
EITHER = f"Hint: {FOR_EITHER}"
CANNOT_IMPORT = f"Spark's Python package cannot be imported: No module named 'pyspark'.\n{EITHER}\n"


class Environment:
    """A virtual environment with the packages of this one, but for Spark's and this package."""

    def __init__(self, place: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
        self.python = place / "bin" / "python"
        (self.packages,) = place.glob("lib/python*/site-packages")
        self.place = place
        others = place / "others"
        others.mkdir()
        for entry in PACKAGES.iterdir():
            name = entry.name.partition("-")[0].lower()
            if name not in (*SPARK, "dataeval_spark") and not name.startswith("_") and entry.suffix != ".pth":
                (others / entry.name).symlink_to(entry)
        (self.packages / "others.pth").write_text(f"{others}\n")

    def run(
        self, *words: str, source: Path | None = None, engine: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run Python outside the working copy, with ``source`` on its path."""
        variables = {
            name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON", "JAVA"))
        }
        variables |= {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        variables |= {"PYTHONPATH": str(source)} if source else {}
        variables |= {"DATAEVAL_SPARK_ENGINE": engine} if engine else {}
        return subprocess.run(
            [self.python, *words], cwd=self.place, env=variables, capture_output=True, text=True, timeout=300
        )

    def tool(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run the command line of the working copy."""
        return self.run("-m", "dataeval_spark.cli", *words, source=ROOT)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    setuptools = version_of("setuptools")
    if setuptools is None or int(setuptools.partition(".")[0]) < 77:
        pytest.skip(f"the wheel is made by setuptools 77 or newer, of the extra dev; found {setuptools}")
    place = tmp_path_factory.mktemp("wheel")
    shutil.copytree(ROOT / "dataeval_spark", place / "dataeval_spark", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place)
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "wheel", *offline, "--wheel-dir", place, place], check=True)
    (made,) = place.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def without_spark(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("without_spark"))


@pytest.fixture(scope="module")
def with_client(tmp_path_factory):
    """An environment with the files of pyspark that pyspark-client has, under that name."""
    made = Environment(tmp_path_factory.mktemp("with_client"))
    spark = made.packages / "pyspark"
    linked(PACKAGES / "pyspark", spark, without=(*JVM_PART, "sql"))
    linked(PACKAGES / "pyspark" / "sql", spark / "sql", without=("classic",))
    about = made.packages / f"pyspark_client-{version('pyspark')}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: pyspark-client\nVersion: {version('pyspark')}\n")
    return made


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """An environment with a pyspark of its own; its jars are links."""
    made = Environment(tmp_path_factory.mktemp("cluster"))
    jars = shutil.ignore_patterns("jars", "__pycache__")
    shutil.copytree(PACKAGES / "pyspark", made.packages / "pyspark", ignore=jars, symlinks=True)
    (made.packages / "pyspark" / "jars").symlink_to(PACKAGES / "pyspark" / "jars")
    for name in SPARK:
        for about in PACKAGES.glob(f"{name}-*.dist-info"):
            shutil.copytree(about, made.packages / about.name)
    for name in ("py4j", "delta"):
        shutil.copytree(PACKAGES / name, made.packages / name)
    (made.place / "share").mkdir(exist_ok=True)
    (made.place / "share" / "dataeval_spark").symlink_to(Path(sys.prefix) / "share" / "dataeval_spark")
    return made


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "photos" / "cats"
    folder.mkdir(parents=True)
    for number in range(3):
        Image.fromarray(np.full((8, 8, 3), 40 * number, np.uint8)).save(folder / f"{number}.png")
    return str(folder.parent)


def linked(source: Path, target: Path, without: tuple[str, ...]) -> None:
    target.mkdir()
    for entry in source.iterdir():
        if entry.name not in (*without, "__pycache__"):
            (target / entry.name).symlink_to(entry)


def digests(folder: Path) -> dict[str, str]:
    """Digest of each file but bytecode."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def requirements(wheel: Path) -> dict[str, set[str]]:
    """Names of what the wheel requires, by extra; those of the base under ''."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = message_from_bytes(archive.read(name)).get_all("Requires-Dist") or []
    found: dict[str, set[str]] = {}
    for line in lines:
        requirement, _, condition = line.partition(";")
        extra = condition.partition("extra ==")[2].strip(" '\"")
        found.setdefault(extra, set()).add(requirement.rstrip("<>=!~.,0123456789 ").lower().replace("_", "-"))
    return found


def test_the_wheel_requires_no_package_of_spark(wheel):
    found = requirements(wheel)

    assert {"pysail", "grpcio", "grpcio-status", "googleapis-common-protos", "zstandard"} < found[""]
    assert found["embedded"] == {"pyspark-client"}
    assert found["spark"] == {"pyspark", "delta-spark"}
    rest = {name for extra, names in found.items() if extra not in ("embedded", "spark") for name in names}
    assert not rest & {"pyspark", "pyspark-client", "delta-spark"}


def test_beside_the_pyspark_of_a_cluster_the_wheel_changes_none_of_its_files_and_a_job_runs(wheel, cluster, images):
    before, entries = digests(cluster.packages / "pyspark"), set(os.listdir(cluster.packages))
    install = ("-m", "pip", "install", "--no-index", "--quiet")

    other = cluster.run(*install, f"{wheel}[embedded]")
    assert "No matching distribution found for pyspark-client" in other.stderr
    done = cluster.run(*install, str(wheel))
    assert done.returncode == 0, done.stderr

    added = {"dataeval_spark", f"dataeval_spark-{version('dataeval_spark')}.dist-info"}
    assert set(os.listdir(cluster.packages)) - entries == added
    assert digests(cluster.packages / "pyspark") == before
    code = "import dataeval_spark, pyspark; print(dataeval_spark.__file__, pyspark.__file__)"
    places = [str(cluster.packages / name / "__init__.py") for name in ("dataeval_spark", "pyspark")]
    assert cluster.run("-c", code).stdout.split() == places
    workspace = str(cluster.place / "audit")
    engine = os.environ["DATAEVAL_SPARK_ENGINE"]
    job = cluster.run(str(ROOT / "jobs" / "ingest.py"), "--workspace", workspace, images, engine=engine)
    assert job.returncode == 0, job.stderr
    assert DeltaTable(f"{workspace}/images").to_pyarrow_table().num_rows == 3


def test_without_spark_the_error_names_both_extras(without_spark):
    for words in (
        ["demo"],
        ["profile", "--workspace", "ws", "--dry-run"],
        ["report", "--workspace", "ws", "--out", "r"],
    ):
        done = without_spark.tool(*words)
        assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {CANNOT_IMPORT}")


@pytest.mark.parametrize("statement", ["from dataeval_spark import Audit", "from dataeval_spark.audit import Audit"])
def test_without_spark_an_import_is_refused_with_both_extras(without_spark, statement):
    done = without_spark.run("-c", f"import dataeval_spark.kernels.images.profile\n{statement}", source=ROOT)

    assert done.returncode == 1
    assert done.stderr.endswith(f"dataeval_spark.errors.SparkMissingError: {CANNOT_IMPORT}")


def test_without_spark_there_is_help_for_every_verb(without_spark):
    calls = [["--help"], *([verb, "--help"] for verb in VERBS)]
    code = f"from dataeval_spark.cli.main import main\nprint([main(words) for words in {calls}])"
    done = without_spark.run("-c", code, source=ROOT)

    assert done.stdout.splitlines()[-1] == str([0] * len(calls)), done.stderr


def test_without_spark_the_doctor_says_which_extras_bring_it(without_spark):
    done = without_spark.tool("doctor")

    assert done.returncode == 1, done.stderr
    assert f"spark        MISSING not installed\n{'':<21}{EITHER}\n" in done.stdout


def test_the_client_runs_the_embedded_engine(with_client, images):
    workspace = str(with_client.place / "audit")

    assert with_client.tool("doctor").returncode == 0
    done = with_client.tool("ingest", "--workspace", workspace, images)

    assert done.returncode == 0, done.stderr
    assert DeltaTable(f"{workspace}/images").to_pyarrow_table().num_rows == 3


def test_the_client_cannot_start_spark(with_client, images):
    done = with_client.tool("ingest", "--workspace", "ws", "--engine", "spark", images)

    assert done.returncode == 2
    assert done.stderr == (
        f"error: Spark cannot be started: found pyspark-client {version('pyspark')}, which has no JVM; "
        "expected pyspark, and only one of the two.\n"
        "Hint: pip uninstall -y pyspark-client && pip install 'dataeval_spark[spark]'\n"
    )
