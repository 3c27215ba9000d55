"""Contracts of tables as plain strings: importable without Spark, usable by SQL, tests and docs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from dataeval_spark.tables.arrow import arrow_schema

WriteMode = Literal["replace", "upsert", "append"]


@dataclass(frozen=True)
class Column:
    """A column: its Spark SQL type, and the facts that a reader needs to use its values.

    ``formerly`` is the name that the column has in the tables of older workspaces.
    """

    name: str
    type: str
    doc: str
    unit: str = ""
    range: str = ""
    nullable: bool = False
    formerly: str | None = None

    @classmethod
    def optional(cls, name: str, type: str, doc: str, unit: str = "", range: str = "") -> Column:
        """A column that may be null."""
        return cls(name, type, doc, unit, range, nullable=True)

    @classmethod
    def later(cls, name: str, type: str, doc: str, unit: str = "") -> Column:
        """A column that nothing computes yet: it is null, and its comment says so."""
        return cls(name, type, f"Not computed yet, always null: {doc}", unit, nullable=True)

    @classmethod
    def share(cls, name: str, doc: str, *, nullable: bool = False) -> Column:
        """A number in [0, 1] without unit: a share, a probability, a score."""
        return cls(name, "double", doc, range="[0, 1]", nullable=nullable)

    @property
    def comment(self) -> str:
        return " ".join(filter(None, [self.doc, self.unit and f"[{self.unit}]", self.range and f"in {self.range}"]))

    def ddl(self, *, comments: bool = True) -> str:
        null = "" if self.nullable else " NOT NULL"
        comment = f" COMMENT {sql_string(self.comment)}" if comments else ""
        return f"{identifier(self.name)} {self.type}{null}{comment}"


@dataclass(frozen=True)
class Table:
    """A Delta table of the workspace. ``key`` identifies a row; ``write`` says what a rerun does.

    ``replace`` tables hold an aggregate of the whole dataset; with ``scope`` a write replaces only
    the rows that share its value of that column. ``upsert`` tables hold rows of images: a write
    replaces all rows of the images it covers. ``append`` tables grow with every run.
    An ``open`` table may gain columns that the contract does not name. ``formerly`` is the name that the table
    had in older workspaces, where it is renamed by the next run.
    """

    name: str
    doc: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    write: WriteMode = "replace"
    scope: str | None = None
    open: bool = False
    formerly: str | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def result_columns(self) -> tuple[Column, ...]:
        """The columns that a step gives: all but ``run_id``, which the writer adds."""
        return tuple(column for column in self.columns if column.name != "run_id")

    @property
    def result_names(self) -> tuple[str, ...]:
        """Names of `result_columns`."""
        return tuple(column.name for column in self.result_columns)

    @property
    def result_ddl(self) -> str:
        """Schema of `result_columns`, for a frame that is made from rows."""
        return ", ".join(column.ddl(comments=False) for column in self.result_columns)

    @property
    def nullable_ddl(self) -> str:
        """The same with every column nullable: the schema of Arrow batches before the writer checks them."""
        return self.ddl_without()

    @property
    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of all columns, nullability included."""
        return arrow_schema(self.ddl(comments=False))

    def ddl_of(self, *names: str) -> str:
        """Schema of some columns in the order of their names, each of which may be null: see `nullable_ddl`."""
        types = {column.name: column.type for column in self.columns}
        return ", ".join(f"{identifier(name)} {types[name]}" for name in names)

    def ddl_without(self, *names: str) -> str:
        """The same of all `result_columns` but some."""
        return self.ddl_of(*(name for name in self.result_names if name not in names))

    @property
    def is_of_images(self) -> bool:
        """Whether its rows are those of single images and stay until their image is written again or deleted."""
        return self.write == "upsert" and "image_id" in self.key

    def ddl(self, *, comments: bool = True) -> str:
        return ", ".join(column.ddl(comments=comments) for column in self.columns)

    def markdown(self) -> str:
        rows = "\n".join(
            f"| `{c.name}` | `{c.type}`{' (nullable)' if c.nullable else ''} | {c.comment} |" for c in self.columns
        )
        more = " May hold further columns." if self.open else ""
        scope = f" of one `{self.scope}`" if self.scope else ""
        head = f"### `{self.name}`\n\n{self.doc}{more} Key: {', '.join(f'`{k}`' for k in self.key)}. "
        return f"{head}Write mode: {self.write}{scope}.\n\n| column | type | meaning |\n|---|---|---|\n{rows}\n"


def sql_string(text: str) -> str:
    """Quote a text as a Spark SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def identifier(name: str) -> str:
    """Quote the name of a column or table for SQL.

    Examples
    --------
    >>> identifier("a`b.c")
    '`a``b.c`'
    """
    return "`" + name.replace("`", "``") + "`"
