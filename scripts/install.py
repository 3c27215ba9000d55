"""Install the package in the environment of this Python: with uv, or with pip where uv is not to be had.

python scripts/install.py [EXTRA]

uv is a wheel of the package index, pinned in constraints.txt. It downloads side by side and unpacks without compiling
modules that nobody may import, in a third of pip's time. It does not read pip's settings (indexes, certificates,
proxies): they are handed over in its environment variables.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONSTRAINTS = ("--constraint", "constraints.txt")
# Spark's wheel is made here, out of 400 MB of jars, which compress no further.
UNCOMPRESSED = ("--config-settings-package", "pyspark:--build-option=--compression=stored")
# What pip calls a setting, the variable in which uv reads it, and how uv separates several values.
VARIABLES = (
    ("index-url", "UV_DEFAULT_INDEX", " "),
    ("extra-index-url", "UV_INDEX", " "),
    ("find-links", "UV_FIND_LINKS", ","),
    ("no-index", "UV_NO_INDEX", " "),
    ("trusted-host", "UV_INSECURE_HOST", " "),
    ("cert", "SSL_CERT_FILE", " "),
    ("client-cert", "SSL_CLIENT_CERT", " "),
    ("proxy", "ALL_PROXY", " "),
)
# The order in which pip takes them: the last wins.
SECTIONS = ("global", "install", ":env:")


def main(extra: str = "dev") -> int:
    """Install with one extra; the exit code is pip's where pip had to do it."""
    package = ("--editable", f".[{extra}]")
    pip = (sys.executable, "-m", "pip")
    quiet = ("--quiet", "--disable-pip-version-check")
    if _runs([*pip, "install", *quiet, "--only-binary", "uv", *CONSTRAINTS, "uv"]):
        settings = subprocess.run([*pip, "config", "list"], capture_output=True, text=True).stdout
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "install", "--quiet", "--python", sys.executable, *UNCOMPRESSED, *CONSTRAINTS, *package]
        if _runs(command, {**uv_variables(settings), **os.environ}):
            return 0
    print("setup: uv could not install the package, pip tries (a minute more)", file=sys.stderr)
    return subprocess.run([*pip, "install", *quiet, "--prefer-binary", *CONSTRAINTS, *package], cwd=ROOT).returncode


def uv_variables(settings: str) -> dict[str, str]:
    r"""Environment variables in which uv finds the settings of pip.

    Parameters
    ----------
    settings : str
        What ``pip config list`` prints: a line for each setting, with its section.

    Examples
    --------
    >>> uv_variables(r"global.find-links='/wheels\n/more'")
    {'UV_FIND_LINKS': '/wheels,/more'}
    """
    values = {}
    for section in SECTIONS:
        for line in settings.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                # pip shows a value as Python writes it: lines of a list are separated by \n.
                values[name.removeprefix(f"{section}.")] = value.strip("'\"").replace("\\n", " ").split()
    found = {variable: separator.join(values[name]) for name, variable, separator in VARIABLES if values.get(name)}
    # pip takes the best version of all indexes, uv by itself that of the first index.
    return {**found, "UV_INDEX_STRATEGY": "unsafe-best-match"} if "UV_INDEX" in found else found


def _runs(command: Sequence[str], environment: Mapping[str, str] | None = None) -> bool:
    try:
        return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0
    except OSError:
        return False


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:2]))
