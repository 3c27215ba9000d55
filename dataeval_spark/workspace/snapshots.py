"""Snapshots: one version of every table under a name, pinned by one append to `snapshots`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import SnapshotError, first_line
from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.session.bounded import bounded, one_row
from dataeval_spark.session.choice import is_embedded
from dataeval_spark.tables import ALL_TABLES, CURRENT_NAMES
from dataeval_spark.tables.contract import Table, identifier
from dataeval_spark.tables.runs import RUNS, SNAPSHOTS
from dataeval_spark.workspace.delta import Row
from dataeval_spark.workspace.delta_spark import engine_message, hint_for, is_of_engine
from dataeval_spark.workspace.failures import known_cause
from dataeval_spark.workspace.locations import absolute, is_local, local_path, remove_directory
from dataeval_spark.workspace.runs import Run
from dataeval_spark.workspace.workspace import Workspace

# These describe the work, not the data: pinning or restoring them would rewrite history.
NOT_PINNED = (RUNS, SNAPSHOTS)
PINNED_TABLES = tuple(table for table in ALL_TABLES if table not in NOT_PINNED)
NOT_COMPARED = ("run_id", "deleted_at", "window")
# Runs of a table that a snapshot names.
MOST_RUNS = 50


@dataclass(frozen=True)
class TableDiff:
    """Difference of one table between two snapshots; a version is None where it is not pinned."""

    table: str
    version_a: int | None
    version_b: int | None
    rows_a: int
    rows_b: int
    added: int
    removed: int
    changed: int


@dataclass(frozen=True)
class Listed:
    """A snapshot: its name, time of creation, number of pinned tables, and a note."""

    name: str
    created_at: datetime
    tables: int
    note: str | None


def create(run: Run, name: str, note: str | None = None) -> dict[str, int]:
    """Pin the present version of every table under a name, in one commit.

    Raises
    ------
    SnapshotError
        The name is taken or malformed, or there is nothing to pin.
    """
    workspace = run.workspace
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name):
        raise SnapshotError(
            f"A snapshot cannot be called {name!r}; expected letters, digits, '.', '_' and '-'.\n"
            "Hint: dataeval-spark snapshot --workspace WS create before-cleaning"
        )
    if name in {listed.name for listed in listing(workspace)}:
        raise SnapshotError(
            f"Snapshot {name!r} exists already.\n"
            f"Hint: choose another name; dataeval-spark snapshot --workspace {workspace.location} show {name}"
        )
    states = workspace.states(PINNED_TABLES)
    if not states:
        raise SnapshotError(
            f"Workspace {workspace.location} has no tables to pin.\n"
            f"Hint: dataeval-spark ingest --workspace {workspace.location} photos/"
        )
    tables = [table for table in PINNED_TABLES if table.name in states]
    with ThreadPoolExecutor(4) as pool:
        details = list(pool.map(lambda table: _provenance(workspace, table), tables))
    now = datetime.now(UTC)
    rows = [
        {
            "snapshot": name,
            "table_name": table.name,
            "version": states[table.name].version,
            "table_id": table_id,
            "created_at": now,
            "note": note,
            "run_ids": run_ids,
        }
        for table, (table_id, run_ids) in zip(tables, details, strict=True)
    ]
    workspace.append_rows(SNAPSHOTS, rows, run.writer("snapshot", f"snapshot:{name}"))
    # What runs recorded tells a log that has lost its end.
    written = workspace.states([SNAPSHOTS])
    run.finish(f"snapshot {name}", "done", now, options={"create": name}, outputs=written, rows=len(rows))
    return {table: state.version for table, state in states.items()}


def _provenance(workspace: Workspace, table: Table) -> tuple[str, list[str]]:
    """Delta's id of a table, and runs that wrote its rows: at most `MOST_RUNS`."""
    identity = workspace.table_id(table)
    if "run_id" not in table.column_names:
        return identity, []
    told = workspace.runs_told(table)
    if told is not None:
        return identity, sorted(told)[:MOST_RUNS]
    rows = workspace.read(table).select("run_id").distinct().limit(MOST_RUNS)
    return identity, sorted(row["run_id"] for row in bounded(rows, "names of runs"))


