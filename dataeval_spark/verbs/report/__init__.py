"""The HTML report of a workspace: one file that opens offline, without scripts."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.storage.uris import local_path
from dataeval_spark.kernels.storage.writing import write_bytes
from dataeval_spark.verbs.report.data import Box, Provenance, ReportData, Thumbnail
from dataeval_spark.verbs.report.page import render_report
from dataeval_spark.verbs.report.queries import collect_report_data

__all__ = [
    "Box",
    "Provenance",
    "ReportData",
    "Thumbnail",
    "collect_report_data",
    "render_report",
    "save_report",
]


def save_report(html: str, path: str | Path) -> Path | str:
    """Write a rendered report to a file or object, which appears whole or not at all.

    Parameters
    ----------
    html : str
        The report.
    path : str or Path
        A path, or a URI of storage that can be written.

    Returns
    -------
    Path or str
        The absolute path, or the URI.

    Raises
    ------
    OptionError
        There is a folder of this name, or the file cannot be written.

    Examples
    --------
    >>> save_report("<!doctype html>", "/tmp/report.html")
    PosixPath('/tmp/report.html')
    """
    place = local_path(str(path))
    if place is not None and os.path.isdir(place):
        raise OptionError(
            f"report.out is {place}, which is a folder.\nHint: --out {os.path.join(place, 'report.html')}"
        )
    target = str(path) if place is None else Path(place).expanduser().resolve()
    try:
        write_bytes(str(target), html.encode())
    except OSError as error:
        raise OptionError(
            f"report.out is {target}, which cannot be written: {error.strerror or error}.\n"
            "Hint: --out FILE, in a folder or storage that you may write"
        ) from None
    if isinstance(target, Path):
        with suppress(OSError):  # mounted storage may know no rights
            target.chmod(0o644)  # a report is to be passed on, whatever the umask is
    return target
