"""The command line: ``dataeval-spark VERB ...``, and the same verbs for ``spark-submit jobs/VERB.py ...``.

Exit codes: 0 done, 1 a step failed, 2 wrong usage or configuration, 130 cancelled.
(3 is kept for checks that raise alerts.)
"""

from __future__ import annotations

import argparse
import json
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from dataeval_spark.cli import datasets, snapshots
from dataeval_spark.cli.flags import add_flags, flags_of
from dataeval_spark.cli.shown_output import Parser, print_error, print_line, start_logging
from dataeval_spark.errors import (
    ConfigError,
    DataEvalError,
    HoldoutError,
    IngestError,
    OptionError,
    SetupError,
    SnapshotError,
    TableMissingError,
)
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.options import (
    AnalyzeOptions,
    IngestOptions,
    PredictionOptions,
    ProfileOptions,
    RatingOptions,
    ReportOptions,
    SearchOptions,
    options_from,
)

if TYPE_CHECKING:
    from dataeval_spark.audit import Audit

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130
USAGE_ERRORS = (ConfigError, HoldoutError, IngestError, OptionError, SetupError, SnapshotError, TableMissingError)
REFERENCES = "dataset=NAME, split=NAME, assigned=SPLIT/PART or a snapshot"

EXAMPLES = """
  dataeval-spark ingest  --workspace my_audit photos/
  dataeval-spark profile --workspace my_audit --encoder thumbnail
  dataeval-spark analyze --workspace my_audit
  dataeval-spark analyze --workspace my_audit outliers --set outliers.method=iqr
  dataeval-spark compare --workspace my_audit --reference split=train --current split=test
  dataeval-spark split   --workspace my_audit --name main --group-by patient --guard test
  dataeval-spark select  --workspace my_audit --name clean --operation drop_duplicates --operation drop_outliers
  dataeval-spark export  --workspace my_audit --selection clean --format yolo --to clean_yolo
  dataeval-spark snapshot --workspace my_audit create before-cleaning
  dataeval-spark search  --workspace my_audit photos/cat.jpg
  dataeval-spark views   --workspace my_audit
  dataeval-spark report  --workspace my_audit --out report.html
  dataeval-spark run conf/demo.toml
  dataeval-spark demo
  dataeval-spark doctor
"""
EXIT_CODES = "exit codes: 0 done, 1 a step failed, 2 wrong usage or configuration, 130 cancelled"


