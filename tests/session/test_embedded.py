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


INTERRUPTED = """
import os, signal, sys, threading, time
from dataeval_spark.session.embedded import embedded

def start():
    sessions.append(embedded())

sessions = []
thread = threading.Thread(target=start)
thread.start()
thread.join()
session = sessions[0]
rows = "SELECT count(*) FROM range(3000000) AS a JOIN range(3000000) AS b ON a.id % 1000 = b.id % 1000"
threading.Timer(2, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
try:
    session.sql(rows + " WHERE hash(a.id, b.id) % 7 = 3").collect()
except KeyboardInterrupt:
    print("interrupted", session.range(5).count())
"""


BATCHES = """
import pyarrow as pa
from deltalake import write_deltalake
from pyspark.sql import functions as F
from dataeval_spark.frames.batches import map_batches
from dataeval_spark.session.choice import session_for

def sizes(batches):
    for batch in batches:
        yield pa.RecordBatch.from_pydict({{"bytes": [batch.nbytes]}})

ids = [str(number) for number in range(300)]
write_deltalake({place!r}, pa.table({{"image_id": ids, "content": pa.array([bytes(2**20)] * 300, pa.binary())}}))
images = session_for(300, 300 * 2**20, engine="embedded").read.format("delta").load({place!r})
joined = images.join(F.broadcast(images.select("image_id")), on="image_id")
for frame in (images, joined):
    found = [row["bytes"] for row in map_batches(frame, sizes, "bytes long").collect()]
    print(sum(found) >= 300 * 2**20, max(found) < 66 * 2**20)
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


def test_after_an_interrupt_the_next_query_works_though_the_engine_was_started_in_another_thread():
    done = run(INTERRUPTED)

    assert done.stdout == "interrupted 5\n", done.stderr


def test_image_bytes_of_a_table_reach_a_kernel_in_bounded_batches(tmp_path):
    done = run(BATCHES.format(place=str(tmp_path / "images")))

    assert done.stdout == "True True\n" * 2, done.stderr


def test_a_folder_that_cannot_be_used_for_temporary_files_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SetupError, match=r"temporary files in .*file.*(?s:.)Hint: --scratch"):
        embedded._temporary_folder(tmp_path / "file")


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
