"""The package on systems without POSIX: a process in which their modules and functions are taken away imports all."""

from __future__ import annotations

import subprocess
import sys

# Everything is imported once as it is, because other libraries may need what is taken away then.
WITHOUT_POSIX = """
import importlib, os, pkgutil, signal, sys
import dataeval_spark

NAMES = [found.name for found in pkgutil.walk_packages(dataeval_spark.__path__, "dataeval_spark.")]
NAMES = [name for name in NAMES if not name.endswith("__main__")]
for name in NAMES:
    importlib.import_module(name)
for name in [name for name in sys.modules if name.partition(".")[0] == "dataeval_spark"]:
    del sys.modules[name]
for name in ("resource", "fcntl", "grp", "pwd", "pty", "termios", "tty"):
    sys.modules[name] = None  # an import of it fails
for name in ("SIGALRM", "ITIMER_REAL", "setitimer", "alarm", "SIGKILL", "SIGHUP"):
    delattr(signal, name)
for name in ("fork", "getuid", "geteuid", "getpgid", "killpg", "setsid", "sysconf", "sched_getaffinity", "uname"):
    delattr(os, name)
for name in NAMES:
    importlib.import_module(name)
"""
IN_USE = """
from dataeval_spark.kernels.images.decoding.limits import address_space
from dataeval_spark.session.machine import UNKNOWN_MEMORY, available_cores, available_memory
from dataeval_spark.verbs.doctor import _memory
from dataeval_spark.session.machine import process_started

def kill(pid, number):
    raise AssertionError("elsewhere this would end the process")

os.kill = kill
assert available_cores() == os.cpu_count()
assert 0 < available_memory() <= UNKNOWN_MEMORY
assert address_space() == 0
assert _memory().status == "warning"
os.name = "nt"
assert process_started(os.getpid()) == process_started(1) == 0.0
"""


def run(code: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_module_is_imported_without_what_only_posix_has():
    run(WITHOUT_POSIX + IN_USE)
