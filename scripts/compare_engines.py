"""Write the tables of a few data sets by both engines, and compare them row by row.

The data sets are the demo; coco128, photographs with boxes; and FairFace's labels and metadata, which have no images.
Numbers are equal to 12 digits, as logarithms of two libraries are. It exits with 1 where any table differs.

    scripts/compare_engines.py demo coco128 fairface
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from compare_workspaces import SKIPPED_COLUMNS, differences

ENGINES = ("embedded", "spark")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
COMMAND = [sys.executable, "-m", "dataeval_spark.cli.main"]
# Times at which the runs began are not of the data.
SKIPPED = (*SKIPPED_COLUMNS, "window")
DIGITS = 12

CONFIGURATIONS = {
    "coco128": """
[ingest]
source = "{data}/coco128/images"
annotations = "{data}/coco128/instances.json"
dataset = "coco128"

[profile]
encoder = "hog_color"

[neighbors]
per_target = true

[split]
name = "parts"

[select]
name = "few"
recipe = [{{operation = "drop_duplicates"}}, {{operation = "shuffle", seed = 1}}, {{operation = "limit", n = 50}}]

[compare]
reference = "assigned=parts/train"
current = "assigned=parts/test"
""",
    "fairface": """
[ingest]
source = "{data}/fairface_meta/labels.csv"
dataset = "fairface"
id_column = "file"
label_column = "race"

[split]
name = "parts"
stratify_by = ["class_name", "gender"]

[compare]
reference = "assigned=parts/train"
current = "assigned=parts/test"
steps = ["label_parity"]
""",
}
NAMES = ("demo", *CONFIGURATIONS)


def write(name: str, engine: str, place: Path) -> None:
    """Run all verbs on a data set; the workspace is a folder of that place."""
    if name == "demo":
        command = ["demo", "--workspace", str(place / "workspace")]
    else:
        file = place / f"{name}.toml"
        file.write_text(f'workspace = "{place / "workspace"}"\n' + CONFIGURATIONS[name].format(data=SHARED))
        command = ["run", str(file)]
    done = subprocess.run([*COMMAND, *command, "--engine", engine], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{name} on {engine} ended with {done.returncode}")


@contextmanager
def places(parent: Path | None) -> Iterator[Path]:
    """The folder that was asked for, or one that is removed afterwards."""
    if parent is not None:
        yield parent
        return
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def compared(name: str, parent: Path) -> bool:
    """Whether both engines write the same tables of a data set; prints a line for each table."""
    folders = [parent / name / engine for engine in ENGINES]
    for folder, engine in zip(folders, ENGINES, strict=True):
        folder.mkdir(parents=True)
        write(name, engine, folder)
    workspaces = [folder / "workspace" for folder in folders]
    replacements = [(str(folders[0]), str(folders[1]))]
    found = list(differences(*workspaces, replacements=replacements, skipped=SKIPPED, digits=DIGITS))
    print(f"{name:<26} {'embedded':>9} {'spark':>9}")
    for difference in found:
        print(difference)
    equal = sum(difference.is_equal for difference in found)
    print(f"{equal} of {len(found)} tables of {name} are equal", flush=True)
    return bool(found) and equal == len(found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*NAMES, ()], metavar="NAME", help=f"default: {' '.join(NAMES)}")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder for the workspaces, which stay there")
    args = parser.parse_args(arguments)
    names = args.names or NAMES
    if not SHARED.is_dir():
        print(f"Without {SHARED} only the demo is compared.")
        names = [name for name in names if name not in CONFIGURATIONS]
    with places(args.keep) as parent:
        results = [compared(name, parent) for name in names]
    return 0 if all(results) else 1


if __name__ == "__main__":
    raise SystemExit(main())
