"""Needs of sections: what a test reads, whether it is there, and the command that fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.text import listed

INGEST = "dataeval-spark ingest --workspace WORKSPACE photos/"
INGEST_LABELS = f"{INGEST} --annotations labels.json"
PROFILE = "dataeval-spark profile --workspace WORKSPACE"
EMBED = f"{PROFILE} --encoder thumbnail"
ANALYZE = "dataeval-spark analyze --workspace WORKSPACE"


class Need(NamedTuple):
    """Something that a test reads, in words; a command that makes it."""

    what: str
    is_met: Callable[[ReportData], bool]
    command: str


class Untested(NamedTuple):
    """What a section lacks, as a sentence (empty: only its own step), and the commands that test it, in order."""

    reason: str
    commands: tuple[str, ...]


def counted(measure: str, what: str, command: str, least: int = 1) -> Need:
    """A need of at least so many of something that the overview counts."""
    return Need(what, lambda data: data.count(measure) >= least, command)


IMAGES = counted("live_images", "images", INGEST)
MEASURED = counted("readable_images", "measured images", PROFILE)
EMBEDDED = counted("embedded_images", "vectors of an encoder", EMBED)
LABELS = counted("targets", "labels", INGEST_LABELS)
CLASSES = counted("classes", "labels of two classes or more", INGEST_LABELS, least=2)
BOXES = counted("boxes", "boxes", INGEST_LABELS)


def untested(data: ReportData, needs: tuple[Need, ...], command: str, *, is_missing: bool) -> Untested | None:
    """What a section lacks; None when its tables are there and its needs are met.

    Parameters
    ----------
    data : ReportData
        Data of the report.
    needs : tuple of Need
        Needs of the section, in the order in which they are met.
    command : str
        Command that fills the section's own tables.
    is_missing : bool
        Whether one of these tables does not exist.

    Examples
    --------
    >>> untested(ReportData(), (MEASURED,), ANALYZE, is_missing=True).reason
    'It needs measured images.'
    """
    lacking = [need for need in needs if not need.is_met(data)]
    if not lacking and not is_missing:
        return None
    commands = tuple(dict.fromkeys([*(need.command for need in lacking), command]))
    return Untested(f"It needs {listed(need.what for need in lacking)}." if lacking else "", commands)
