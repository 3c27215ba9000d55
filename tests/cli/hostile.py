"""What a hostile case may break, and the words of the command lines that try it.

A case is a function of a `Hostile`. It breaks something and returns the words of the command line, and a text that the
message has to have: the name of the file, option or table.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple


class Hostile(NamedTuple):
    """What a case may break: pictures in a folder, a workspace of other pictures, and a folder for files."""

    photos: Path
    workspace: Path
    files: Path

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path


Words = tuple[object, ...]
Case = Callable[[Hostile], tuple[Words, str]]


# What no message may have: names of libraries' insides, and texts of errors that nobody wrote for users.
INSIDES = (
    *("Py4J", "java.", "panicked", "Traceback", "org.apache", "SQLSTATE", "pyspark", "pyarrow", "deltalake"),
    *("ArrowInvalid", "ArrowTypeError", "AnalysisException", "SparkConnect", "gRPC", "KeyError", "TypeError"),
    *("ValueError", "AttributeError", "JVM", "Utf8 error", "kernel bug", "External error", "DataFusion"),
)
# How PySpark calls an object of the JVM, such as o123.
OBJECT = re.compile(r"\bo\d+\.[a-zA-Z]")


def insides_in(text: str) -> list[str]:
    return [word for word in INSIDES if word in text] + OBJECT.findall(text)


def ingest(case: Hostile, *words: object) -> Words:
    """A first ingest into a workspace that is not there yet."""
    return ("ingest", "--workspace", case.files / "new", *words)


def on(case: Hostile, verb: str, *words: object) -> Words:
    """A verb on the workspace that is there."""
    return (verb, "--workspace", case.workspace, *words)


def cases_of(module: ModuleType) -> list[Case]:
    """The cases of a module: its functions of one argument ``h``, in their order."""
    own = [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
    functions = [value for value in own if hasattr(value, "__code__")]
    return [value for value in functions if value.__code__.co_varnames[: value.__code__.co_argcount] == ("h",)]
