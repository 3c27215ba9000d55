"""Memory of the embedded engine: what passes its limit, and how work that needs more ends."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from PIL import Image

from dataeval_spark.errors import SetupError
from dataeval_spark.session import cancellation, memory
from dataeval_spark.session.memory import Limit, Watch

GIB = 2**30
LIMIT_MB = 900
# Memory of files (the engine's own code) is in the peak and not in the limit; the rest is allocated between two looks.
PEAK_MB = 2 * LIMIT_MB
needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell what is used")

# A row's value of 8 GB; groups that grow while the engine answers nobody; rows to sort, which the engine stops at once.
ONE_VALUE = "size(sequence(1, 2000000000)) > length(image_id)"
GROUPS = """1 < (SELECT max(size(texts)) FROM (SELECT collect_list(text) AS texts FROM (
    SELECT a.id % 100 AS k, concat(CAST(a.id AS STRING), repeat('x', 60), CAST(b.id AS STRING)) AS text
    FROM range(10000) AS a CROSS JOIN range(10000) AS b) GROUP BY k))"""
SORT = """1 < (SELECT count(after) FROM (SELECT lead(text) OVER (PARTITION BY 1 ORDER BY text) AS after FROM (
    SELECT concat(sha2(CAST(id AS STRING), 256), sha2(CAST(id + 1 AS STRING), 256)) AS text FROM range(40000000))))"""

IN_ONE_PROCESS = """
import sys
from dataeval_spark.audit import Audit
from dataeval_spark.errors import NotEnoughMemoryError

audit = Audit(sys.argv[1], engine="embedded", echo=lambda line: None)
try:
    audit.select("large", [{"operation": "where", "condition": sys.argv[2]}])
except NotEnoughMemoryError as error:
    print(str(error).splitlines()[1])
audit.select("small", [{"operation": "limit", "n": 2}])
print(audit.table("selection_members").where("selection_name = 'small'").count())
"""


@pytest.fixture
def workspace(tmp_path):
    for number in range(3):
        Image.new("L", (16, 16), number).save(tmp_path / f"{number}.png")
    place = tmp_path / "audit"
    command("ingest", "--workspace", str(place), str(tmp_path), "--glob", "*.png")
    return place


def command(*words):
    return python("-m", "dataeval_spark.cli", *words)


def measured(*words):
    """A command with the limit, and the most memory in MB that it had at any time."""
    code = "import resource, subprocess, sys; process = subprocess.run(sys.argv[1:]); "
    code += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024); sys.exit(process.returncode)"
    done = python("-c", code, sys.executable, "-m", "dataeval_spark.cli", *words, limit=f"{LIMIT_MB}m")
    return done, int(done.stdout.split()[-1])


def python(*words, limit=None):
    environment = os.environ | {"DATAEVAL_SPARK_ENGINE": "embedded"} | ({memory.VARIABLE: limit} if limit else {})
    return subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, timeout=300)


@needs_proc
@pytest.mark.parametrize("condition", [ONE_VALUE, GROUPS, SORT], ids=["one value", "groups", "sort"])
def test_a_command_that_needs_too_much_ends_with_an_error_that_names_the_other_engine(workspace, condition):
    before = DeltaTable(str(workspace / "images")).version()

    done, peak_mb = measured(
        *("select", "--workspace", str(workspace), "--name", "large"),
        *("--operation", "where", f"condition={condition}"),
    )

    assert done.returncode == 1, done.stderr
    error, hint = done.stderr.strip().splitlines()[-2:]
    assert error.startswith("error: The embedded engine was stopped: it used ")
    assert error.endswith(f"MB of memory, its limit is {LIMIT_MB} MB (DATAEVAL_SPARK_MEMORY).")
    assert hint.startswith("Hint: --engine spark")
    assert "Traceback" not in done.stderr
    assert "panick" not in done.stderr
    assert peak_mb < PEAK_MB
    runs = DeltaTable(str(workspace / "runs")).to_pyarrow_table().to_pylist()
    last = max(runs, key=lambda row: row["started_at"])
    assert (last["status"], last["message"]) == ("failed", error.removeprefix("error: "))
    assert not any((workspace / "_scratch").glob("*"))
    assert DeltaTable(str(workspace / "images")).version() == before


@needs_proc
def test_the_next_command_of_the_same_process_works(workspace):
    done = python("-c", IN_ONE_PROCESS, str(workspace), SORT, limit=f"{LIMIT_MB}m")

    hint, rows = done.stdout.splitlines()
    assert hint.startswith("Hint: --engine spark")
    assert rows == "2", done.stderr


@pytest.mark.parametrize(
    ("set_by_user", "used", "free", "words"),
    [
        (2 * GIB, 2 * GIB, 0, None),
        (2 * GIB, 2 * GIB + 1, 9 * GIB, "its limit is 2,048 MB (DATAEVAL_SPARK_MEMORY)"),
        (None, 9 * GIB, 2 * GIB, None),
        (None, 9 * GIB, GIB, "and of the machine's 10.0 GB only 1.0 GB were left"),
        (None, GIB, GIB, None),  # others took it
    ],
)
def test_the_limit_is_the_one_that_was_set_or_what_is_left(set_by_user, used, free, words):
    assert Limit(set_by_user, 10 * GIB).passed(used, free) == words


def test_a_verb_is_stopped_interrupted_again_and_ended_with_the_process_only_where_it_goes_on_growing(capsys):
    interrupted, ended, recorded = [], [], []
    watch = Watch(Limit(GIB, 10 * GIB), lambda: interrupted.append(1), ended.append)

    def work():
        watch.look(GIB + 1, 5 * GIB, now=0.0)
        assert "1,024 MB" in str(cancellation.stopped_by())
        watch.look(GIB + 2, 5 * GIB, now=0.5)
        watch.look(GIB + 2, 5 * GIB, now=2.0)
        assert not ended
        with cancellation.last_words(recorded.append):
            watch.look(2 * GIB, 5 * GIB, now=2.1)
        raise RuntimeError("operation not found")

    with pytest.raises(memory.NotEnoughMemoryError):
        cancellation.interruptible(work, cancellation.Cancellation(), lambda: None)

    assert ended == [memory.EXIT_CODE]
    assert len(recorded) == 1
    assert "error: The embedded engine was stopped" in capsys.readouterr().err
    assert cancellation.stopped_by() is None


def test_a_size_without_a_unit_is_refused():
    with pytest.raises(SetupError, match="expected a size such as 2g or 1500m"):
        memory.megabytes("2000")
