"""Cores and memory of this machine, as far as this process may use them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

# Where Linux says how much memory a container may use: the present and the former version of control groups.
LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
UNKNOWN_MEMORY = 8 * 2**30
NO_LIMIT = 2**60  # the former version names a number beyond any memory
MEMORY_OF_MACHINE = "/proc/meminfo"
GROUPS_OF_PROCESS = "/proc/self/cgroup"


@dataclass(frozen=True)
class ControlGroup:
    """Files in which one version of control groups keeps its account of memory, below its folder."""

    root: str
    controller: str
    limit: str
    used: str
    reclaimable: str


GROUPS = (
    ControlGroup("/sys/fs/cgroup", "", "memory.max", "memory.current", "inactive_file"),
    ControlGroup(
        "/sys/fs/cgroup/memory", "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
    ),
)


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


def free_memory() -> int | None:
    """Bytes of memory that processes can still have, of the machine and of every control group above this process.

    Pages of files that the system keeps only because there is room count as free. None where there is no /proc.
    """
    machine = _numbers(MEMORY_OF_MACHINE).get("MemAvailable:")
    if machine is None:
        return None
    free = machine * 1024
    for folder, files in _groups():
        with suppress(OSError, ValueError):
            limit, used = (int((folder / name).read_text()) for name in (files.limit, files.used))
            free = min(free, limit - used + _numbers(str(folder / "memory.stat")).get(files.reclaimable, 0))
    return max(free, 0)


@cache
def _groups() -> tuple[tuple[Path, ControlGroup], ...]:
    """Folders of the control groups of this process that limit memory: its own, and those that it lies in."""
    return tuple(_groups_in(GROUPS_OF_PROCESS, GROUPS))


def _groups_in(listing: str, kinds: tuple[ControlGroup, ...]) -> Iterator[tuple[Path, ControlGroup]]:
    paths: dict[str, str] = {}
    with suppress(OSError):
        for line in Path(listing).read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            paths |= dict.fromkeys(controllers.split(","), path)
    for kind in kinds:
        # A container may see the path of the host and yet only its own group, at the root.
        own = Path(kind.root, paths.get(kind.controller, "/").lstrip("/"))
        for folder in (own, *own.parents):
            with suppress(OSError, ValueError):  # no such group, or the word "max"
                if folder.is_relative_to(kind.root) and int((folder / kind.limit).read_text()) < NO_LIMIT:
                    yield folder, kind


def _numbers(path: str) -> dict[str, int]:
    """Numbers of a file with a word and a number in each line; nothing where it cannot be read."""
    with suppress(OSError):
        lines = (line.split() for line in Path(path).read_text().splitlines())
        return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}
    return {}


def used_memory(pid: int) -> int | None:
    """Bytes that a process alone holds, in memory and in swap: pages of files and of shared memory do not count.

    The system keeps these sums, so that reading them is cheap; to share out shared pages (PSS) it would go through all
    pages of the process. None where the process or /proc is missing.
    """
    numbers = _numbers(f"/proc/{pid}/status")
    if "RssAnon:" not in numbers:
        return None
    return 1024 * (numbers["RssAnon:"] + numbers.get("VmSwap:", 0))


def descendants(pid: int) -> list[int]:
    """Processes that a process started, and those that they started; none where there is no /proc."""
    children: dict[int, list[int]] = {}
    with suppress(OSError):
        for name in filter(str.isdigit, os.listdir("/proc")):
            with suppress(OSError):
                parent = int(Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found = [pid]
    for each in found:
        found += children.get(each, [])
    return found[1:]


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


def fullest_disk(places: Iterable[str]) -> str:
    """The disk with the least room among those of these places, in words.

    Examples
    --------
    >>> fullest_disk(["/"]).partition(" MB ")[2]
    'free on /'
    """
    room: list[tuple[int, str, int]] = []
    for place in places:
        with suppress(OSError):
            there = next(each for each in (Path(place), *Path(place).parents) if each.exists())
            disk = os.statvfs(there)
            files = disk.f_favail if disk.f_files else 1
            room.append((disk.f_bavail * disk.f_frsize if files else 0, str(there), files))
    free, place, files = min(room, default=(0, "the disk", 1))
    return f"{free / 2**20:,.0f} MB free on {place}" if files else f"no more files can be made on {place}"
