"""The verbs of the command line: each checks its arguments, prints its plan on a dry run, or calls `Audit`.

A verb returns its exit code where it is not 0. Spark and the tables are imported by the verbs that need them, so that
help and wrong usage wait for neither.
"""

from __future__ import annotations

import argparse
import gc
import json
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataeval_spark.cli import checks
from dataeval_spark.cli.flags import flags_of
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.storage.near_paths import hint_for
from dataeval_spark.kernels.storage.uris import refuse_credentials, without_credentials
from dataeval_spark.option_checks.parts import require_parts
from dataeval_spark.options import (
    COMPARISON_NAMES,
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
    options_from,
)

if TYPE_CHECKING:
    from dataeval_spark.audit import Audit
    from dataeval_spark.workspace.snapshots import TableDiff

FAILED = 1
# Verbs that may make a workspace.
BEGINNING = ("ingest", "run", "demo")
# Number of names that an action of `snapshot` takes; one by default.
SNAPSHOT_NAMES = {"list": 0, "diff": 2}


def _print_line(line: str) -> None:
    print(without_credentials(line), flush=True)


def _print_plan(verb: str, text: str) -> None:
    print(f"{verb:<18} run   {text}")


def _checked(args: argparse.Namespace, kind: type) -> dict[str, Any]:
    """Options of a verb that the command line names, checked."""
    options = flags_of(args, kind)
    options_from(kind, options)
    return options


def _audit(args: argparse.Namespace, workspace: str | None = None) -> Audit:
    # Modules leave no garbage: to look for it while they are loaded takes a fifth of the time.
    gc.disable()
    from dataeval_spark.audit import Audit
    from dataeval_spark.session.choice import native_messages_aside
    from dataeval_spark.session.engines import is_elsewhere
    from dataeval_spark.session.progress import Progress
    from dataeval_spark.workspace.presence import require_there, require_there_here

    gc.freeze()
    gc.enable()
    if args.verb not in BEGINNING and not is_elsewhere():
        require_there_here(args.workspace)
    with Progress().running("starting the engine"):
        audit = Audit(
            workspace or args.workspace,
            scratch=args.scratch,
            table_location=args.table_location,
            engine=args.engine,
            settings=dict(setting.split("=", 1) for setting in args.spark),
            verbose=args.verbose,
            echo=_print_line,
        )
    if args.verb not in BEGINNING:
        require_there(audit.workspace)
    if not args.verbose:
        native_messages_aside()
    return audit


