"""Upkeep of tables that grow by small commits: small files are merged, and files that nobody needs any more removed.

Merging changes no row, and older versions keep their files. What may be removed, and when:

- files that the newest version, or a version that a named snapshot pins, reads: never;
- files that left the table within the last `UNNAMED_DAYS` days: not yet. So long a version without a name can be read,
  by whoever opened it, on this machine or another;
- all other files of the table, those that a killed process left included, on each `TIDY_EVERY` versions.

A table's property ``delta.deletedFileRetentionDuration`` is what other engines go by when they remove files. They know
no snapshots, so the workspace sets it to the many days for which snapshots are kept. A table to which somebody gave
another value keeps its files for as long as that says.
"""

from __future__ import annotations

from collections.abc import Callable

from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.runs import RUNS, SNAPSHOTS
from dataeval_spark.workspace.delta import TableAccess

# Statistics for file skipping on the keys only: with all 50 columns they cost more than small tables themselves.
# A table is opened by reading its log since the last checkpoint, several times a run.
TABLE_PROPERTIES = {
    "delta.enableDeletionVectors": "false",
    "delta.dataSkippingNumIndexedCols": "4",
    "delta.checkpointInterval": "20",
}
# Files below this size are small. Delta's own auto-compaction rewrites them after nearly every commit.
SMALL_BYTES = 16 * 2**20
# A table with a scope has a file for each value of it, which the next write of that value replaces; of a merged file it
# writes the rest again. So it may have this many times more.
SCOPE_FACTOR = 8
# Days for which other engines keep old files, and the log its entries, for snapshots.
SNAPSHOT_DAYS = 180
# Days for which a version without a name can be read: Delta's default.
UNNAMED_DAYS = 7
TIDY_EVERY = 32
# These describe the work, not the data: pinning or restoring them would rewrite history.
NOT_PINNED = (RUNS, SNAPSHOTS)


def properties_of(table: Table, days: int) -> dict[str, str]:
    """Properties of a new table, with the days for which its old files and the entries of its log are kept."""
    days = UNNAMED_DAYS if table in NOT_PINNED else days
    return TABLE_PROPERTIES | dict.fromkeys(
        ("delta.logRetentionDuration", "delta.deletedFileRetentionDuration"), f"interval {days} days"
    )


class Upkeep:
    """Upkeep of the tables of a workspace.

    Parameters
    ----------
    access : callable
        Returns the access to a table.
    pinned : callable
        Returns the versions that named snapshots pin, given Delta's id of a table.
    """

    def __init__(self, access: Callable[[Table], TableAccess], pinned: Callable[[str], list[int]]) -> None:
        self._access = access
        self._pinned = pinned

    def after_commit(self, table: Table, before: int, after: int) -> bool:
        """Do what is due between two versions of a table; return whether it was anything."""
        access = self._access(table)
        has_merged = _has_passed(access.MERGE_EVERY, before, after) and _merge(table, access)
        has_removed = _has_passed(TIDY_EVERY, before, after) and self._remove(access)
        return has_merged or has_removed

    def tidy(self, table: Table) -> None:
        """Do all of it now, as far as there is something to do."""
        access = self._access(table)
        _merge(table, access)
        self._remove(access)

    def _remove(self, access: TableAccess) -> bool:
        return access.remove_old_files(self._pinned(access.identity()), UNNAMED_DAYS, instead_of=SNAPSHOT_DAYS)


def _has_passed(every: int, before: int, after: int) -> bool:
    return before // every < after // every


def _merge(table: Table, access: TableAccess) -> bool:
    if table.write == "replace" and table.scope is None:
        return False  # its files are never more than those of one write
    most = access.MERGED_FILES * (1 if table.scope is None else SCOPE_FACTOR)
    if are_many := access.small_files(SMALL_BYTES) >= most:
        access.compact()
    return are_many
