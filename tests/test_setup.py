"""Set-up: how the package is installed."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
INSTALL = runpy.run_path(str(ROOT / "scripts" / "install.py"))
uv_variables, main = INSTALL["uv_variables"], INSTALL["main"]
COMPILE = runpy.run_path(str(ROOT / "scripts" / "compile_modules.py"))


def test_uv_gets_the_settings_of_pip():
    settings = r"""
:env:.cert='/etc/ssl/certs/ca.crt'
:env:.default-timeout='180'
global.extra-index-url='\nhttps://one/simple\nhttps://two/simple'
global.index-url='https://user:word@mirror/simple?a=b'
global.trusted-host='mirror other'
install.find-links='/wheels /more'
"""

    assert uv_variables(settings) == {
        "UV_DEFAULT_INDEX": "https://user:word@mirror/simple?a=b",
        "UV_INDEX": "https://one/simple https://two/simple",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_INSECURE_HOST": "mirror other",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca.crt",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
    }


def test_a_variable_wins_over_a_section_and_a_section_over_the_rest():
    assert uv_variables(":env:.proxy='http://c'\nglobal.proxy='http://a'\ninstall.proxy='http://b'") == {
        "ALL_PROXY": "http://c"
    }
    assert uv_variables("global.proxy='http://a'\ninstall.proxy='http://b'") == {"ALL_PROXY": "http://b"}
    assert uv_variables("") == {}


@pytest.fixture
def commands(monkeypatch):
    """``commands(failing)``: commands of an installation in which those with a word fail."""

    def make(failing):
        ran = []

        def run(command, **rest):
            ran.append(Path(command[0]).name if command[0].endswith("uv") else " ".join(command[1:4]))
            if failing in command[0] or failing in command:
                raise FileNotFoundError if command[0].endswith("uv") else AssertionError
            return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

        monkeypatch.setattr(subprocess, "run", run)
        assert main() == 0
        return ran

    return make


def test_uv_installs(commands):
    assert commands("nothing fails") == ["-m pip install", "-m pip config", "uv"]


def test_pip_installs_where_uv_cannot(commands, capsys):
    assert commands("/uv") == ["-m pip install", "-m pip config", "uv", "-m pip install"]
    assert capsys.readouterr().err.startswith("setup: uv could not install the package, pip tries")


def test_uv_is_pinned():
    assert re.search(r"^uv==", (ROOT / "constraints.txt").read_text(), re.MULTILINE)


def test_the_extra_is_dev_unless_another_is_named(monkeypatch):
    packages = []

    def run(command, **rest):
        packages.append(command[-1])
        return subprocess.CompletedProcess(command, 0, stdout="", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    main()
    main("embedded")

    assert [name for name in packages if name.startswith(".")] == [".[dev]", ".[embedded]"]


def test_both_packages_of_spark_have_the_same_versions():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    ranges = [line.partition(">=")[2] for line in (extras["embedded"][0], extras["spark"][0])]
    pins = re.findall(r"^pyspark(?:-client)?==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)

    assert (len(set(ranges)), len(pins), len(set(pins))) == (1, 2, 1)


def test_modules_are_compiled_that_are_imported_inside_functions_where_runs_would_not(tmp_path, monkeypatch):
    (tmp_path / "needed_when_called.py").write_text("")
    (tmp_path / "never_needed.py").write_text("")
    package = tmp_path / "package"
    package.mkdir()
    (package / "one.py").write_text(
        "def first():\n    import needed_when_called\n\ndef other():\n    import not_installed\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "compiled"))

    COMPILE["main"](package)

    compiled = {path.name.split(".")[0] for path in (tmp_path / "compiled").rglob("*.pyc")}
    assert "needed_when_called" in compiled
    assert "never_needed" not in compiled


def test_the_plots_of_a_report_are_among_the_modules_that_are_compiled():
    assert {"matplotlib.figure", "dataeval_spark.verbs.report"} <= COMPILE["imported_modules"]()
