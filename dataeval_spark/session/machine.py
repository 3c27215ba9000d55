"""Cores and memory of this machine, as far as this process may use them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

# Where Linux says how much memory a container may use: the present and the former version of control groups.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNKNOWN_MEMORY = 8 * 2**30


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Bytes of memory of the machine, or of the container where that is less; 8 GiB where the system does not tell.

    Examples
    --------
    >>> available_memory() > 2**28
    True
    """
    total = UNKNOWN_MEMORY
    with suppress(ValueError, OSError, AttributeError):
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # the word "max" is no limit
            total = min(total, int(Path(limit).read_text()))
    return total


def process_started(pid: int) -> float | None:
    """Start time of a process of this machine, in the system's own clock; None when there is no such process.

    It distinguishes a process from a later one with the same number. Outside of POSIX, where asking would end the
    process, every process is taken to live.
    """
    if os.name != "posix":
        return 0.0
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return float(stat.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0.0  # no /proc (macOS): the number alone must do
