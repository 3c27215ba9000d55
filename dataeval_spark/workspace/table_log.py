"""The log of a Delta table in a directory of this machine: what is missing or damaged in it, found without an engine.

Readers of Delta take an empty entry for a commit that changed nothing, and cannot know of a newest entry that is gone:
such a table would be read as it once was.
"""

from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

FOLDER = "_delta_log"
POINTER = "_last_checkpoint"
_ENTRY = re.compile(r"(\d{20})\.json")
# A checkpoint in one file, in numbered parts, or under an id of its own.
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})|\.[0-9a-f-]{36})?\.(parquet|json)")


@dataclass(frozen=True)
class Flaw:
    """A file of a table, what is wrong with it, and the command that mends it without any loss, where there is one."""

    file: str
    reason: str
    mending: str | None = None


@dataclass(frozen=True)
class TableLog:
    """Files of the log of a table.

    Attributes
    ----------
    folder : str
        Folder of the log.
    entries : mapping of int to int
        Size in bytes of each entry, by its version.
    checkpoints : mapping of int to tuple of str
        Names of the files of each complete checkpoint, by its version.
    has_pointer : bool
        Whether there is a file that names the newest checkpoint.
    """

    folder: str
    entries: Mapping[int, int]
    checkpoints: Mapping[int, tuple[str, ...]]
    has_pointer: bool

    @classmethod
    def of(cls, place: str) -> TableLog | None:
        """The log of the table in a directory; None where there is none."""
        folder = f"{place}/{FOLDER}"
        entries: dict[int, int] = {}
        parts: dict[tuple[int, int], list[str]] = defaultdict(list)
        has_pointer = False
        try:
            for file in os.scandir(folder):
                if found := _ENTRY.fullmatch(file.name):
                    entries[int(found[1])] = file.stat().st_size
                elif found := _CHECKPOINT.fullmatch(file.name):
                    parts[int(found[1]), int(found[3] or 1)].append(file.name)
                has_pointer = has_pointer or file.name == POINTER
        except (FileNotFoundError, NotADirectoryError):
            return None
        complete = {version: tuple(sorted(names)) for (version, count), names in parts.items() if len(names) >= count}
        return cls(folder, entries, complete, has_pointer)

    @property
    def newest(self) -> int:
        """Newest version; -1 in a log without any."""
        return max((*self.entries, *self.checkpoints), default=-1)

    @property
    def base(self) -> int:
        """Version of the newest checkpoint, after which entries are read; -1 without one."""
        return max(self.checkpoints, default=-1)

    def entry(self, version: int) -> str:
        """Path of an entry."""
        return f"{self.folder}/{version:020}.json"

    def flaw(self) -> Flaw | None:
        """The first file that is gone or empty, by names and sizes alone; None where each version can be reached."""
        if self.newest < 0:
            return Flaw(self.folder, "has no entries")
        needed = range(self.base + 1, self.newest + 1)
        for version in needed:
            if version not in self.entries:
                return Flaw(self.entry(version), "is gone")
            if not self.entries[version]:
                return Flaw(self.entry(version), "is empty (0 bytes)")
        return self._flaw_of_pointer()

    def damage(self) -> Flaw | None:
        """As `flaw`, and what the files that are read have in them is looked at too."""
        found = self.flaw()
        if found is not None:
            return found
        for name in self.checkpoints.get(self.base, ()):
            if name.endswith(".parquet") and not _is_parquet(f"{self.folder}/{name}"):
                return Flaw(f"{self.folder}/{name}", "is damaged", self._without_checkpoint(name))
        for version in range(self.base + 1, self.newest + 1):
            reason = _fault_of_entry(self.entry(version))
            if reason is not None:
                return Flaw(self.entry(version), reason)
        return None

    def lacking(self) -> list[int]:
        """Versions of the past that are gone between others: only reading old versions needs them."""
        past = [version for version in self.entries if version <= self.base]
        return [version for version in range(min(past), self.base) if version not in self.entries] if past else []

    def reaches(self, version: int) -> bool:
        """Whether a version can be read: all entries since a checkpoint, or since the first, are there."""
        if version > self.newest:
            return False
        base = max((each for each in self.checkpoints if each <= version), default=-1)
        return all(self.entries.get(each) for each in range(base + 1, version + 1))

    def committed_at(self, version: int) -> datetime | None:
        """Time of a commit, as its entry says; None where it does not."""
        try:
            for line in Path(self.entry(version)).read_text().splitlines():
                about = json.loads(line).get("commitInfo")
                if about is not None:
                    return datetime.fromtimestamp(about["timestamp"] / 1000, UTC)
        except (OSError, ValueError, KeyError, AttributeError, TypeError):
            return None
        return None

    def _flaw_of_pointer(self) -> Flaw | None:
        """The file that names the newest checkpoint, where it names one that is not there."""
        if not self.has_pointer:
            return None
        pointer = f"{self.folder}/{POINTER}"
        try:
            version = json.loads(Path(pointer).read_text())["version"]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # readers take no notice of it then
        if version in self.checkpoints:
            return None
        reason = f"names the checkpoint of version {version}, which is gone"
        return Flaw(pointer, reason, f"rm {pointer}" if self.reaches(self.newest) else None)

    def _without_checkpoint(self, name: str) -> str | None:
        """Command that removes a checkpoint, where the entries, or an older checkpoint, say the same without it."""
        older = {version: names for version, names in self.checkpoints.items() if name not in names}
        rest = TableLog(self.folder, self.entries, older, has_pointer=False)
        pointer = f" {self.folder}/{POINTER}" if self.has_pointer else ""
        return f"rm {self.folder}/{name}{pointer}" if rest.reaches(self.newest) else None


def flaw_of_size(path: str, size: int) -> Flaw | None:
    """What is wrong with a data file, by the size that the log says it has; None where that is its size."""
    try:
        found = os.stat(path).st_size
    except FileNotFoundError:
        return Flaw(path, "is gone")
    except OSError as error:
        return Flaw(path, f"cannot be read: {error.strerror}")
    return None if found == size else Flaw(path, f"has {found:,} of {size:,} bytes")


def _is_parquet(path: str) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowException, OSError):
        return False
    return True


def _fault_of_entry(path: str) -> str | None:
    """What is wrong with an entry of a log: each line is one action, an object with one name."""
    try:
        for line in Path(path).read_bytes().splitlines():
            if line.strip():
                action = json.loads(line)
                if not isinstance(action, dict) or not action:
                    return "is damaged: it has a line that is no action"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    except ValueError:
        return "is damaged: it ends early, or is no JSON"
    return None