def _sections(args: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """Options of these sections, by --conf and --set."""
    from dataeval_spark.verbs import config

    sections = config.load(args.conf, args.set, config.FUNCTIONS)
    return {name: options for name, options in sections.items() if name in names}


def _ingest(args: argparse.Namespace) -> None:
    source = args.predictions or args.ratings
    if args.source is None and source is None:
        raise OptionError("ingest needs a SOURCE.\nHint: dataeval-spark ingest --workspace WS photos/")
    if source is None:
        options = _checked(args, IngestOptions)
        checks.require_source(args.source, options.get("format"), may_be_empty=options.get("allow_empty", False))
        checks.require_files({f"--{name}": options.get(name) for name in ("annotations", "metadata")})
    if args.dry_run:
        _print_plan("ingest", f"reads {source or f'the new and changed files of {args.source}'} into {args.workspace}")
    elif args.predictions:
        predictions = _checked(args, PredictionOptions)
        _audit(args).ingest_predictions(source, **predictions)
    elif args.ratings:
        ratings = _checked(args, RatingOptions)
        _audit(args).ingest_ratings(source, **ratings)
    else:
        _audit(args).ingest(args.source, **options)


def _profile(args: argparse.Namespace) -> None:
    from dataeval_spark.analyses.profile.options import check

    options = {**_sections(args, ["profile"]).get("profile", {}), **flags_of(args, ProfileOptions)}
    check(options_from(ProfileOptions, options))
    if args.dry_run:
        from dataeval_spark.verbs.analyze.plan import plan_profile

        print(plan_profile(_audit(args).workspace, options_from(ProfileOptions, options)))
    else:
        _audit(args).profile(**options)


def _analyze(args: argparse.Namespace) -> None:
    options = _sections(args, STEP_NAMES)
    checks.require_steps(args.steps, STEP_NAMES)
    if args.dry_run:
        from dataeval_spark.verbs.analyze.plan import plan_analyze

        for planned in plan_analyze(_audit(args).workspace, options, args.steps, **flags_of(args, AnalyzeOptions)):
            print(planned)
    else:
        _audit(args).analyze(*args.steps, options=options, **flags_of(args, AnalyzeOptions))


def _compare(args: argparse.Namespace) -> None:
    options = _sections(args, COMPARISON_NAMES)
    checks.require_steps(args.steps, COMPARISON_NAMES)
    require_parts({"reference": args.reference, "current": args.current})
    if args.dry_run:
        _print_plan("compare", f"{args.current} against {args.reference} in {args.workspace}")
        return
    _audit(args).compare(args.reference, args.current, *args.steps, options=options, **flags_of(args, AnalyzeOptions))


def _split(args: argparse.Namespace) -> None:
    from dataeval_spark.verbs.split import check

    options = _checked(args, SplitOptions)
    check(args.name, options_from(SplitOptions, options))
    if args.dry_run:
        _print_plan("split", f"assigns the images of {args.workspace} as {args.name}")
    else:
        _audit(args).split(args.name, **options)


def _select(args: argparse.Namespace) -> None:
    from dataeval_spark.verbs.config import value_of
    from dataeval_spark.verbs.select.recipe import check, from_words

    if args.recipe and args.operation:
        raise OptionError("select takes --recipe or --operation, not both.")
    recipe = _recipe(args.recipe) if args.recipe else [from_words(words, value_of) for words in args.operation]
    refuse_credentials(recipe)
    check(recipe)
    if args.dry_run:
        operations = json.dumps(recipe or "its last recipe")
        _print_plan("select", f"saves {args.name} in {args.workspace}: {operations}")
    else:
        _audit(args).select(args.name, recipe or None, **flags_of(args, SelectOptions))


def _recipe(path: str) -> list[dict[str, Any]]:
    """Operations in a JSON or TOML file."""
    try:
        text = Path(path).read_text()
        operations = json.loads(text) if path.lower().endswith(".json") else tomllib.loads(text).get("recipe")
    except OSError as error:
        hint = hint_for(path, "--recipe FILE")
        raise OptionError(f"Recipe {path} cannot be read: {error.strerror}.\nHint: {hint}") from None
    except ValueError as error:
        raise OptionError(
            f"Recipe {path} is neither JSON nor TOML: {error}.\nHint: write JSON in a file named *.json, TOML in *.toml"
        ) from None
    if not isinstance(operations, list) or not all(isinstance(step, dict) for step in operations):
        raise OptionError(
            f"Recipe {path} has no list of operations.\n"
            'Hint: TOML with [[recipe]] and operation = "limit" below it, or JSON [{"operation": "limit", "n": 10}]'
        )
    return operations


def _export(args: argparse.Namespace) -> None:
    options = _checked(args, ExportOptions)
    if args.dry_run:
        images = options_from(ExportOptions, options).selection or "all images"
        _print_plan("export", f"writes {images} of {args.workspace} to {args.to}")
    else:
        _audit(args).export(args.to, **options)


def _snapshot(args: argparse.Namespace) -> int | None:
    from dataeval_spark.session.progress import Progress
    from dataeval_spark.workspace import snapshots

    action, names = args.action, args.names
    expected = SNAPSHOT_NAMES.get(action, 1)
    if len(names) != expected:
        needed = ("no name", "one name", "two names")[expected]
        example = " ".join(["dataeval-spark snapshot --workspace WS", action, *("NAME_A", "NAME_B")[:expected]])
        raise OptionError(f"snapshot {action} takes {needed}; found {' '.join(names) or 'none'}.\nHint: {example}")
    if action == "export" and not args.out:
        raise OptionError("snapshot export needs a directory.\nHint: --out DIR")
    audit = _audit(args)
    workspace = audit.workspace
    if args.dry_run:
        print(f"snapshot {action} {' '.join(names)} in {args.workspace}")
    elif action == "create":
        audit.snapshot(names[0], args.note)
    elif action == "restore":
        audit.restore(names[0])
    elif action == "list":
        for each in (listing := snapshots.listing(workspace)):
            line = f"{each.name:<24} {each.created_at:%Y-%m-%d %H:%M:%S}  {each.tables} tables  {each.note or ''}"
            print(line.rstrip())
        if not listing:
            print("no snapshots yet")
    elif action == "show":
        print("\n".join(snapshots.statements(workspace, names[0])))
    elif action == "diff":
        with Progress().running("snapshot"):
            found = snapshots.diff(workspace, *names)
        print("\n".join(_differences(found, *names)))
    elif action == "verify":
        with Progress().running("snapshot"):
            lost = snapshots.verify(workspace, names[0])
        print("\n".join(lost.values()) or f"snapshot {names[0]}: every pinned version can be read")
        return FAILED if lost else None
    else:
        with Progress().running("snapshot"):
            rows_of = snapshots.export(workspace, names[0], args.out)
        print(f"snapshot {names[0]}: {len(rows_of)} tables, {sum(rows_of.values()):,} rows copied to {args.out}")
    return None


def _differences(found: Sequence[TableDiff], a: str, b: str) -> Iterator[str]:
    """A table of the tables that differ between two snapshots, and the number of the others."""
    differing = [each for each in found if each.added or each.removed or each.changed]
    if differing:
        yield f"{'table':<22} {a:>14} {b:>14} {'added':>9} {'removed':>9} {'changed':>9}"
    for each in differing:
        rows = f"{each.rows_a:>9,} rows {each.rows_b:>9,} rows"
        yield f"{each.table:<22} {rows} {each.added:>9,} {each.removed:>9,} {each.changed:>9,}"
    same = len(found) - len(differing)
    if same:
        yield f"{same} {'table is' if same == 1 else 'tables are'} the same in both"


def _search(args: argparse.Namespace) -> None:
    from dataeval_spark.session.bounded import bounded
    from dataeval_spark.session.progress import Progress

    if args.dry_run:
        _print_plan("search", f"reads the vectors of {args.workspace} once")
        return
    options = {**_sections(args, ["search"]).get("search", {}), **_checked(args, SearchOptions)}
    checks.require_query(args.query)
    audit = _audit(args)
    with Progress().running("search"):
        found = bounded(audit.search(args.query, **options), "k rows")
    for row in found:
        print(f"{row['rank']:>4} {row['distance']:>12.6f}  {row['image_id']}  {row['uri'] or ''}".rstrip())


def _views(args: argparse.Namespace) -> None:
    from dataeval_spark.verbs.views import create_views, statements

    workspace = _audit(args).workspace
    if args.create and not args.dry_run:
        print("\n".join(f"view {name} made in {workspace.location}" for name in create_views(workspace)))
    else:
        print("\n".join(f"{statement};" for statement in statements(workspace).values()))


def _report(args: argparse.Namespace) -> None:
    if args.dry_run:
        _print_plan("report", f"writes {args.out or 'report.html in the workspace'}")
    else:
        _audit(args).report(args.out, **flags_of(args, ReportOptions))


def _run(args: argparse.Namespace) -> None:
    from dataeval_spark.cli.configured import load, run_configured

    conf = load(args.conf, args.set)
    args.scratch = args.scratch or conf.get("scratch")
    args.table_location = args.table_location or conf.get("table_location")
    args.engine = args.engine or conf.get("session", {}).get("engine")
    settings = {
        key: str(value).lower() if isinstance(value, bool) else value for key, value in conf.get("spark", {}).items()
    }
    args.spark = [*(f"{key}={value}" for key, value in settings.items()), *args.spark]
    if args.dry_run:
        print(json.dumps(conf, indent=2))
    else:
        run_configured(conf, _audit(args, conf["workspace"]), **flags_of(args, AnalyzeOptions))


def _demo(args: argparse.Namespace) -> None:
    from dataeval_spark.demo.demo import run_demo

    if args.dry_run:
        _print_plan("demo", f"writes {args.workspace}")
    else:
        run_demo(lambda: _audit(args), args.workspace, images=args.images, out=args.out, echo=_print_line)


def _doctor(args: argparse.Namespace) -> int | None:
    if args.release:
        _release(args)
        return None
    from dataeval_spark.verbs import doctor

    checks = doctor.checks(args.workspace, fetch_jars=args.fetch_jars, deep=args.deep)
    for check in checks:
        _print_line(str(check))
    return FAILED if any(check.status in doctor.FAULTS for check in checks) else None


def _release(args: argparse.Namespace) -> None:
    if not args.workspace:
        hint = f"dataeval-spark doctor --workspace WS --release {args.release}"
        raise OptionError(f"doctor --release needs the workspace of the run.\nHint: {hint}")
    workspace = _audit(args).workspace
    from dataeval_spark.workspace.liveness import release

    print(release(workspace, args.release))


VERBS: dict[str, Callable[[argparse.Namespace], int | None]] = {
    "ingest": _ingest,
    "profile": _profile,
    "analyze": _analyze,
    "compare": _compare,
    "split": _split,
    "select": _select,
    "export": _export,
    "snapshot": _snapshot,
    "search": _search,
    "views": _views,
    "report": _report,
    "run": _run,
    "demo": _demo,
    "doctor": _doctor,
}
