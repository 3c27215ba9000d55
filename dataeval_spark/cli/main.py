"""The command line: ``dataeval-spark VERB ...``, and the same verbs for ``spark-submit jobs/VERB.py ...``.

Exit codes: 0 done, 1 a step failed, 2 wrong usage or configuration, 130 cancelled, 143 ended by SIGTERM.
(3 is kept for checks that raise alerts.)
Errors and logs are shown without the credentials that other libraries may put into them.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from dataeval_spark.cli.flags import add_flags
from dataeval_spark.cli.help_texts import EXIT_CODES, below_options, examples
from dataeval_spark.cli.parsing import USAGE, Parser
from dataeval_spark.cli.verbs import FAILED, VERBS
from dataeval_spark.errors import (
    ConfigError,
    DataEvalError,
    HoldoutError,
    IngestError,
    OptionError,
    SetupError,
    SnapshotError,
    TableMissingError,
    WorkspaceMissingError,
    first_line,
    spark_needed,
)
from dataeval_spark.kernels.storage.uris import refuse_credentials, without_credentials
from dataeval_spark.option_checks.parts import FORMS
from dataeval_spark.options import (
    COMPARISON_NAMES,
    ENGINES,
    OPERATION_NAMES,
    STEP_NAMES,
    AnalyzeOptions,
    ExportOptions,
    IngestOptions,
    PredictionOptions,
    ProfileOptions,
    RatingOptions,
    ReportOptions,
    SearchOptions,
    SelectOptions,
    SplitOptions,
)
from dataeval_spark.session.cancellation import Terminated, ending, may_end, say_last_words
from dataeval_spark.workspace.version import __version__

DONE, CANCELLED, TERMINATED = 0, 130, 143
NOTHING_BEGUN = "no table was changed. Run the same command again"
USAGE_ERRORS = (
    ConfigError,
    HoldoutError,
    IngestError,
    OptionError,
    SetupError,
    SnapshotError,
    TableMissingError,
    WorkspaceMissingError,
)
SNAPSHOT_ACTIONS = ("create", "list", "show", "diff", "verify", "restore", "export")


class _Formatter(logging.Formatter):
    """A formatter of log lines that show no credentials."""

    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(super().format(record))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        refuse_credentials(words)  # before anything shows or keeps one
        args = _parsed(words)
    except OptionError as error:
        _print_error(str(error))
        return USAGE
    except SystemExit as stop:
        return int(stop.code or 0)
    _start_logging(logging.INFO if args.verbose else logging.WARNING)
    _interrupt_on_sigterm()
    try:
        with spark_needed():
            return VERBS[args.verb](args) or DONE
    except KeyboardInterrupt as stop:
        return _cancelled(stop)
    except DataEvalError as error:
        _print_error(str(error), whole=args.verbose)
        return USAGE if isinstance(error, USAGE_ERRORS) else FAILED
    except BaseException as error:  # native code that gives up raises no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        _print_error(_message_of(error, args), whole=args.verbose)
        return FAILED


def _parsed(words: Sequence[str]) -> argparse.Namespace:
    """Parse a command line; what no parser knows is an error of that of the verb, which has the names."""
    args, unknown = parser().parse_known_args(words)
    if unknown:
        args.refuse(f"unrecognized arguments: {' '.join(unknown)}")
    return args


def _message_of(error: BaseException, args: argparse.Namespace) -> str:
    """Message of an error that is not ours; the tables are imported for those of an engine or its files."""
    with suppress(ImportError):  # where the engine's package itself is missing
        from dataeval_spark.workspace.failures import explained, is_foreign

        if is_foreign(error):
            return str(explained(error, args.verb, getattr(args, "workspace", None)))
    text = f"{type(error).__name__}: {first_line(error, '')[:500]}"
    return f"{args.verb} failed: {text}\nHint: run again with --verbose to see the whole error."


def command() -> None:
    """Entry point of the installed program; platforms that call it as a function see a failure as SystemExit."""
    # Messages of ours have a descriptor of their own, so that those of the engine's native code can be kept aside.
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    with ending(lambda stop: _exit(_cancelled(stop))):
        code = main()
    if code in (CANCELLED, TERMINATED) and may_end():
        say_last_words(KeyboardInterrupt())
        _exit(code)
    if code:
        raise SystemExit(code)


def _cancelled(stop: KeyboardInterrupt) -> int:
    """Say in one line what an interrupt leaves; return the exit code."""
    print(f"cancelled: {without_credentials(str(stop) or NOTHING_BEGUN)}.", file=sys.stderr)
    return TERMINATED if isinstance(stop, Terminated) else CANCELLED


def _exit(code: int) -> None:
    """End without Python's own end, which waits for threads and aborts where the engine is in a function of ours."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # a pipe that nobody reads
            stream.flush()
    os._exit(code)


