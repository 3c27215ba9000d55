"""Rows of the table `snapshots` and the writers of their commits, for tests of both ways of access."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

from dataeval_spark.tables.arrow import arrow_schema
from dataeval_spark.workspace.delta import Writer

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def pin(snapshot, version=1, note=None):
    return {
        "snapshot": snapshot,
        "table_name": "images",
        "version": version,
        "table_id": "id",
        "created_at": NOON,
        "note": note,
        "run_ids": ["r1", "r2"],
    }


def writer(run):
    return Writer(run, "snapshot", f"work of {run}", "0")


def make_table(path, ddl, rows=()):
    """Write a Delta table as another program would: columns of Spark SQL, and rows as tuples."""
    schema = arrow_schema(ddl)
    data = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema=schema)
    DeltaTable.create(str(path), schema)
    if rows:
        write_deltalake(str(path), data, mode="append")
