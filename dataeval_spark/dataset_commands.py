"""The verbs of the command line that make datasets of a workspace: `split`, `select` and `export`."""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dataeval_spark.errors import OptionError
from dataeval_spark.locations import refuse_credentials

METHODS = (
    "random, stratified, group, stratified_group (default), leave_one_group_out, time, hold_out_value, or hash for "
    "more images than the driver could hold"
)
SPLIT_OPTIONS = (
    *("method", "folds", "repeats", "seed", "group_by", "stratify_by", "combined", "hold_out", "gap", "horizon"),
    *("test_size", "max_train", "target", "images", "holdout", "renew"),
)
EXPORT_OPTIONS = (
    *("format", "view", "version", "split", "samples_per_shard", "with_lost_labels", "replace", "open_holdout"),
)
# Named here too, for help that loads nothing of Spark; tests/test_cli.py compares them.
FORMATS = ("folder", "coco", "yolo", "voc", "parquet", "webdataset")
OPERATION_NAMES = (
    *("datasets", "split", "where", "classes", "relabel", "drop_duplicates", "drop_outliers", "drop_findings"),
    *("balance", "stratified_sample", "shuffle", "limit", "indices"),
)
Declare = Callable[[str, str], argparse.ArgumentParser]
MakeAudit = Callable[[argparse.Namespace], Any]


def declare(verb: Declare) -> None:
    """Add the verbs; ``verb(name, text)`` makes a parser with the options that all have."""
    _split(verb("split", "assign the images to the parts of a split; what had a part keeps it"))
    _select(verb("select", "save a selection of the images under a name; without a recipe, do its last one again"))
    _export(verb("export", "write images and labels as COCO, YOLO, folders, parquet or WebDataset"))


def _split(made: argparse.ArgumentParser) -> None:
    made.add_argument("--name", required=True, metavar="NAME", help="of the split")
    made.add_argument("--method", default="stratified_group", metavar="METHOD", help=METHODS)
    made.add_argument("--fractions", nargs="+", metavar="PART=SHARE", help="default train=0.7 validation=0.1 test=0.2")
    made.add_argument("--folds", type=int, metavar="K", help="equal parts instead; over time with --method time")
    made.add_argument("--repeats", type=int, default=1, metavar="N", help="with another shuffle each")
    made.add_argument("--no-shuffle", action="store_true", help="in the order of ids, as scikit-learn's")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--group-by", nargs="+", default=[], metavar="FACTOR", help="equal values stay together")
    made.add_argument("--no-duplicates", action="store_true", help="let duplicates be in different parts")
    made.add_argument("--stratify-by", nargs="*", default=["class_name"], metavar="FACTOR", help="default class_name")
    made.add_argument("--combined", action="store_true", help="stratify by each combination of the values")
    made.add_argument("--hold-out", metavar="FACTOR=VALUE", help="--method hold_out_value: these are the last part")
    made.add_argument("--gap", type=int, default=0, metavar="N", help="--method time: images left out before a part")
    made.add_argument("--horizon", type=float, default=0.0, metavar="SECONDS", help="... from image to outcome")
    made.add_argument("--test-size", type=int, metavar="N", help="... images of each test part (with --folds)")
    made.add_argument("--max-train", type=int, metavar="N", help="... most images to train on (rolling folds)")
    made.add_argument("--target", metavar="dataset=NAME", help="images that validation and test should be like")
    made.add_argument("--images", metavar="dataset=NAME", help="split only these")
    made.add_argument("--holdout", nargs="+", default=[], metavar="PART", help="to be read with a reason only")
    made.add_argument("--renew", action="store_true", help="assign all images anew")


def _select(made: argparse.ArgumentParser) -> None:
    made.add_argument("--name", required=True, metavar="NAME", help="of the selection")
    made.add_argument("--recipe", metavar="FILE", help="JSON list of operations, or TOML with [[recipe]] sections")
    made.add_argument(
        "--operation",
        action="append",
        nargs="+",
        default=[],
        metavar=("NAME", "OPTION=VALUE"),
        help="one operation, repeatable, in order: " + ", ".join(OPERATION_NAMES),
    )
    made.add_argument("--open-holdout", metavar="REASON", help="why a hold-out is selected; it is written to runs")


def _export(made: argparse.ArgumentParser) -> None:
    made.add_argument("--to", required=True, metavar="DIR", help="empty folder, or URI of object storage")
    made.add_argument("--format", default="coco", metavar="FORMAT", help=f"{', '.join(FORMATS)}; default coco")
    made.add_argument("--view", metavar="NAME", help="a selection; default all images")
    made.add_argument("--version", type=int, metavar="N", help="of the selection; default the newest")
    made.add_argument("--split", metavar="NAME", help="use the parts of this split; default what the source gave")
    made.add_argument("--samples-per-shard", type=int, default=1000, metavar="N", help="webdataset and parquet")
    made.add_argument("--with-lost-labels", action="store_true", help="images whose labels are lost, without labels")
    made.add_argument("--replace", action="store_true", help="remove an earlier export that is there")
    made.add_argument("--open-holdout", metavar="REASON", help="why a hold-out is exported; it is written to runs")


def run_select(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Do what ``dataeval-spark select`` was told."""
    from dataeval_spark.config import value_of
    from dataeval_spark.selection.recipe import check, from_words

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
    make_audit(args).select(args.name, recipe or None, open_holdout=args.open_holdout)


def run_export(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Do what ``dataeval-spark export`` was told."""
    if args.dry_run:
        print(f"export             run   writes {args.view or 'all images'} of {args.workspace} to {args.to}")
        return
    make_audit(args).export(args.to, **{name: getattr(args, name) for name in EXPORT_OPTIONS})


def _recipe(path: str) -> list[dict[str, Any]]:
    try:
        text = Path(path).read_text()
        found = json.loads(text) if path.lower().endswith(".json") else tomllib.loads(text).get("recipe")
    except OSError as error:
        raise OptionError(f"Recipe {path} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise OptionError(f"Recipe {path} is neither JSON (.json) nor TOML: {error}.") from None
    if not isinstance(found, list) or not all(isinstance(step, dict) for step in found):
        raise OptionError(
            f"Recipe {path} has no list of operations.\n"
            'Hint: TOML with [[recipe]] and operation = "limit" below it, or JSON [{"operation": "limit", "n": 10}]'
        )
    return found


def run_split(args: argparse.Namespace, make_audit: MakeAudit) -> None:
    """Do what ``dataeval-spark split`` was told."""
    options = {name: getattr(args, name) for name in SPLIT_OPTIONS}
    options |= {"shuffle": not args.no_shuffle, "duplicates": not args.no_duplicates}
    options["fractions"] = _fractions(args.fractions) if args.fractions else None
    if args.dry_run:
        print(f"split              run   assigns the images of {args.workspace} as {args.name}")
        return
    make_audit(args).split(args.name, **options)


def _fractions(given: list[str]) -> dict[str, float]:
    found = {}
    for text in given:
        part, equals, share = text.partition("=")
        try:
            found[part] = float(share)
        except ValueError:
            equals = ""
        if not equals or not part:
            raise OptionError(f"--fractions {text}: expected PART=SHARE, such as train=0.7.")
    return found
