"""See what is in an image dataset: duplicates, broken and odd images, labels, drift, as Delta tables.

Examples
--------
>>> from dataeval_spark import Audit
>>> Audit("my_audit").ingest("photos/").run().report()
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dataeval_spark.errors import spark_needed
from dataeval_spark.workspace.version import __version__

if TYPE_CHECKING:
    from dataeval_spark.audit import Audit
    from dataeval_spark.frames.sql_functions import register_functions
    from dataeval_spark.workspace.workspace import Workspace

# Late, because Python workers import this package for its kernels and need no session code.
_PLACES = {
    "Audit": "dataeval_spark.audit",
    "Workspace": "dataeval_spark.workspace.workspace",
    "register_functions": "dataeval_spark.frames.sql_functions",
}

__all__ = ["Audit", "Workspace", "__version__", "register_functions"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with spark_needed():
        return getattr(import_module(_PLACES[name]), name)
