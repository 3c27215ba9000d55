"""Rows of the table `snapshots` and the writers of their commits, for tests of both ways of access."""

from __future__ import annotations

from datetime import UTC, datetime

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
