"""Errors and logs of the command line, without the credentials that other libraries may put into them."""

from __future__ import annotations

import argparse
import logging
import sys
import traceback
from typing import NoReturn

from dataeval_spark.kernels.storage.uris import without_credentials


class Parser(argparse.ArgumentParser):
    """A parser whose errors show no credentials."""

    def error(self, message: str) -> NoReturn:
        super().error(without_credentials(message))


class Formatter(logging.Formatter):
    """A formatter of log lines that show no credentials."""

    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(super().format(record))


def start_logging(level: int) -> None:
    """Log to standard error; messages of this package from ``level`` on, of other packages from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter("%(asctime)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("dataeval_spark").setLevel(level)


def print_error(message: str, *, whole: bool = False) -> None:
    """Print a message to standard error, preceded, with ``whole``, by the traceback of the handled error."""
    if whole:
        print(without_credentials(traceback.format_exc()), end="", file=sys.stderr)
    print(f"error: {without_credentials(message)}", file=sys.stderr)


def print_line(line: str) -> None:
    """Print a line of progress."""
    print(without_credentials(line), flush=True)
