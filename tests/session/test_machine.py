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


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 3}, raising=False)
    assert available_cores() == 2


def test_where_affinity_is_unknown_all_cores_count(monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert available_cores() == 6
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1
