"""See what is in an image dataset: duplicates, broken and odd images, labels, drift, as Delta tables.

Examples
--------
>>> from dataeval_spark import Audit
>>> Audit("my_audit").ingest("photos/").run().report()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dataeval_spark.version import __version__

if TYPE_CHECKING:
    from dataeval_spark.audit import Audit
    from dataeval_spark.workspace import Workspace

__all__ = ["Audit", "Workspace", "__version__"]


def __getattr__(name: str) -> Any:
    # Late, because Python workers import this package for its kernels and need no session code.
    if name == "Audit":
        from dataeval_spark.audit import Audit

        return Audit
    if name == "Workspace":
        from dataeval_spark.workspace import Workspace

        return Workspace
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