def parser() -> argparse.ArgumentParser:
    """The parser of all verbs."""
    top = Parser(
        prog="dataeval-spark",
        description="See what is in an image dataset: results are Delta tables and one HTML report.",
        epilog=f"examples:{EXAMPLES}\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    _ingest(_verb(verbs, "ingest", "read the images, labels and metadata that are new or changed"))
    profile = _verb(verbs, "profile", "decode each new or changed image once, for its statistics, hashes and embedding")
    add_flags(profile, ProfileOptions)
    _configurable(profile)
    analyze = _verb(verbs, "analyze", "run the analyses that are not up to date")
    analyze.add_argument("steps", nargs="*", metavar="STEP", help="steps to run; default: all whose inputs exist")
    _configurable(analyze)
    add_flags(analyze, AnalyzeOptions)
    compare = _verb(verbs, "compare", "compare two datasets, splits or snapshots")
    compare.add_argument("steps", nargs="*", metavar="STEP", help="steps to run; default: all")
    for side in ("reference", "current"):
        compare.add_argument(f"--{side}", required=True, metavar="REF", help=REFERENCES)
    _configurable(compare)
    add_flags(compare, AnalyzeOptions)
    datasets.declare(lambda name, text: _verb(verbs, name, text))
    snapshots.declare(lambda name, text: _verb(verbs, name, text))
    search = _verb(verbs, "search", "find the images that are most like a given one")
    search.add_argument("query", metavar="QUERY", help="an image_id, or the path of an image or .npy file")
    add_flags(search, SearchOptions)
    views = _verb(verbs, "views", "print SQL views over the tables, or make them in the catalog")
    views.add_argument("--create", action="store_true", help="make the views; WS must be catalog.schema")
    report = _verb(verbs, "report", "write the HTML report")
    add_flags(report, ReportOptions)
    report.add_argument("--out", required=True, metavar="FILE")
    run = _parser(verbs, "run", "run every step of a configuration file")
    run.add_argument("conf", metavar="CONF", help="TOML file; see conf/default.toml")
    _common(run)
    run.add_argument("--set", action="append", default=[], metavar="STEP.OPTION=VALUE")
    add_flags(run, AnalyzeOptions)
    demo = _parser(verbs, "demo", "make demo images with planted faults, and find the faults")
    demo.add_argument("--images", metavar="DIR", help="use this folder of images instead")
    demo.add_argument("--workspace", default="demo/workspace", metavar="WS")
    demo.add_argument("--out", metavar="FILE", help="report; default report.html beside the workspace")
    _common(demo)
    doctor = _parser(verbs, "doctor", "check that this machine has what the package needs")
    doctor.add_argument("--workspace", metavar="WS", help="directory to write to")
    doctor.add_argument("--verbose", action="store_true", help=argparse.SUPPRESS)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        refuse_credentials(words)  # before anything shows or keeps one
        args = parser().parse_args(words)
    except OptionError as error:
        print_error(str(error))
        return USAGE
    except SystemExit as stop:
        return int(stop.code or 0)
    start_logging(logging.INFO if args.verbose else logging.WARNING)
    _interrupt_on_sigterm()
    try:
        return VERBS[args.verb](args)
    except KeyboardInterrupt:
        print("cancelled", file=sys.stderr)
        return CANCELLED
    except DataEvalError as error:
        print_error(str(error), whole=args.verbose)
        return USAGE if isinstance(error, USAGE_ERRORS) else FAILED
    except Exception as error:
        first = (str(error).strip().splitlines() or [""])[0][:500]
        print_error(f"{type(error).__name__}: {first}\nHint: run again with --verbose.", whole=args.verbose)
        return FAILED


def command() -> None:
    """Entry point of the installed program; platforms that call it as a function see a failure as SystemExit."""
    code = main()
    if code:
        raise SystemExit(code)


# Declaring options


def _parser(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    examples = "\n".join(line for line in EXAMPLES.splitlines() if line.split()[1:2] == [name])
    parser: argparse.ArgumentParser = verbs.add_parser(
        name,
        help=text,
        description=text,
        epilog=f"examples:\n{examples}\n\n{EXIT_CODES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _verb(verbs: Any, name: str, text: str) -> argparse.ArgumentParser:
    verb_parser = _parser(verbs, name, text)
    verb_parser.add_argument("--workspace", required=True, metavar="WS", help="a directory, or catalog.schema")
    _common(verb_parser)
    return verb_parser


def _common(verb_parser: argparse.ArgumentParser) -> None:
    verb_parser.add_argument(
        "--scratch", metavar="DIR", help="directory for temporary files; needed when WS is catalog.schema"
    )
    verb_parser.add_argument(
        "--table-location", metavar="DIR", help="directory for external tables of a catalog.schema"
    )
    verb_parser.add_argument("--dry-run", action="store_true", help="print the plan and do nothing")
    verb_parser.add_argument("--verbose", action="store_true", help="write a log, and show whole errors")


def _configurable(verb_parser: argparse.ArgumentParser) -> None:
    verb_parser.add_argument("--conf", metavar="FILE", help="TOML file with options")
    verb_parser.add_argument(
        "--set", action="append", default=[], metavar="STEP.OPTION=VALUE", help="value of one option; repeatable"
    )


def _ingest(verb_parser: argparse.ArgumentParser) -> None:
    verb_parser.add_argument(
        "source", metavar="SOURCE", nargs="?", help="folder, tar file, or a table: its path or name, or a file of rows"
    )
    add_flags(verb_parser, IngestOptions)
    shared = ("dataset", "timezone")
    predictions = verb_parser.add_argument_group("predictions of a model, instead of SOURCE")
    predictions.add_argument("--predictions", metavar="FILE", help="what a model predicts for the images")
    add_flags(predictions, PredictionOptions, without=shared)
    ratings = verb_parser.add_argument_group("labels of several people, instead of SOURCE")
    ratings.add_argument("--ratings", metavar="FILE", help="what several people said about the images")
    add_flags(ratings, RatingOptions, without=shared)


Run = Callable[[argparse.Namespace], int]


# Running verbs


def _audit(args: argparse.Namespace, workspace: str | None = None) -> Audit:
    from dataeval_spark.audit import Audit

    return Audit(
        workspace or args.workspace,
        scratch=args.scratch,
        table_location=args.table_location,
        verbose=args.verbose,
        echo=print_line,
    )


def _interrupt_on_sigterm() -> None:
    """SIGTERM is what a cluster manager or a container sends; it ends a run as Ctrl-C does."""

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _options(args: argparse.Namespace, sections: Sequence[str]) -> dict[str, Any]:
    from dataeval_spark.verbs import config
    from dataeval_spark.verbs.config import FUNCTIONS

    sections_of_file = config.load(args.conf, args.set, FUNCTIONS)
    return {name: options for name, options in sections_of_file.items() if name in sections}


def _run_ingest(args: argparse.Namespace) -> int:
    source = args.predictions or args.ratings
    if args.source is None and source is None:
        raise OptionError("ingest needs a SOURCE.\nHint: dataeval-spark ingest --workspace WS photos/")
    if args.dry_run:
        options_from(IngestOptions, flags_of(args, IngestOptions))
        files = source or f"the new and changed files of {args.source}"
        print(f"ingest             run   reads {files} into {args.workspace}")
    elif args.predictions:
        _audit(args).ingest_predictions(source, **flags_of(args, PredictionOptions))
    elif args.ratings:
        _audit(args).ingest_ratings(source, **flags_of(args, RatingOptions))
    else:
        _audit(args).ingest(args.source, **flags_of(args, IngestOptions))
    return DONE


def _run_profile(args: argparse.Namespace) -> int:
    options = {**_options(args, ["profile"]).get("profile", {}), **flags_of(args, ProfileOptions)}
    if args.dry_run:
        from dataeval_spark.verbs.analyze.plan import plan_profile

        print(plan_profile(_audit(args).workspace, options_from(ProfileOptions, options)))
        return DONE
    _audit(args).profile(**options)
    return DONE


def _run_analyze(args: argparse.Namespace) -> int:
    from dataeval_spark.verbs.config import pipeline_steps

    options = _options(args, pipeline_steps())
    if args.dry_run:
        from dataeval_spark.verbs.analyze.plan import plan_analyze

        for planned in plan_analyze(_audit(args).workspace, options, args.steps, **flags_of(args, AnalyzeOptions)):
            print(planned)
        return DONE
    _audit(args).analyze(*args.steps, options=options, **flags_of(args, AnalyzeOptions))
    return DONE


def _run_compare(args: argparse.Namespace) -> int:
    from dataeval_spark.analyses.steps import COMPARISONS

    options = _options(args, [step.name for step in COMPARISONS])
    if args.dry_run:
        print(f"compare            run   {args.current} against {args.reference} in {args.workspace}")
        return DONE
    _audit(args).compare(args.reference, args.current, *args.steps, options=options, **flags_of(args, AnalyzeOptions))
    return DONE


def _run_dataset(run: Callable[[argparse.Namespace, datasets.MakeAudit], None]) -> Run:
    def run_it(args: argparse.Namespace) -> int:
        run(args, _audit)
        return DONE

    return run_it


def _run_search(args: argparse.Namespace) -> int:
    from dataeval_spark.session.bounded import bounded

    if args.dry_run:
        print(f"search             run   reads the vectors of {args.workspace} once")
        return DONE
    nearest = _audit(args).search(args.query, **flags_of(args, SearchOptions))
    for row in bounded(nearest, "k rows"):
        print(f"{row['rank']:>4} {row['distance']:>12.6f}  {row['image_id']}  {row['uri'] or ''}".rstrip())
    return DONE


def _run_views(args: argparse.Namespace) -> int:
    from dataeval_spark.verbs.views import create_views, statements

    workspace = _audit(args).workspace
    if args.create and not args.dry_run:
        print("\n".join(f"view {name} made in {workspace.location}" for name in create_views(workspace)))
    else:
        print("\n".join(f"{statement};" for statement in statements(workspace).values()))
    return DONE


def _run_report(args: argparse.Namespace) -> int:
    if args.dry_run:
        print(f"report             run   writes {args.out}")
        return DONE
    _audit(args).report(args.out, **flags_of(args, ReportOptions))
    return DONE


def _run_conf(args: argparse.Namespace) -> int:
    from dataeval_spark.cli.configured import load, run_configured

    conf = load(args.conf, args.set)
    args.scratch = args.scratch or conf.get("scratch")
    args.table_location = args.table_location or conf.get("table_location")
    if args.dry_run:
        print(json.dumps(conf, indent=2))
        return DONE
    run_configured(conf, _audit(args, conf["workspace"]), **flags_of(args, AnalyzeOptions))
    return DONE


def _run_demo(args: argparse.Namespace) -> int:
    from dataeval_spark.demo.demo import run_demo

    if args.dry_run:
        print(f"demo               run   writes {args.workspace}")
        return DONE
    run_demo(lambda: _audit(args), args.workspace, images=args.images, out=args.out, echo=print_line)
    return DONE


def _run_doctor(args: argparse.Namespace) -> int:
    from dataeval_spark.verbs import doctor

    checks = doctor.checks(args.workspace)
    for check in checks:
        print(check, flush=True)
    return FAILED if any(check.status == "error" for check in checks) else DONE


VERBS: dict[str, Run] = {
    "ingest": _run_ingest,
    "profile": _run_profile,
    "analyze": _run_analyze,
    "compare": _run_compare,
    "split": _run_dataset(datasets.run_split),
    "select": _run_dataset(datasets.run_select),
    "export": _run_dataset(datasets.run_export),
    "snapshot": lambda args: FAILED if snapshots.run_snapshot(args, _audit) else DONE,
    "search": _run_search,
    "views": _run_views,
    "report": _run_report,
    "run": _run_conf,
    "demo": _run_demo,
    "doctor": _run_doctor,
}

if __name__ == "__main__":
    raise SystemExit(main())
