"""The embedded engine: one server in the process, its settings, and an error where it is not installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dataeval_spark.errors import FOR_EMBEDDED, SetupError
from dataeval_spark.session import embedded

IN_A_NEW_PROCESS = """
import os
from dataeval_spark.session.embedded import embedded
from pyspark.sql import functions as F

before = dict(os.environ)
one, other = embedded(cores=3, scratch={scratch!r}), embedded()
counts = one.range(300).groupBy(F.col("id") % 97).count()
assert counts.select(F.spark_partition_id().alias("n")).distinct().count() == 3
assert one.conf.get("spark.sql.session.timeZone") == other.conf.get("spark.sql.session.timeZone") == "UTC"
assert not [name for name in os.environ if name.startswith("SAIL_")], "its settings are left behind"
assert one.range(3).localCheckpoint().count() == 3
(folder,) = os.listdir({scratch!r})
print(os.listdir(os.path.join({scratch!r}, folder)) != [])
"""


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_sessions_of_a_process_share_one_server_whose_files_go_with_it(tmp_path):
    done = run(IN_A_NEW_PROCESS.format(scratch=str(tmp_path)))

    assert done.stdout == "True\n", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_files_of_an_engine_that_was_killed_go_when_the_next_one_starts(tmp_path):
    code = IN_A_NEW_PROCESS.format(scratch=str(tmp_path)) + "\nimport signal; os.kill(os.getpid(), signal.SIGKILL)"
    run(code)
    (left,) = tmp_path.iterdir()
    (tmp_path / "of another program").mkdir()

    embedded._remove_left_behind(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["of another program"]
    assert left.name.startswith(embedded.PREFIX)


def test_without_the_package_the_error_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysail.spark", None)
    monkeypatch.setattr(embedded, "_SERVERS", [])

    assert not embedded.is_installed()
    with pytest.raises(
        SetupError, match=r"(?s)cannot be loaded.*\nHint: pip install dataeval_spark, or --engine spark$"
    ):
        embedded.embedded()

    monkeypatch.setattr(embedded, "has_jvm", lambda: False)
    monkeypatch.setattr(embedded, "hint_for_embedded", lambda: FOR_EMBEDDED)

    with pytest.raises(SetupError, match=r"cannot be loaded.*\nHint: pip install 'dataeval_spark\[embedded\]'$"):
        embedded.embedded()
