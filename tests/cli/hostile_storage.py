"""Damaged tables and logs, each in a case of its own: see `tests.cli.hostile`.

A case breaks a file of the workspace and returns the command that meets it, and the file, which the doctor has to find.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable

from tests.cli.hostile import Hostile, on


def log_of(h: Hostile, table: str) -> list[Path]:
    """Entries of the log of a table, oldest first."""
    return sorted((h.workspace / table / "_delta_log").glob("*.json"))


def file_of(h: Hostile, table: str) -> Path:
    """The first data file of a table."""
    actions = pa.table(DeltaTable(str(h.workspace / table)).get_add_actions()).to_pylist()
    return h.workspace / table / unquote(actions[0]["path"])


def cut(path: Path, size: int | None = None) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2 if size is None else size])
    return path


def removed(path: Path) -> Path:
    path.unlink()
    return path


def checkpoint_of(h: Hostile, table: str) -> Path:
    """A checkpoint of the newest version of a table, which is made here."""
    DeltaTable(str(h.workspace / table)).create_checkpoint()
    return next((h.workspace / table / "_delta_log").glob("*.checkpoint.parquet"))


def data_file_is_cut(h):
    return on(h, "analyze", "outliers"), str(cut(file_of(h, "image_stats")))


def data_file_is_empty(h):
    return on(h, "analyze", "outliers"), str(cut(file_of(h, "image_stats"), 0))


def data_file_is_gone(h):
    return on(h, "report"), str(removed(file_of(h, "image_findings")))


def data_file_has_no_end(h):
    file = file_of(h, "image_stats")
    file.write_bytes(b"x" * file.stat().st_size)
    return on(h, "analyze", "outliers"), str(file)


def newest_entry_is_cut(h):
    return on(h, "report"), str(cut(log_of(h, "image_findings")[-1]))


def newest_entry_is_empty(h):
    return on(h, "report"), str(cut(log_of(h, "image_findings")[-1], 0))


def newest_entry_is_gone(h):
    return on(h, "report"), str(removed(log_of(h, "image_findings")[-1]))


def newest_entry_of_images_is_gone(h):
    return on(h, "profile"), str(removed(log_of(h, "images")[-1]))


def newest_entry_of_vectors_is_gone(h):
    return on(h, "search", h.photos / "a" / "0.png"), str(removed(log_of(h, "embeddings")[-1]))


def middle_entry_is_gone(h):
    return on(h, "analyze", "outliers"), str(removed(log_of(h, "runs")[2]))


def first_entry_is_gone(h):
    return on(h, "export", "--to", h.files / "out", "--format", "folder"), str(removed(log_of(h, "images")[0]))


def log_is_gone(h):
    shutil.rmtree(h.workspace / "image_stats" / "_delta_log")
    return on(h, "profile"), str(h.workspace / "image_stats" / "_delta_log")


def log_has_no_entries(h):
    for entry in (h.workspace / "targets" / "_delta_log").iterdir():
        entry.unlink()
    return on(h, "profile"), str(h.workspace / "targets" / "_delta_log")


def log_of_snapshots_is_cut(h):
    return on(h, "snapshot", "list"), str(cut(log_of(h, "snapshots")[-1]))


def checkpoint_is_damaged(h):
    return on(h, "profile"), str(cut(checkpoint_of(h, "images")))


def checkpoint_is_gone(h):
    checkpoint_of(h, "images").unlink()
    return on(h, "profile"), str(h.workspace / "images" / "_delta_log" / "_last_checkpoint")


def pointer_names_a_version_that_never_was(h):
    pointer = h.workspace / "images" / "_delta_log" / "_last_checkpoint"
    pointer.write_text(json.dumps({"version": 99, "size": 1}))
    return on(h, "profile"), str(pointer)
