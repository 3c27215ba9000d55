"""Whether an engine is still there, after an error that may come of its end."""

from __future__ import annotations

import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dataeval_spark.session import liveness
from dataeval_spark.session.liveness import ended

LOST = ConnectionRefusedError(111, "Connection refused")


def gateway_of(monkeypatch, process):
    context = pytest.importorskip("pyspark.core.context", reason="the client of Spark alone starts no Java")
    monkeypatch.setattr(context.SparkContext, "_gateway", SimpleNamespace(proc=process))
    monkeypatch.setattr(liveness.embedded, "address", lambda: None)


def process_that(text):
    return subprocess.Popen([sys.executable, "-c", text])


def test_a_java_process_that_was_killed_is_named_with_its_signal(monkeypatch):
    gateway_of(monkeypatch, process_that("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))

    assert ended(LOST) == "Spark's Java process was killed (SIGKILL)"


def test_a_java_process_that_ended_is_named_with_its_exit_code(monkeypatch):
    gateway_of(monkeypatch, process_that("raise SystemExit(3)"))

    assert ended(LOST) == "Spark's Java process ended with exit code 3"


def test_a_java_process_that_lives_has_not_ended(monkeypatch):
    monkeypatch.setattr(liveness, "WAIT_SECONDS", 0.1)
    process = process_that("import time; time.sleep(60)")
    gateway_of(monkeypatch, process)
    try:
        assert ended(LOST) is None
    finally:
        process.kill()
        process.wait()


def test_an_embedded_engine_whose_port_is_closed_has_ended(monkeypatch):
    monkeypatch.setattr(liveness, "_jvm", lambda: None)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        monkeypatch.setattr(liveness.embedded, "address", lambda: address)
        assert ended(LOST) is None

    assert ended(LOST) == "the embedded engine has ended"


def test_an_error_that_is_not_of_a_connection_asks_nobody(monkeypatch):
    monkeypatch.setattr(liveness, "_jvm", lambda: pytest.fail("asked"))

    assert ended(ValueError("column x is missing")) is None
