from __future__ import annotations

import os

from dataeval_spark.session import machine


def test_cores_are_those_of_this_process_where_the_system_tells(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5}, raising=False)

    assert machine.available_cores() == 3


def test_cores_are_those_of_the_machine_elsewhere(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)

    assert machine.available_cores() == 1


def test_memory_is_that_of_the_container_where_it_is_less(monkeypatch, tmp_path):
    (tmp_path / "limit").write_text("1048576\n")
    (tmp_path / "none").write_text("max\n")
    monkeypatch.setattr(machine, "LIMITS", (str(tmp_path / "none"), str(tmp_path / "limit"), str(tmp_path / "absent")))

    assert machine.available_memory() == 2**20


def test_memory_is_8_gib_where_the_system_does_not_tell(monkeypatch):
    monkeypatch.delattr(os, "sysconf", raising=False)
    monkeypatch.setattr(machine, "LIMITS", ())

    assert machine.available_memory() == 8 * 2**30
