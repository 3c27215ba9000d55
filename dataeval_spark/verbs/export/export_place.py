"""The folder of an export: empty at first, and marked as finished at the end."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dataeval_spark.errors import ExportError, OptionError
from dataeval_spark.kernels.storage.files import read_file
from dataeval_spark.kernels.storage.writing import clear, is_vacant, write_bytes
from dataeval_spark.workspace.version import __version__

MARK = "export.json"


def prepare(to: str, format: str, *, replace: bool) -> None:
    """Make sure that an export may be written to a place, and mark it as begun.

    What an export left that was cut off is removed; what another put there only with ``replace``; anything else never.

    Raises
    ------
    OptionError
        There is something else, or a finished export and no ``replace``.
    ExportError
        It cannot be written.
    """
    try:
        if not is_vacant(to):
            mark = _mark(to)
            if mark is None:
                raise OptionError(f"{to} is not empty, and what is in it is no export.\nHint: --to an empty folder")
            if mark.get("finished") and not replace:
                raise OptionError(
                    f"{to} holds an export of {mark.get('images')} images as {mark.get('format')}.\n"
                    "Hint: --replace removes it, or --to another folder"
                )
            clear(to)
        write_bytes(f"{to}/{MARK}", _text({"format": format, "finished": False}))
    except OSError as error:
        raise ExportError(
            f"{to} cannot be written: {error.strerror or error}.\nHint: --to a folder or URI that you may write"
        ) from None


def finish(to: str, about: Mapping[str, Any]) -> None:
    """Mark an export as finished: what it is, from what it was made, and when."""
    made = {"code_version": __version__, "finished_at": datetime.now(UTC).isoformat(), "finished": True}
    write_bytes(f"{to}/{MARK}", _text({**about, **made}))


def _mark(to: str) -> dict[str, Any] | None:
    try:
        found = json.loads(read_file(f"{to}/{MARK}"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "finished" in found else None


def _text(mark: Mapping[str, Any]) -> bytes:
    return (json.dumps(mark, indent=2) + "\n").encode()
