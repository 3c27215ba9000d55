"""Hold-outs: guarded parts of a split. Every reading needs a reason, which is recorded.

Each reading of a part while a model is chosen makes it a weaker test (Dwork et al. 2015, "The reusable holdout"). So
every reading of a hold-out is a row of `runs`, and the number of readings stands beside the result.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import HoldoutError, OptionError
from dataeval_spark.tables.runs import RUNS
from dataeval_spark.tables.splits import SPLIT_ASSIGNMENTS, SPLITS
from dataeval_spark.workspace.runs import Run
from dataeval_spark.workspace.workspace import Workspace

PREFIX = "assigned="
CLOSED = "reads the labels of a hold-out"


def names_of(ref: str) -> tuple[str, str] | None:
    """Split and part of a reference ``assigned=SPLIT/PART``; None for references of another kind.

    Raises
    ------
    OptionError
        The part is missing.
    """
    if not ref.startswith(PREFIX):
        return None
    name, slash, part = ref.removeprefix(PREFIX).rpartition("/")
    if not slash or not name or not part:
        raise OptionError(f"{ref!r} names no part of a split; expected assigned=SPLIT/PART.\nHint: assigned=main/test")
    return name, part


def open_part(run: Run, name: str, part: str, reason: str | None = None) -> int | None:
    """Ask to read a part. For a hold-out, the reason is written to `runs`.

    Parameters
    ----------
    name, part : str
        Names of the split and of its part.
    reason : str, optional
        Reason for reading a hold-out.

    Returns
    -------
    int or None
        Number of times that the hold-out has been opened, this one included; None for other parts.

    Raises
    ------
    HoldoutError
        The part is a hold-out and there is no reason.
    OptionError
        There is no such split.
    """
    workspace = run.workspace
    splits = workspace.rows(SPLITS, ("split_name", "guarded"))
    guarded_parts = {row["split_name"]: row["guarded"] for row in splits}
    OptionError.unless_one_of("split", name, sorted(guarded_parts))
    if part not in guarded_parts[name]:
        return None
    before = openings(workspace, name, part)
    if not (reason or "").strip():
        raise HoldoutError.closed(name, part, opened(before))
    if not run.is_recorded:
        raise HoldoutError(
            f"Part {part!r} of split {name!r} is guarded, and the reason for reading it cannot be recorded: "
            f"{workspace.read_only_reason()}.\n"
            f"Hint: make {workspace.location} writable, or work on a copy of it"
        )
    run.finish(_step(name, part), "done", datetime.now(UTC), str(reason))
    return before + 1


class Guard:
    """Guard of the labels of hold-outs: steps read them with a reason, recorded when the first of the steps runs.

    Parameters
    ----------
    parts : collection of (str, str)
        Hold-outs among the images that the steps read: split and part.
    reason : str, optional
        Reason for reading them.
    """

    def __init__(self, run: Run, parts: Collection[tuple[str, str]], reason: str | None = None) -> None:
        self._run, self._parts = run, sorted(parts)
        self._reason = (reason or "").strip()
        self._lock = threading.Lock()
        self._sentences: list[str] | None = None
        self._refused: list[str] = []

    @property
    def is_closed(self) -> bool:
        """Whether there are hold-outs without a reason to open them: then no step that reads labels may run."""
        return bool(self._parts) and not self._reason

    def refuse(self, step: str) -> None:
        """Remember a step that reads labels and may not run."""
        with self._lock:
            self._refused.append(step)

    def open(self) -> None:
        """Record the reason before the first step that reads labels runs."""
        with self._lock:
            if self._sentences is None and self._reason:
                counts = [open_part(self._run, *part, self._reason) for part in self._parts]
                self._sentences = [sentence(*part, n) for part, n in zip(self._parts, counts, strict=True)]

    @property
    def message(self) -> str:
        """How often each hold-out that was read has been opened; empty where none was read."""
        return "; ".join(self._sentences or ())

    def error(self) -> HoldoutError | None:
        """The error for the steps that were refused; None where there are none."""
        if not self._refused:
            return None
        name, part = self._parts[0]
        times = opened(openings(self._run.workspace, name, part))
        return HoldoutError.closed(name, part, times, sorted(self._refused))


def parts(workspace: Workspace) -> list[tuple[str, str]]:
    """All hold-outs of a workspace: split and part."""
    rows = workspace.rows(SPLITS, ("split_name", "guarded"))
    return [(row["split_name"], part) for row in rows for part in row["guarded"] or ()]


def parts_among(workspace: Workspace, images: DataFrame) -> list[tuple[str, str]]:
    """Hold-outs that contain any of these images."""
    return [
        part
        for part in parts(workspace)
        if not images_of_part(workspace, *part).join(images.select("image_id"), on="image_id").isEmpty()
    ]


def open_among(run: Run, images: DataFrame, reason: str | None) -> list[str]:
    """Ask to read the labels of these images; return a sentence for each hold-out among them.

    Raises
    ------
    HoldoutError
        There is a hold-out among them and no reason.
    """
    return [sentence(*part, open_part(run, *part, reason)) for part in parts_among(run.workspace, images)]


def opened(count: int) -> str:
    """Number of times that a hold-out has been opened, in words.

    Examples
    --------
    >>> opened(1), opened(2)
    ('opened once', 'opened 2 times')
    """
    return {0: "never opened", 1: "opened once"}.get(count, f"opened {count:,} times")


def sentence(name: str, part: str, count: int | None) -> str:
    """Sentence on how often a hold-out has been opened, for the message of a run."""
    return f"hold-out {name}/{part} {opened(count or 0)}"


def openings(workspace: Workspace, name: str, part: str) -> int:
    """Number of times that a hold-out has been opened."""
    return len(workspace.rows(RUNS, ("run_id",), step=_step(name, part), status="done"))


def images_of_part(workspace: Workspace, name: str, part: str) -> DataFrame:
    """Column ``image_id`` of a part in a split's first repetition. Ask `open_part` first."""
    rows = workspace.read(SPLIT_ASSIGNMENTS).where((F.col("split_name") == name) & (F.col("split") == part))
    return rows.where("repeat = 0").select("image_id").distinct()


def _step(name: str, part: str) -> str:
    return f"open hold-out {name}/{part}"
