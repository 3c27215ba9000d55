"""The verbs of the command line that make datasets of a workspace: `split`, `select` and `export`."""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataeval_spark.cli.flags import add_flags, flags_of
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.options import OPERATION_NAMES, ExportOptions, SelectOptions, SplitOptions, options_from

Declare = Callable[[str, str], argparse.ArgumentParser]
MakeAudit = Callable[[argparse.Namespace], Any]


def declare(verb: Declare) -> None:
    """Add the verbs; ``verb(name, text)`` makes a parser with the common options."""
    _split(verb("split", "assign the images to the parts of a split; images keep the part they were given earlier"))
    _select(
        verb(
            "select",
            "save a selection of the images under a name; without operations, repeat the ones it was saved with",
        )
    )
    _export(verb("export", "write images and labels as COCO, YOLO, folders, parquet or WebDataset"))


def _split(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME", help="name of the split")
    add_flags(parser, SplitOptions)


def _select(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", required=True, metavar="NAME", help="name of the selection")
    parser.add_argument("--recipe", metavar="FILE", help="JSON list of operations, or TOML with [[recipe]] sections")
    parser.add_argument(
        "--operation",
        action="append",
        nargs="+",
        default=[],
        metavar=("NAME", "OPTION=VALUE"),
        help="one operation, repeatable, in order: " + ", ".join(OPERATION_NAMES),
    )
    add_flags(parser, SelectOptions)


def _export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="DIR", help="empty folder, or URI of object storage")
    add_flags(parser, ExportOptions)


def run_select(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Run ``dataeval-spark select``."""
    from dataeval_spark.verbs.config import value_of
    from dataeval_spark.verbs.select.recipe import check, from_words

    if args.recipe and args.operation:
        raise OptionError("select takes --recipe or --operation, not both.")
    recipe = _recipe(args.recipe) if args.recipe else [from_words(words, value_of) for words in args.operation]
    refuse_credentials(recipe)
    check(recipe)
    if args.dry_run:
        print(
            f"select             run   saves {args.name} in {args.workspace}: {json.dumps(recipe or 'its last recipe')}"
        )
        return
    make_audit(args).select(args.name, recipe or None, **flags_of(args, SelectOptions))


def run_export(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Run ``dataeval-spark export``."""
    options = flags_of(args, ExportOptions)
    if args.dry_run:
        images = options_from(ExportOptions, options).selection or "all images"
        print(f"export             run   writes {images} of {args.workspace} to {args.to}")
        return
    make_audit(args).export(args.to, **options)


def _recipe(path: str) -> list[dict[str, Any]]:
    try:
        text = Path(path).read_text()
        operations = json.loads(text) if path.lower().endswith(".json") else tomllib.loads(text).get("recipe")
    except OSError as error:
        raise OptionError(f"Recipe {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise OptionError(f"Recipe {path} is neither JSON (.json) nor TOML: {error}.") from None
    if not isinstance(operations, list) or not all(isinstance(step, dict) for step in operations):
        raise OptionError(
            f"Recipe {path} has no list of operations.\n"
            'Hint: TOML with [[recipe]] and operation = "limit" below it, or JSON [{"operation": "limit", "n": 10}]'
        )
    return operations


def run_split(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Run ``dataeval-spark split``."""
    options = flags_of(args, SplitOptions)
    if args.dry_run:
        options_from(SplitOptions, options)
        print(f"split              run   assigns the images of {args.workspace} as {args.name}")
        return
    make_audit(args).split(args.name, **options)