def listing(workspace: Workspace) -> list[Listed]:
    """All snapshots, newest first."""
    tables: dict[str, list[Row]] = {}
    for row in workspace.rows(SNAPSHOTS, ("snapshot", "created_at", "note")):
        tables.setdefault(row["snapshot"], []).append(row)
    snapshots = [Listed(name, rows[0]["created_at"], len(rows), rows[0]["note"]) for name, rows in tables.items()]
    return sorted(snapshots, key=lambda listed: (listed.created_at, listed.name), reverse=True)


def pinned_versions(workspace: Workspace, name: str) -> dict[str, int]:
    """Pinned version of each table.

    Raises
    ------
    SnapshotError
        There is no such snapshot.
    """
    return {table: row["version"] for table, row in _pinned(workspace, name).items()}


def _pinned(workspace: Workspace, name: str) -> dict[str, Row]:
    """The row of each pinned table; SnapshotError when there is no such snapshot."""
    rows = workspace.rows(SNAPSHOTS, SNAPSHOTS.column_names, snapshot=name)
    if not rows:
        names = [listed.name for listed in listing(workspace)]
        raise SnapshotError.missing(name, names, workspace.location)
    return {str(CURRENT_NAMES.get(row["table_name"], row["table_name"])): row for row in rows}


def at(workspace: Workspace, name: str) -> Workspace:
    """The workspace at the time of the snapshot; read-only.

    Raises
    ------
    SnapshotError
        There is no such snapshot, or a table was dropped and made anew since: its old versions are gone.
    """
    pinned = _pinned(workspace, name)
    tables = [table for table in PINNED_TABLES if table.name in pinned and workspace.exists(table)]
    with ThreadPoolExecutor(4) as pool:
        ids = dict(zip([table.name for table in tables], pool.map(workspace.table_id, tables), strict=True))
    lost = sorted(table for table, row in pinned.items() if ids.get(table) != row["table_id"])
    if lost:
        raise SnapshotError(
            f"Snapshot {name!r} cannot be read. These tables were dropped or made anew since: {', '.join(lost)}.\n"
            f"Hint: dataeval-spark snapshot --workspace {workspace.location} verify {name}"
        )
    return workspace.at({table: row["version"] for table, row in pinned.items()})


def statements(workspace: Workspace, name: str) -> list[str]:
    """SQL that reads each pinned table."""
    versions = pinned_versions(workspace, name)
    return [
        f"SELECT * FROM {workspace.name(table)} VERSION AS OF {versions[table.name]};"
        for table in PINNED_TABLES
        if table.name in versions
    ]


def verify(workspace: Workspace, name: str) -> dict[str, str]:
    """Read every pinned version in full; return a message per table that can no longer be read.

    A default VACUUM keeps pinned versions; a forced one cannot be stopped, and is found here.
    """
    lost: dict[str, str] = {}
    pinned = _pinned(workspace, name)
    for table in (table for table in PINNED_TABLES if table.name in pinned):
        version = pinned[table.name]["version"]
        pin = f"{table.name}@v{version}"
        try:
            if workspace.table_id(table) != pinned[table.name]["table_id"]:
                lost[table.name] = f"{pin} is lost: the table was dropped and made anew since"
                continue
            # A hash over all columns reads every file; a count would be answered from the log.
            frame = workspace.read(table, version)
            one_row(frame.select(_hash(frame.columns).alias("hash")), F.bit_xor("hash"))
        except Exception as error:
            lost[table.name] = f"{pin} is lost: {first_line(error)[:200]}"
    return lost


def _hash(columns: Sequence[str]) -> Column:
    return F.xxhash64(F.to_json(F.struct(*map(identifier, columns))))


def diff(workspace: Workspace, a: str, b: str) -> list[TableDiff]:
    """Rows added, removed and changed per table; run ids and times do not count, nor do images marked as deleted."""
    versions_a, versions_b = pinned_versions(workspace, a), pinned_versions(workspace, b)
    names = [table for table in PINNED_TABLES if table.name in versions_a or table.name in versions_b]
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda table: _diff_table(workspace, table, versions_a, versions_b), names))


