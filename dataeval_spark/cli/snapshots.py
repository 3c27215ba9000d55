"""The verb `snapshot` of the command line: create, list, show, diff, verify, restore and export."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from dataeval_spark.errors import OptionError

ACTIONS = ("create", "list", "show", "diff", "verify", "restore", "export")
Declare = Callable[[str, str], argparse.ArgumentParser]
MakeAudit = Callable[[argparse.Namespace], Any]


def declare(verb: Declare) -> None:
    """Add the verb; ``verb(name, text)`` makes a parser with the common options."""
    parser = verb(
        "snapshot", "pin the present version of every table; list, compare, verify, restore or copy snapshots"
    )
    parser.add_argument("action", choices=ACTIONS)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="name of the snapshot; diff takes two names, list none"
    )
    parser.add_argument("--note", help="create: note on the snapshot")
    parser.add_argument("--out", metavar="DIR", help="export: directory to copy to")


def run_snapshot(args: argparse.Namespace, make_audit: MakeAudit) -> bool:
    """Run ``dataeval-spark snapshot``; return whether a pinned version is lost."""
    from dataeval_spark.workspace import snapshots

    n_names = {"list": 0, "diff": 2}.get(args.action, 1)
    if len(args.names) != n_names:
        raise OptionError(f"snapshot {args.action} takes {n_names} names; {len(args.names)} given: {args.names}.")
    if args.action == "export" and not args.out:
        raise OptionError("snapshot export needs a directory.\nHint: --out DIR")
    audit = make_audit(args)
    workspace = audit.workspace
    if args.dry_run:
        print(f"snapshot {args.action} {' '.join(args.names)} in {args.workspace}")
    elif args.action == "create":
        audit.snapshot(args.names[0], args.note)
    elif args.action == "restore":
        audit.restore(args.names[0])
    elif args.action == "list":
        listing = snapshots.listing(workspace)
        for each in listing:
            print(
                f"{each.name:<24} {each.created_at:%Y-%m-%d %H:%M:%S}  {each.tables} tables  {each.note or ''}".rstrip()
            )
        if not listing:
            print("no snapshots yet")
    elif args.action == "show":
        print("\n".join(snapshots.statements(workspace, args.names[0])))
    elif args.action == "diff":
        print(f"{'table':<22} {args.names[0]:>14} {args.names[1]:>14} {'added':>9} {'removed':>9} {'changed':>9}")
        for d in snapshots.diff(workspace, *args.names):
            print(
                f"{d.table:<22} {d.rows_a:>9,} rows {d.rows_b:>9,} rows {d.added:>9,} {d.removed:>9,} {d.changed:>9,}"
            )
    elif args.action == "verify":
        lost = snapshots.verify(workspace, args.names[0])
        print("\n".join(lost.values()) or f"snapshot {args.names[0]}: every pinned version can be read")
        return bool(lost)
    else:
        rows = snapshots.export(workspace, args.names[0], args.out)
        print(f"snapshot {args.names[0]}: {len(rows)} tables, {sum(rows.values()):,} rows copied to {args.out}")
    return False
