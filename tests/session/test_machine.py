"""Memory and cores as the container limits them."""

from __future__ import annotations

import os

import pytest

from dataeval_spark.session import machine
from dataeval_spark.session.machine import UNKNOWN_MEMORY, available_cores, available_memory

WHOLE = 64 * 2**30


@pytest.fixture
def limits(tmp_path, monkeypatch):
    """Write the limits of a faked control group; a machine of 64 GiB."""

    def write(*texts):
        paths = [tmp_path / f"limit_{number}" for number, _ in enumerate(texts)]
        for path, text in zip(paths, texts, strict=True):
            if text is not None:
                path.write_text(text)
        monkeypatch.setattr(machine, "LIMITS", tuple(map(str, paths)))

    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": WHOLE // 4096}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__, raising=False)
    return write


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((), WHOLE),
        ((None, None), WHOLE),
        (("max\n", None), WHOLE),
        (("", None), WHOLE),
        ((f"{2**31}\n", None), 2**31),
        ((None, f"{2**30}\n"), 2**30),
        # The former version names a number beyond any memory where there is no limit.
        ((None, f"{2**63 - 4096}\n"), WHOLE),
        ((f"{2**32}\n", f"{2**31}\n"), 2**31),
    ],
)
def test_the_smallest_limit_counts_and_what_is_no_number_is_none(limits, texts, expected):
    limits(*texts)

    assert available_memory() == expected


@pytest.mark.parametrize("error", [ValueError, OSError, AttributeError])
def test_a_system_that_does_not_tell_has_a_usual_size(limits, monkeypatch, error):
    def refuse(name):
        raise error(name)

    limits()
    monkeypatch.setattr(os, "sysconf", refuse, raising=False)

    assert available_memory() == UNKNOWN_MEMORY


def test_a_limit_holds_where_the_system_does_not_tell(limits, monkeypatch):
    def refuse(name):
        raise OSError(name)

    limits(f"{2**30}")
    monkeypatch.setattr(os, "sysconf", refuse, raising=False)

    assert available_memory() == 2**30


@pytest.mark.parametrize(
    ("text", "used", "cached", "expected"),
    [(str(2**30), 2**29, 2**28, 2**30 - 2**29 + 2**28), ("max", 2**29, 0, 3 * 2**30), (str(2**28), 2**29, 0, 0)],
)
def test_what_is_free_is_what_the_machine_and_every_group_above_leave(
    tmp_path, monkeypatch, text, used, cached, expected
):
    group = tmp_path / "jobs" / "mine"
    group.mkdir(parents=True)
    for name, content in (("max", text), ("current", str(used)), ("stat", f"anon 5\ninactive_file {cached}\n")):
        (tmp_path / "jobs" / f"memory.{name}").write_text(content)
    (tmp_path / "listing").write_text("4:cpu:/other\n0::/jobs/mine\n")
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {3 * 2**20} kB\n")
    kinds = (machine.ControlGroup(str(tmp_path), "", "memory.max", "memory.current", "inactive_file"),)
    found = tuple(machine._groups_in(str(tmp_path / "listing"), kinds))
    monkeypatch.setattr(machine, "_groups", lambda: found)
    monkeypatch.setattr(machine, "MEMORY_OF_MACHINE", str(tmp_path / "meminfo"))

    assert machine.free_memory() == expected


def test_a_process_that_is_gone_uses_nothing_and_has_no_descendants():
    assert machine.used_memory(2**30) is None
    assert machine.descendants(2**30) == []


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3}, raising=False)
    assert available_cores() == 2


def test_where_affinity_is_unknown_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1