def _diff_table(
    workspace: Workspace, table: Table, versions_a: Mapping[str, int], versions_b: Mapping[str, int]
) -> TableDiff:
    a, b = versions_a.get(table.name), versions_b.get(table.name)

    def side_rows(version: int | None, side: str) -> DataFrame:
        frame = workspace.read(table, version if version is not None else (a if a is not None else b))
        if version is None:
            frame = frame.limit(0)
        if "deleted_at" in table.column_names:
            frame = frame.where("deleted_at IS NULL")
        values = [column for column in sorted(frame.columns) if column not in (*NOT_COMPARED, *table.key)]
        content = _hash(values) if values else F.lit(0).cast("bigint")
        keys = F.to_json(F.struct(*(key for key in table.key if key != "run_id")), {"ignoreNullFields": "false"})
        return (
            frame.select(keys.alias("key"), content.alias(side))
            .groupBy("key")
            .agg(F.count("*").alias(f"n_{side}"), F.bit_xor(side).alias(side))
        )

    joined = side_rows(a, "a").join(side_rows(b, "b"), on="key", how="full")
    changed = F.col("n_a").isNotNull() & F.col("n_b").isNotNull()
    changed &= (F.col("a") != F.col("b")) | (F.col("n_a") != F.col("n_b"))
    counts = one_row(
        joined,
        F.coalesce(F.sum("n_a"), F.lit(0)).alias("rows_a"),
        F.coalesce(F.sum("n_b"), F.lit(0)).alias("rows_b"),
        F.count_if(F.col("n_a").isNull()).alias("added"),
        F.count_if(F.col("n_b").isNull()).alias("removed"),
        F.count_if(changed).alias("changed"),
    )
    return TableDiff(table.name, a, b, **counts.asDict())


def restore(workspace: Workspace, name: str) -> dict[str, int]:
    """Restore every pinned table to its version and empty those filled since; return the new version of each.

    Raises
    ------
    SnapshotError
        A pinned version is lost; nothing is restored then.
    """
    lost = verify(workspace, name)
    if lost:
        raise SnapshotError(f"Snapshot {name!r} cannot be restored:\n" + "\n".join(lost.values()))
    versions = pinned_versions(workspace, name)
    # What was filled since goes with other images, and `source_files` would keep files from being read again.
    later = [table for table in PINNED_TABLES if table.name not in versions and not workspace.is_untouched(table)]
    for table in (pinned := [table for table in PINNED_TABLES if table.name in versions]):
        workspace.restore(table, versions[table.name])
    for table in later:
        workspace.restore(table, None)
    return {table: state.version for table, state in workspace.states([*pinned, *later]).items()}


def export(workspace: Workspace, name: str, directory: str) -> dict[str, int]:
    """Copy the pinned tables into a directory, as Delta tables that no VACUUM here can reach; return rows per table.

    Raises
    ------
    SnapshotError
        The directory is not empty, or Spark cannot write there.
    """
    refuse_credentials(directory)
    target = absolute(directory)
    if is_local(target) and local_path(target).exists() and any(local_path(target).iterdir()):
        raise SnapshotError(
            f"Directory {target} is not empty; expected a new or empty one.\nHint: --out {target}/{name}"
        )
    if is_embedded(workspace.spark) and not is_local(target):
        raise SnapshotError(
            f"Snapshot {name!r} cannot be copied to {target}: the embedded engine writes to directories of this "
            "machine only.\nHint: --engine spark, or --out DIR and copy the directory"
        )
    pinned = at(workspace, name)
    rows: dict[str, int] = {}
    for table in PINNED_TABLES:
        if pinned.exists(table):
            frame = pinned.read(table)
            try:
                frame.write.format("delta").mode("error").save(f"{target}/{table.name}")
            except Exception as error:
                if not is_of_engine(error):
                    raise
                for copied in (*rows, table.name):  # the same command again needs an empty directory
                    remove_directory(f"{target}/{copied}")
                known = known_cause(error, f"copy snapshot {name!r} to {target}", workspace.location, (table,), target)
                if known is not None:
                    raise known from error
                raise SnapshotError(
                    f"Snapshot {name!r} cannot be copied to {target}: {engine_message(error)}\n"
                    f"Hint: {hint_for(str(error), None)}"
                ) from error
            rows[table.name] = workspace.spark.read.format("delta").load(f"{target}/{table.name}").count()
    return rows
