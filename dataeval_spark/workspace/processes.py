"""Processes of this machine: whether one that a run names is still the same."""

from __future__ import annotations

import os


def process_started(pid: int) -> float | None:
    """When a process of this machine started, in the system's own clock; None when there is no such process.

    Tells a process from a later one that was given the same number.
    """
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
