"""Compare all tables of two workspace directories row by row, without Spark.

A change of the code that must not change results is checked so: the same images are audited by the code before and
after, and this script names each table and column that differs. It exits with 1 where any does.

    scripts/compare_workspaces.py before/workspace after/workspace --replace before/images=after/images
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from dataeval_spark.tables import ALL_TABLES

# Tables about the runs themselves; columns about when, and by whom, a row was written.
SKIPPED_TABLES = ("runs", "snapshots")
SKIPPED_COLUMNS = ("run_id", "modified_at", "deleted_at", "created_at", "predicted_at", "fingerprint")

Row = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """What differs between two tables of one name.

    Attributes
    ----------
    table : str
        Name of the table.
    rows_a, rows_b : int
        Rows on either side; -1 where there is no table.
    only_a, only_b : int
        Rows that only one side has.
    columns : tuple of str
        Columns that differ in rows with equal keys, or that only one side has.
    """

    table: str
    rows_a: int
    rows_b: int
    only_a: int
    only_b: int
    columns: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        return not (self.only_a or self.only_b or self.columns or self.rows_a != self.rows_b)

    def __str__(self) -> str:
        state = "equal" if self.is_equal else f"{self.only_a} only in A, {self.only_b} only in B"
        where = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"{self.table:<26} {self.rows_a:>9} {self.rows_b:>9}  {state}{where}"


def rows_of(folder: Path) -> list[Row] | None:
    """The rows of a Delta table's newest version; None where there is none."""
    try:
        table = DeltaTable(str(folder))
    except TableNotFoundError:
        return None
    return table.to_pyarrow_dataset().to_table().to_pylist()


def canonical(value: Any, replacements: Sequence[tuple[str, str]], digits: int | None) -> Any:
    """A value that compares equal and hashes: maps in the order of their keys, texts with other paths replaced."""
    if isinstance(value, str):
        for old, new in replacements:
            value = value.replace(old, new)
        return value
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        return float(f"{value:.{digits}g}") if digits is not None else value
    if isinstance(value, Mapping):
        return {key: canonical(each, replacements, digits) for key, each in sorted(value.items())}
    if isinstance(value, list):
        each = [canonical(item, replacements, digits) for item in value]
        # A map comes as pairs, in no order.
        return sorted(each, key=str) if each and all(isinstance(item, tuple) for item in value) else each
    if isinstance(value, tuple):
        return [canonical(item, replacements, digits) for item in value]
    return value if isinstance(value, int | bool | None) else str(value)


def text_of(row: Row, columns: Sequence[str]) -> str:
    return json.dumps([row.get(column) for column in columns], sort_keys=True)


def compare(
    name: str, key: Sequence[str], a: list[Row] | None, b: list[Row] | None, skipped: Sequence[str]
) -> Difference:
    """Compare the rows of one table."""
    if a is None or b is None:
        counts = (-1 if a is None else len(a), -1 if b is None else len(b))
        return Difference(name, *counts, max(counts[0], 0), max(counts[1], 0), ())
    present = [{column for row in rows for column in row} for rows in (a, b)]
    lonely = sorted((present[0] ^ present[1]) - set(skipped)) if a and b else []
    columns = sorted((present[0] | present[1]) - set(skipped))
    counts_a, counts_b = (Counter(text_of(row, columns) for row in rows) for rows in (a, b))
    only_a, only_b = counts_a - counts_b, counts_b - counts_a
    keys = [column for column in key if column not in skipped]
    others = {text_of(row, keys): row for row in b if text_of(row, columns) in only_b}
    differing = {
        column
        for row in a
        if text_of(row, columns) in only_a and text_of(row, keys) in others
        for column in columns
        if text_of(row, [column]) != text_of(others[text_of(row, keys)], [column])
    }
    found = tuple(sorted({*lonely, *differing}))
    return Difference(name, len(a), len(b), sum(only_a.values()), sum(only_b.values()), found)


def differences(
    a: Path, b: Path, *, replacements: Sequence[tuple[str, str]], skipped: Sequence[str], digits: int | None
) -> Iterator[Difference]:
    """Compare each table that either workspace has, also under the name that it had before."""
    for table in ALL_TABLES:
        if table.name in SKIPPED_TABLES:
            continue
        sides: list[list[Row] | None] = []
        for folder in (a, b):
            rows = rows_of(folder / table.name)
            if rows is None and table.formerly:
                rows = rows_of(folder / table.formerly)
            if rows is not None:
                names = {column.formerly: column.name for column in table.columns if column.formerly}
                rows = [{names.get(k, k): canonical(v, replacements, digits) for k, v in row.items()} for row in rows]
            sides.append(rows)
        if sides != [None, None]:
            yield compare(table.name, table.key, *sides, skipped)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=Path, metavar="A")
    parser.add_argument("b", type=Path, metavar="B")
    parser.add_argument("--replace", action="append", default=[], metavar="OLD=NEW", help="in texts, such as paths")
    parser.add_argument("--skip", action="append", default=[], metavar="COLUMN", help="a column that may differ")
    parser.add_argument("--digits", type=int, metavar="N", help="compare numbers to so many digits; default all")
    args = parser.parse_args()
    replacements = [tuple(text.split("=", 1)) for text in args.replace]
    skipped = (*SKIPPED_COLUMNS, *args.skip)
    found = list(differences(args.a, args.b, replacements=replacements, skipped=skipped, digits=args.digits))
    print(f"{'table':<26} {'rows of A':>9} {'rows of B':>9}")
    for difference in found:
        print(difference)
    equal = sum(difference.is_equal for difference in found)
    print(f"{equal} of {len(found)} tables are equal")
    return 0 if found and equal == len(found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
