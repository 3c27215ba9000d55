"""A parser of command lines whose errors are one line and a hint with the nearest name."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from dataeval_spark.kernels.storage.uris import without_credentials

USAGE = 2
# A name that argparse refuses, and those that it would take where it lists them.
_WRONG_NAME = re.compile(r"(?:invalid choice: |unrecognized arguments: )'?([^' ]+)'?(?: \(choose from (.*)\))?")
_LACKS = "the following arguments are required: "


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line without credentials, with the nearest name as a hint."""

    words: Sequence[str] = ()

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in argparse; the words are kept for hints."""
        self.words = list(sys.argv[1:] if args is None else args)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        print(f"error: {without_credentials(f'{message}.')}\nHint: {self._hint(message)}", file=sys.stderr)
        raise SystemExit(USAGE)

    def _hint(self, message: str) -> str:
        if message.startswith(_LACKS):
            return self._hint_for_lacking(message.removeprefix(_LACKS).split(", "))
        wrong = _WRONG_NAME.search(message)
        allowed = (re.findall(r"[\w.-]+", wrong[2]) if wrong[2] else self._flags()) if wrong else []
        near = get_close_matches(wrong[1], allowed, n=1) if wrong else []
        return f"did you mean {near[0]!r}?" if near else f"{self.prog} --help"

    def _hint_for_lacking(self, lacking: Sequence[str]) -> str:
        """Hint for arguments that are lacking: one may be there, but misspelt."""
        for word in self.words:
            flag = word.partition("=")[0]
            if flag.startswith("--") and flag not in self._flags() and (near := get_close_matches(flag, lacking, n=1)):
                return f"did you mean {near[0]!r} by {flag!r}?"
        return f"{self.prog} --help"

    def _flags(self) -> list[str]:
        return [flag for action in self._actions for flag in action.option_strings]