def _start_logging(level: int) -> None:
    """Log to standard error; messages of this package from ``level`` on, of other packages from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter("%(asctime)s %(name)s %(message)s"))
    if level > logging.INFO:
        handler.addFilter(_is_shown)
        for library in ("pyspark", "grpc"):  # they log errors with their tracebacks before they raise them
            logging.getLogger(library).setLevel(logging.CRITICAL)
        warnings.filterwarnings("ignore", module=r"pyspark\.sql\.connect\.client")
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("dataeval_spark").setLevel(level)


def _is_shown(record: logging.LogRecord) -> bool:
    """Whether a log line is shown: not an interrupt, nor what py4j logs with its stack and raises, some as the root."""
    is_interrupt = record.exc_info is not None and isinstance(record.exc_info[1], KeyboardInterrupt)
    return not is_interrupt and Path(record.pathname).parent.name != "py4j"


def _print_error(message: str, *, whole: bool = False) -> None:
    """Print a message to standard error, preceded, with ``whole``, by the traceback of the handled error."""
    if whole:
        print(without_credentials(traceback.format_exc()), end="", file=sys.stderr)
    print(f"error: {without_credentials(message)}", file=sys.stderr)


def _interrupt_on_sigterm() -> None:
    """End a run on SIGTERM, which a cluster manager or a container sends, as Ctrl-C does."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise Terminated

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    top = Parser(
        prog="dataeval-spark",
        description="See what is in an image dataset: results are Delta tables and one HTML report.",
        epilog=f"examples:\n{examples()}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"dataeval-spark {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    _declare_reading(verbs)
    _declare_datasets(verbs)
    _declare_snapshot(_verb(verbs, "snapshot", "pin the present version of every table, or work with pinned versions"))
    search = _verb(verbs, "search", "find the images that are most like a given one")
    search.add_argument("query", metavar="QUERY", help="Id of an image, or the path of an image or of a .npy file.")
    add_flags(search, SearchOptions)
    _settable(search, conf=True)
    views = _verb(verbs, "views", "print SQL views over the tables, or make them in the catalog")
    views.add_argument(
        "--create", action="store_true", help="Make the views instead of printing them; WS must be catalog.schema."
    )
    report = _verb(verbs, "report", "write the HTML report")
    add_flags(report, ReportOptions)
    report.add_argument(
        "--out",
        metavar="FILE",
        help="File to write, or a URI of object storage. Default: report.html in the workspace, or in the current "
        "folder where the workspace is no directory that can be written.",
    )
    run = _parser(verbs, "run", "run every step of a configuration file")
    run.add_argument("conf", metavar="CONF", help="TOML file; conf/default.toml has every option.")
    _settable(run)
    add_flags(run, AnalyzeOptions)
    demo = _parser(verbs, "demo", "make demo images with planted faults, and find the faults")
    demo.add_argument("--images", metavar="DIR", help="Folder of your own images to use instead of demo images.")
    workspace_help = "Directory; images and report are put beside it. Default: demo/workspace."
    demo.add_argument("--workspace", default="demo/workspace", metavar="WS", help=workspace_help)
    demo.add_argument("--out", metavar="FILE", help="Report to write. Default: report.html beside the workspace.")
    for verb in verbs.choices.values():
        _common(verb)
    text = "check that this machine has what the package needs, and that the tables of a workspace are whole"
    doctor = _parser(verbs, "doctor", text)
    workspace_help = (
        "Directory whose tables, logs and free space are checked; nothing is written. Default: the current one."
    )
    doctor.add_argument("--workspace", metavar="WS", help=workspace_help)
    deep_help = "Read all rows of the tables too. Default: their logs and the ends of their files."
    doctor.add_argument("--deep", action="store_true", help=deep_help)
    fetch_help = "Download the Delta jars now, if they are missing. Default: the first Spark session does."
    doctor.add_argument("--fetch-jars", action="store_true", help=fetch_help)
    release_help = "Let other runs work on WS: mark a run as died that is gone, and is not known to be alive."
    doctor.add_argument("--release", metavar="RUN", help=release_help)
    doctor.set_defaults(scratch=None, table_location=None, engine=None, spark=[])  # as of the verbs on a workspace
    doctor.add_argument("--verbose", action="store_true", help=argparse.SUPPRESS)
    return top


def _declare_reading(verbs: Any) -> None:
    """The verbs that fill the tables: `ingest`, `profile`, `analyze` and `compare`."""
    ingest = _verb(verbs, "ingest", "read the images, labels and metadata that are new or changed")
    source_help = "Folder, tar file, or a table: its path or name, or a file of rows."
    ingest.add_argument("source", metavar="SOURCE", nargs="?", help=source_help)
    add_flags(ingest, IngestOptions)
    shared = ("dataset", "timezone")
    predictions = ingest.add_argument_group("predictions of a model, instead of SOURCE")
    predictions.add_argument("--predictions", metavar="FILE", help="File of a model's predictions for the images.")
    add_flags(predictions, PredictionOptions, without=shared)
    ratings = ingest.add_argument_group("labels of several people, instead of SOURCE")
    ratings.add_argument("--ratings", metavar="FILE", help="File of the labels that several people gave to the images.")
    add_flags(ratings, RatingOptions, without=shared)
    profile = _verb(verbs, "profile", "decode each new or changed image once, for its statistics, hashes and embedding")
    add_flags(profile, ProfileOptions)
    _settable(profile, conf=True)
    analyze = _verb(verbs, "analyze", "run the analyses that are not up to date")
    analyze.add_argument("steps", nargs="*", metavar="STEP", help=_steps_help("all whose inputs exist", STEP_NAMES))
    compare = _verb(verbs, "compare", "compare two datasets, splits or snapshots")
    compare.add_argument("steps", nargs="*", metavar="STEP", help=_steps_help("all", COMPARISON_NAMES))
    for side in ("reference", "current"):
        compare.add_argument(f"--{side}", required=True, metavar="REF", help=f"{side.capitalize()} data: {FORMS}.")
    for verb in (analyze, compare):
        _settable(verb, conf=True)
        add_flags(verb, AnalyzeOptions)


def _steps_help(default: str, names: Sequence[str]) -> str:
    return f"Steps to run. Default: {default}. One of {', '.join(names)}. Their options are in docs/options.md."


def _declare_datasets(verbs: Any) -> None:
    """The verbs that make datasets: `split`, `select` and `export`."""
    split = _verb(verbs, "split", "assign the images to parts; images keep the part that they were given earlier")
    split.add_argument("--name", required=True, metavar="NAME", help="Name of the split.")
    add_flags(split, SplitOptions)
    text = "save a selection of the images under a name; without operations, repeat the ones it was saved with"
    select = _verb(verbs, "select", text)
    select.add_argument("--name", required=True, metavar="NAME", help="Name of the selection.")
    select.add_argument("--recipe", metavar="FILE", help="JSON list of operations, or TOML with [[recipe]] sections.")
    select.add_argument(
        "--operation",
        action="append",
        nargs="+",
        default=[],
        metavar=("NAME", "OPTION=VALUE"),
        help="Operation with its options, such as limit n=100; repeat the flag for more, which are done in that order. "
        f"One of {', '.join(OPERATION_NAMES)}.",
    )
    add_flags(select, SelectOptions)
    export = _verb(verbs, "export", "write images and labels as COCO, YOLO, VOC, folders, parquet or WebDataset")
    export.add_argument("--to", required=True, metavar="DIR", help="Empty folder, or URI of object storage.")
    add_flags(export, ExportOptions)


def _declare_snapshot(snapshot: argparse.ArgumentParser) -> None:
    snapshot.add_argument(
        "action", choices=SNAPSHOT_ACTIONS, help="What to do; show prints SQL, verify reads all files."
    )
    names_help = "Name of the snapshot; diff takes two names, list none."
    snapshot.add_argument("names", nargs="*", metavar="NAME", help=names_help)
    snapshot.add_argument("--note", help="For create: note on the snapshot.")
    snapshot.add_argument("--out", metavar="DIR", help="For export: directory to copy the tables to.")


def _parser(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=below_options(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(refuse=parser.error)
    return parser


def _verb(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser = _parser(verbs, name, text)
    parser.add_argument("--workspace", required=True, metavar="WS", help="Directory, or catalog.schema.")
    return parser


def _common(verb: argparse.ArgumentParser) -> None:
    """Options that all verbs have, below their own; the doctor needs none of them."""
    parser = verb.add_argument_group("options of every verb")
    scratch_help = "Directory for temporary files; needed where WS is catalog.schema. Default: _scratch in WS."
    parser.add_argument("--scratch", metavar="DIR", help=scratch_help)
    location_help = "Directory for external tables of a catalog.schema. Default: the catalog's own place."
    parser.add_argument("--table-location", metavar="DIR", help=location_help)
    engine_help = (
        "Engine to compute with: auto (default), embedded (in this process, without Java), or spark. A session that "
        "is there, such as spark-submit's, is always used."
    )
    parser.add_argument("--engine", choices=ENGINES, help=engine_help)
    setting_help = "Setting of a Spark session that is made here, such as spark.driver.memory=8g; repeatable."
    parser.add_argument("--spark", action="append", default=[], type=_setting, metavar="KEY=VALUE", help=setting_help)
    parser.add_argument("--dry-run", action="store_true", help="Print the plan and do nothing.")
    parser.add_argument("--verbose", action="store_true", help="Write a log, and show whole errors.")


def _setting(text: str) -> str:
    if "=" not in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no setting; expected KEY=VALUE, such as spark.driver.memory=8g")
    return text


def _settable(parser: argparse.ArgumentParser, *, conf: bool = False) -> None:
    if conf:
        parser.add_argument(
            "--conf", metavar="FILE", help="TOML file with options; conf/default.toml has every option."
        )
    set_help = "Value of one option, such as outliers.method=iqr; repeatable; it wins over the file."
    parser.add_argument("--set", action="append", default=[], metavar="STEP.OPTION=VALUE", help=set_help)


if __name__ == "__main__":
    command()
