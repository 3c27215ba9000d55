"""Tables about the work itself: runs, snapshots, and findings about the dataset as a whole."""

from dataeval_spark.tables.contract import Column, Table
from dataeval_spark.tables.keys import RUN_ID

VERSIONS_TYPE = "array<struct<table_name: string, version: bigint>>"

DATASET_FINDINGS = Table(
    name="dataset_findings",
    doc="Findings about the dataset as a whole.",
    key=("step", "rule", "subject"),
    columns=(
        Column("step", "string", "Step that found it"),
        Column("rule", "string", "Rule that was checked"),
        Column("subject", "string", "Column, factor, class or encoder concerned"),
        Column.optional("value", "double", "Value found"),
        Column.optional("threshold", "double", "Value expected"),
        Column("severity", "string", "error, warning or info"),
        Column("message", "string", "The finding in one sentence"),
        RUN_ID,
    ),
    scope="step",
)

RUNS = Table(
    name="runs",
    doc="One row per run and step; the row whose step is null is the run itself.",
    key=("run_id", "step"),
    columns=(
        RUN_ID,
        Column.optional("step", "string", "Step; null for the run as a whole"),
        Column("job", "string", "Verb that was called"),
        Column("status", "string", "running, done, skipped, failed, cancelled or died"),
        Column("started_at", "timestamp", "Start, UTC"),
        Column.optional("finished_at", "timestamp", "End, UTC; null while it runs"),
        Column.optional("seconds", "double", "Duration", "second"),
        Column("options", "string", "Options, as JSON"),
        Column("work_id", "string", "Hash of step, code version, options and input versions"),
        Column("code_version", "string", "Version of dataeval_spark"),
        Column("inputs", VERSIONS_TYPE, "Tables read, with their versions"),
        Column("outputs", VERSIONS_TYPE, "Tables written, with their versions"),
        Column.optional("rows_written", "bigint", "Rows in what was written", "rows"),
        Column.optional("message", "string", "What was done, or why it was skipped or failed"),
        Column("host", "string", "Machine of the driver"),
        Column("pid", "bigint", "Process id of the driver"),
        Column("process_started", "double", "Start time of that process, which tells a reused pid", "second"),
        Column.optional("engine", "string", "Engine that computed, and why it was chosen"),
        Column.optional(
            "heartbeat",
            "string",
            "How the run shows that it is alive: file (in _heartbeats of the table's folder) or commit (to the table)",
        ),
    ),
    write="append",
)

SNAPSHOTS = Table(
    name="snapshots",
    doc="Named snapshots: one row per snapshot and table that it pins.",
    key=("snapshot", "table_name"),
    columns=(
        Column("snapshot", "string", "Name of the snapshot"),
        Column("table_name", "string", "Table"),
        Column("version", "bigint", "Delta version of the table"),
        Column("table_id", "string", "Delta id of the table: a dropped and recreated table has another"),
        Column("created_at", "timestamp", "When the snapshot was made, UTC"),
        Column.optional("note", "string", "Note of its maker"),
        Column("run_ids", "array<string>", "Runs that wrote the pinned version"),
    ),
    write="append",
)
