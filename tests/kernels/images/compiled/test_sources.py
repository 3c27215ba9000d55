"""Numba's cache must not outlive the sources.

Numba compiles a function anew when its own file changes, but not when a function that it calls changes in another file.
So each compiled module holds a digest of all of them: a change in one is a change in every file.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dataeval_spark.kernels import numba_options

OPTIONS = Path(numba_options.__file__)
ROOT = OPTIONS.parents[2]


def calls_compiled_code_elsewhere(path: Path) -> bool:
    text = path.read_text()
    others = (other for other in COMPILED if other != path)
    names = (other.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for other in others)
    return "\nSOURCES = " in text or any(f"from {name} import" in text for name in names)


COMPILED = sorted(path for path in OPTIONS.parent.rglob("*.py") if "njit(" in path.read_text() and path != OPTIONS)
HOLDERS = [path for path in COMPILED if calls_compiled_code_elsewhere(path)]
MODULES = [OPTIONS, *HOLDERS]


def digest() -> str:
    lines = [line for path in MODULES for line in path.read_text().splitlines() if not line.startswith("SOURCES = ")]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


@pytest.mark.parametrize("path", HOLDERS, ids=lambda path: path.stem)
def test_each_compiled_module_holds_the_digest_of_all(path):
    assert f'SOURCES = "{digest()}"' in path.read_text(), (
        f'a compiled module has changed; run: sed -i \'s/^SOURCES = "[0-9a-f]*"/SOURCES = "{digest()}"/\' '
        "$(grep -rl ^SOURCES dataeval_spark/kernels)"
    )
