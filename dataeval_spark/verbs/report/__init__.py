"""The HTML report of a workspace: one file that opens offline, without scripts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.storage.uris import is_uri, local_path
from dataeval_spark.kernels.storage.writing import write_bytes
from dataeval_spark.tables.contract import Table
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
    "write_report",
]


def write_report(read: Callable[[Table], DataFrame | None], provenance: Provenance, path: str | Path) -> Path | str:
    """Collect, render and write a report.

    Parameters
    ----------
    read : callable
        The DataFrame of a table; null when the table does not exist.
    provenance : Provenance
        Where the tables come from.
    path : str or Path
        File to write; its folder is made. It appears whole or not at all.

    Returns
    -------
    Path or str
        The file written, absolute, or its URI.

    Examples
    --------
    >>> write_report(workspace.read_or_none, provenance, "report.html")
    """
    return save_report(render_report(collect_report_data(read), provenance), path)


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
        There is a folder of this name, or the storage cannot be written.
    """
    uri = str(path)
    if is_uri(uri) and local_path(uri) is None:
        try:
            write_bytes(uri, html.encode())
        except OSError as error:
            raise OptionError(
                f"report.out is {uri}, which cannot be written: {error.strerror or error}.\n"
                "Hint: --out FILE, or a URI that you may write"
            ) from None
        return uri
    path = local_path(uri) or path
    if os.path.isdir(path):
        raise OptionError(f"report.out is {path}, which is a folder.\nHint: --out {os.path.join(path, 'report.html')}")
    target = Path(path).expanduser().resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, suffix=".part", delete=False) as file:
        try:
            file.write(html)
            file.close()
            os.chmod(file.name, 0o644)  # temporary files are private; a report is to be passed on
            os.replace(file.name, target)
        except BaseException:
            os.unlink(file.name)
            raise
    return target
