"""Run the command lines of a first hour from nothing, and write docs/first_hour.md with what they print.

    python scripts/first_hour.py

The images are the demo's, the tables scikit-learn's, and the damaged files are made here; everything goes to a
temporary folder. It takes about two minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "first_hour.md"
# Where the folder stands in what is shown.
SHOWN = "/home/you"
IMAGES = 300
WIDTH = 118


INTRO = f"""\
# A first hour

Written by `python scripts/first_hour.py`, which runs every command below from nothing, on the embedded engine and two
cores. The {IMAGES} images and the later batch are the demo's (scanned digits on crops of photographs, with planted
faults), the table is scikit-learn's iris, and the damaged files are made by the script. Output is whole but for lines
that are marked as left out; the table of mistakes leaves out `dataeval-spark` before each verb. What the report of the
workspace `boxes` looks like at the end: [report.md](report.md)."""


@dataclass(frozen=True)
class Shown:
    """A command of a section; of its output the first and last lines are shown, where it has more than both."""

    command: str
    first: int = 40
    last: int = 0


@dataclass(frozen=True)
class Part:
    """A section of the page: what is done in words, and its commands."""

    title: str
    text: str
    commands: tuple[Shown, ...]


PARTS = (
    Part(
        "A folder of photographs",
        "A folder with a folder for each class. Every image is decoded once, by `profile`; `analyze` then runs all "
        "steps whose inputs are there, and says what the others need.",
        (
            Shown("ingest --workspace my_audit photos"),
            Shown("profile --workspace my_audit --encoder hog_color"),
            Shown("analyze --workspace my_audit", 14, 3),
            Shown("report --workspace my_audit"),
            Shown("ingest --workspace my_audit photos"),
            Shown("analyze --workspace my_audit"),
        ),
    ),
    Part(
        "A COCO set",
        "The same images with boxes, capture times and factors. What cannot be used as it is written in the file is "
        "counted, and listed in the report.",
        (
            Shown("ingest --workspace boxes photos --annotations instances.json --metadata metadata.csv"),
            Shown("profile --workspace boxes --encoder hog_color"),
            Shown("analyze --workspace boxes", 6, 3),
            Shown("report --workspace boxes"),
        ),
    ),
    Part(
        "A split, and whether it leaks",
        "Copies and near duplicates stay in one part. `metadata.csv` came with a split of its own, which is checked "
        "under the name `given`.",
        (
            Shown("split --workspace boxes --name main"),
            Shown("analyze --workspace boxes split_leakage split_differences part_bias"),
            Shown("report --workspace boxes"),
        ),
    ),
    Part(
        "A new batch",
        "A later batch of the same cameras goes into the same workspace, and only its images are measured. `compare` "
        "tells what changed; the report says which statistics drifted, and how it looks.",
        (
            Shown("ingest --workspace boxes monday --annotations monday.json --metadata monday.csv"),
            Shown("profile --workspace boxes --encoder hog_color"),
            Shown("analyze --workspace boxes", 4, 2),
            Shown("compare --workspace boxes --reference dataset=photos --current dataset=monday"),
            Shown("report --workspace boxes"),
        ),
    ),
    Part(
        "A table without images",
        "Labels and factors alone, as CSV, JSON lines or parquet: classes, bias and splits can be looked at without "
        "any image.",
        (
            Shown("ingest --workspace flowers flowers.csv --id-column flower --label-column species"),
            Shown("ingest --workspace lines flowers.jsonl --id-column flower --label-column species"),
            Shown("ingest --workspace parquet flowers.parquet --id-column flower --label-column species"),
            Shown("profile --workspace flowers"),
            Shown("analyze --workspace flowers", 8, 4),
            Shown("split --workspace flowers --name main --fractions train=0.8 test=0.2"),
            Shown("report --workspace flowers"),
        ),
    ),
    Part(
        "A clean dataset",
        "`select` says what each operation removed and why, `export` what it left out. The images themselves are never "
        "touched.",
        (
            Shown(
                "select --workspace boxes --name clean --operation drop_unreadable --operation drop_duplicates "
                "--operation drop_findings rules=blurry,dark"
            ),
            Shown("export --workspace boxes --selection clean --split main --format yolo --to clean_yolo"),
            Shown("export --workspace my_audit --format folder --to clean_folder"),
        ),
    ),
    Part(
        "Search, and snapshots",
        "",
        (
            Shown("search --workspace my_audit photos/eight/00009.jpg -k 3"),
            Shown("snapshot --workspace my_audit create before"),
            Shown("ingest --workspace my_audit monday"),
            Shown("profile --workspace my_audit --encoder hog_color"),
            Shown("snapshot --workspace my_audit create after"),
            Shown("snapshot --workspace my_audit list"),
            Shown("snapshot --workspace my_audit diff before after"),
            Shown("report --workspace my_audit --snapshot before --out before.html"),
        ),
    ),
    Part(
        "Files that are no images",
        "Each has a row of `unreadable_images` that says what the file is and what to do (below), and is in no clean "
        "selection.",
        (
            Shown("ingest --workspace broken odd"),
            Shown("analyze --workspace broken", 2),
            Shown("profile --workspace broken"),
            Shown("select --workspace broken --name clean --operation shuffle"),
            Shown("select --workspace broken --name clean --operation drop_unreadable"),
        ),
    ),
)
# Mistakes, each refused with one line and a hint. The words are those of a shell.
MISTAKES = (
    "profil --workspace my_audit",
    "profile --workspce my_audit",
    "profile --workspace my_audt",
    "profile --workspace my_audit --encoder hog",
    "analyze --workspace my_audit outlier",
    "analyze --workspace my_audit --set outliers.metod=iqr",
    "ingest --workspace my_audit phtos",
    "ingest --workspace new photos --glob '*.bmp'",
    "ingest --workspace new photos --dataset ''",
    "ingest --workspace new empty",
    "ingest --workspace new flowers.csv --id-column flower --label-column specis",
    "ingest --workspace new flowers.csv --label-column species",
    "split --workspace my_audit --name s --fractions train=0.7 test=0.2",
    "split --workspace boxes --name s --group-by camra",
    "select --workspace my_audit --name s --operation drop_duplicate",
    "select --workspace my_audit --name s --operation drop_findings rules=blury",
    "select --workspace my_audit --name s --operation classes keep=thre",
    "compare --workspace boxes --reference dataset=photo --current dataset=monday",
    "export --workspace my_audit --format folder --to clean_folder",
    "search --workspace broken photos/eight/00009.jpg",
    "snapshot --workspace my_audit diff before afer",
    "report --workspace my_audit --snapshot befor",
    "report --workspace nothing_yet",
    "run conf/dmo.toml",
)


def make_files(place: Path) -> None:
    """Make the images, tables and damaged files that the commands read."""
    from dataeval_spark.demo import make_demo_images

    demo = make_demo_images(place / "demo", count=IMAGES)
    for found, name in ((demo.source, "photos"), (demo.later_source, "monday")):
        shutil.move(found, place / name)
    for found, name in (
        (demo.annotations, "instances.json"),
        (demo.metadata, "metadata.csv"),
        (demo.later_annotations, "monday.json"),
        (demo.later_metadata, "monday.csv"),
    ):
        shutil.move(found, place / name)
    shutil.rmtree(place / "demo")
    (place / "empty").mkdir()
    _make_tables(place)
    _make_odd_files(place / "odd", next(path for path in sorted((place / "photos").rglob("*.jpg"))))


def _make_tables(place: Path) -> None:
    import pyarrow as pa
    import pyarrow.csv as csv
    import pyarrow.parquet as parquet
    from sklearn.datasets import load_iris

    iris = load_iris()
    columns = {
        name.removesuffix(" (cm)").replace(" ", "_"): iris.data[:, i] for i, name in enumerate(iris.feature_names)
    }
    species = [str(iris.target_names[target]) for target in iris.target]
    table = pa.table({"flower": [f"flower {n}" for n in range(len(species))], **columns, "species": species})
    csv.write_csv(table, place / "flowers.csv")
    parquet.write_table(table, place / "flowers.parquet")
    (place / "flowers.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in table.to_pylist()))


def _make_odd_files(odd: Path, photograph: Path) -> None:
    """Five good images, and one of each kind of file that is none."""
    odd.mkdir()
    data = photograph.read_bytes()
    for path in sorted(photograph.parent.glob("*.jpg"))[:5]:
        shutil.copy(path, odd / path.name)
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a2146" * 8 + b"\nsize 12345\n"
    files = {
        "zero.jpg": b"",
        "pointer.jpg": pointer,
        "page.jpg": b"<!DOCTYPE html>\n<html><head><title>Log in</title></head><body>Please log in</body></html>",
        "answer.jpg": b'{"error": "not found"}',
        "phone.jpg": b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
        "cut_in_its_header.jpg": data[:100],
        "truncated.jpg": data[: len(data) // 2],
        "note.jpg": b"remember to take photographs\n",
        "noise.jpg": bytes((7 * n * n + 13) % 251 for n in range(2000)),
        "metadata.jsonl": b'{"path": "zero.jpg", "site": "a"}\n{broken\n[1, 2]\n{"path": "gone.jpg", "site": "b"}\n',
    }
    for name, content in files.items():
        (odd / name).write_bytes(content)


def run(words: str, place: Path) -> str:
    """What a command prints, with the folder as it is shown."""
    script = f"cd {place} && exec {sys.executable} -m dataeval_spark.cli {words}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=_environment())
    text = (done.stdout + done.stderr).replace(str(place), SHOWN).rstrip()
    # Lines about work that takes long come when they come.
    return "\n".join(line for line in text.splitlines() if not re.match(r"\w+ +\d+ s(?:  |$)", line))


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "110"}


def shortened(text: str, shown: Shown) -> str:
    """The first and last lines of a text, and how many are left out between them.

    Examples
    --------
    >>> shortened("a\\nb\\nc\\nd", Shown("", 1, 1)).splitlines()
    ['a', '... (2 more lines)', 'd']
    """
    lines = text.splitlines()
    left_out = len(lines) - shown.first - shown.last
    if left_out <= 1:
        return text
    return "\n".join([*lines[: shown.first], f"... ({left_out} more lines)", *lines[len(lines) - shown.last :]])


def page(place: Path, tell: Callable[[str], object] = print) -> Iterator[str]:
    """The blocks of the page."""
    yield INTRO
    for part in PARTS:
        tell(part.title)
        yield f"## {part.title}" + (f"\n\n{textwrap.fill(part.text, WIDTH)}" if part.text else "")
        for shown in part.commands:
            tell(f"  {shown.command}")
            yield f"```console\n$ dataeval-spark {shown.command}\n{shortened(run(shown.command, place), shown)}\n```"
        if part.title == "Files that are no images":
            yield "\n".join(["| file | what its row says |", "|---|---|", *_unreadable(place)])
    tell("Mistakes")
    yield "## Mistakes\n\n" + textwrap.fill(
        "Each ends with one line and a hint that can be typed. Options, names of steps, rules and operations, and "
        "paths are checked before an engine starts; names of classes, parts, columns and snapshots need the workspace.",
        WIDTH,
    )
    yield "\n".join(["| command | what it says |", "|---|---|", *(mistake(words, place) for words in MISTAKES)])


def mistake(words: str, place: Path) -> str:
    """Row of a mistake: the words after the name of the program, and what it says."""
    return f"| `{words}` | {_cell(run(words, place))} |"


def _cell(text: str) -> str:
    """A text of several lines as a cell of a table."""
    return "<br>".join(f"`{line}`" for line in text.replace("|", "\\|").replace("`", "'").splitlines())


def _unreadable(place: Path) -> list[str]:
    """Rows of the table `unreadable_images`."""
    from deltalake import DeltaTable

    rows = DeltaTable(str(place / "broken" / "unreadable_images")).to_pyarrow_table().to_pylist()
    return [f"| {row['image_id']} | {_cell(row['message'])} |" for row in sorted(rows, key=lambda row: row["image_id"])]


def write(place: Path, path: Path = PAGE, tell: Callable[[str], object] = print) -> None:
    """Make the files in a folder, run the commands there, and write the page."""
    make_files(place)
    path.write_text("\n\n".join(page(place, tell)) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PAGE, metavar="FILE", help="Page to write.")
    parser.add_argument("--place", type=Path, metavar="DIR", help="New folder to keep; by default a temporary one.")
    args = parser.parse_args(argv)
    if args.place is not None:
        args.place.mkdir(parents=True)
        write(args.place.resolve(), args.out)
    else:
        with tempfile.TemporaryDirectory() as folder:
            write(Path(folder).resolve(), args.out)


if __name__ == "__main__":
    main()
