"""Kill a verb with SIGKILL at random moments, run it again, and compare the result with that of a run left alone.

Each round works on a copy of a prepared workspace. All tables are compared row by row (scripts/compare_workspaces.py),
and what a verb writes outside of tables (an export, a report) file by file. In the words of a verb {workspace} stands
for the copy, {out} for a place beside it. It exits with 1 where a round differs.

    scripts/kill_runs.py audit --rounds 5 -- split --workspace {workspace} --name main
    scripts/kill_runs.py audit --rounds 5 -- export --workspace {workspace} --format coco --to {out}
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from compare_workspaces import SKIPPED_COLUMNS, differences  # noqa: E402
from deltalake import DeltaTable  # noqa: E402

COMMAND = (sys.executable, "-m", "dataeval_spark.cli")
# When, and by which commits, a report or an export was made.
TIMES = re.compile(rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?(\+00:00)?)?( UTC)?")
Files = dict[str, bytes]


def start(place: Path, words: Sequence[str], seconds: float | None) -> tuple[int, float, str]:
    """Run a verb on the copy at a place and kill it after so many seconds; exit code, seconds, and what it said."""
    out = place.parent / "out"
    filled = [word.replace("{workspace}", str(place)).replace("{out}", str(out)) for word in words]
    begun = time.monotonic()
    process = subprocess.Popen(
        [*COMMAND, *filled], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with its children, as a container is killed
        said, _ = process.communicate()
    return process.returncode, time.monotonic() - begun, said


def files_of(place: Path) -> Files:
    """What a verb wrote outside of tables, without the times at which it was written."""
    out = place.parent / "out"
    found = sorted(path for path in out.rglob("*") if path.is_file()) if out.is_dir() else [out] if out.exists() else []
    return {str(path.relative_to(out.parent)): content(path, place) for path in found}


def content(path: Path, place: Path) -> bytes:
    if path.suffix == ".parquet":
        import pyarrow.parquet as pq

        return json.dumps(pq.read_table(path).to_pylist(), default=str, sort_keys=True).encode()
    return TIMES.sub(b"TIME", path.read_bytes().replace(str(place.parent).encode(), b"PLACE"))


def statuses(place: Path, run_at: int) -> list[str]:
    """What the table of runs says of the runs after the first ones, in their order."""
    rows: list[dict[str, Any]] = DeltaTable(str(place / "runs")).to_pyarrow_table().to_pylist()
    runs = sorted((row for row in rows if row["step"] is None), key=lambda row: row["started_at"])
    return [row["status"] for row in runs[run_at:]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workspace", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--skip", action="append", default=[], metavar="COLUMN", help="a column that may differ")
    parser.add_argument("--skip-files", action="store_true", help="do not compare what is written outside of tables")
    parser.add_argument("words", nargs="+", metavar="WORD", help="the verb and its arguments, after --")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    is_bad = False
    with tempfile.TemporaryDirectory() as folder:
        whole = copied(args.workspace, Path(folder) / "whole")
        before = len(statuses(whole, 0))
        code, seconds, said = start(whole, args.words, None)
        print(f"left alone: exit {code} in {seconds:.1f} s", flush=True)
        if code:
            print(said)
            return 1
        expected = files_of(whole)
        for number in range(args.rounds):
            place = copied(args.workspace, Path(folder) / f"round{number}")
            killed, after, _ = start(place, args.words, chance.uniform(0.4, 1.0) * seconds)
            code, _, said = start(place, args.words, None)
            skipped = [
                str(each)
                for each in differences(
                    whole,
                    place,
                    replacements=[(str(place.parent), str(whole.parent))],
                    skipped=(*SKIPPED_COLUMNS, *args.skip),
                    digits=None,
                )
                if not each.is_equal
            ]
            found = files_of(place)
            files = [] if args.skip_files else [n for n in {*expected, *found} if expected.get(n) != found.get(n)]
            is_same = code == 0 and not skipped and not files
            is_bad |= not is_same
            how = "killed" if killed == -signal.SIGKILL else f"ended by itself ({killed})"
            runs = ", ".join(statuses(place, before)) or "none"
            print(f"{how} after {after:.2f} s, runs {runs}: {'the same' if is_same else 'DIFFERENT'}", flush=True)
            print(
                "".join(f"    {line}\n" for line in [*skipped, *sorted(files)[:5], *([said] if code else [])]), end=""
            )
            shutil.rmtree(place.parent)
    return int(is_bad)


def copied(workspace: Path, folder: Path) -> Path:
    shutil.copytree(workspace, folder / "workspace")
    return folder / "workspace"


if __name__ == "__main__":
    raise SystemExit(main())
