"""Compile the modules that the package imports: python scripts/compile_modules.py

uv leaves modules uncompiled, and where PYTHONDONTWRITEBYTECODE is set, as in many containers, no run compiles them for
the next one: each command would take two seconds more. What the package never imports is left alone.
"""

from __future__ import annotations

import ast
import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "dataeval_spark"


def imported_modules(package: Path = PACKAGE) -> set[str]:
    """Names of all modules that the files of a package import, inside functions too.

    Examples
    --------
    >>> "matplotlib.figure" in imported_modules()
    True
    """
    return {name for file in package.rglob("*.py") for name in _imports(ast.parse(file.read_text()))}


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            # A name that comes from a module may be a module itself.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def main(package: Path = PACKAGE) -> None:
    """Import each module, which compiles it; those of extras that are not installed are left out."""
    sys.dont_write_bytecode = False
    warnings.simplefilter("ignore")
    for name in sorted(imported_modules(package)):
        # Modules of optional packages fail in ways of their own.
        with suppress(Exception):
            importlib.import_module(name)


if __name__ == "__main__":
    main()
