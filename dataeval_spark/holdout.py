"""Hold-outs: parts of a split that are read with a reason only, each time written down.

A part that is looked at again and again while a model is chosen tells less and less about new data (Dwork et al. 2015,
"The reusable holdout"). So every reading of one is a row of `runs`, and the number of rows stands beside what was
computed.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import HoldoutError, OptionError
from dataeval_spark.runs import Run
from dataeval_spark.tables import RUNS, SPLIT_ASSIGNMENTS, SPLITS
from dataeval_spark.workspace import Workspace

PREFIX = "assigned="


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
        raise OptionError(
            f"{ref!r} names no part of a split; expected assigned=SPLIT/PART, such as assigned=main/test."
        )
    return name, part


def open_part(workspace: Workspace, run: Run, name: str, part: str, reason: str | None = None) -> int | None:
    """Ask to read a part. Where it is a hold-out, the reason is written to `runs`.

    Parameters
    ----------
    name, part : str
        Split, and its part.
    reason : str, optional
        Why a hold-out is read.

    Returns
    -------
    int or None
        How often the hold-out has been opened, this time included; None for a part that is none.

    Raises
    ------
    HoldoutError
        The part is a hold-out and there is no reason.
    OptionError
        There is no such split.
    """
    found = workspace.rows(SPLITS, ("split_name", "holdout"))
    known = {row["split_name"]: row["holdout"] for row in found}
    OptionError.unless_one_of("split", name, sorted(known))
    if part not in known[name]:
        return None
    before = openings(workspace, name, part)
    if not (reason or "").strip():
        raise HoldoutError.closed(name, part, before)
    run.record(_step(name, part), "done", datetime.now(UTC), message=str(reason))
    return before + 1


def sentence(name: str, part: str, count: int | None) -> str:
    """How often a hold-out has been opened, for the message of a run."""
    return f"hold-out {name}/{part} opened {count} times"


def openings(workspace: Workspace, name: str, part: str) -> int:
    """How often a hold-out has been opened."""
    return len(workspace.rows(RUNS, ("run_id",), step=_step(name, part), status="done"))


def images_of_part(workspace: Workspace, name: str, part: str) -> DataFrame:
    """``image_id`` of a part in a split's first repetition. Ask `open_part` first."""
    rows = workspace.read(SPLIT_ASSIGNMENTS).where((F.col("split_name") == name) & (F.col("split") == part))
    return rows.where("repeat = 0").select("image_id").distinct()


def _step(name: str, part: str) -> str:
    return f"open hold-out {name}/{part}"
