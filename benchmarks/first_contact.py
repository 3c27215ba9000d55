"""What a new user waits for, on both engines in one run: the demo, the same again, real photographs, single commands.

python benchmarks/first_contact.py [--runs 3] [--peers PYTHON] [--only-install]

Each figure is a process from its start to its end. Photographs are read from the folder `shared` beside the repository
where it is there. PYTHON is an interpreter with fastdup, cleanvision and imagededup; a peer that it lacks is named and
left out. The other goals of first contact are measured by the benchmarks of their parts: profile_job,
similarity_incremental, label_errors, splits, similarity_neighbors.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from importlib.metadata import Distribution, distributions
from pathlib import Path

from frame import RESULTS, Measured, Row, python, report, run

IMAGES = 2_300
DATA = "demo: 2,000 images and 300 later ones, 128 px, 2 cores"
ROOT = Path(__file__).resolve().parents[1]
PHOTOS = ROOT.parent / "shared" / "data"
FOLDERS = ("coco128/images", "imagenet_photos")
PEERS = """
import sys
from cleanvision import Imagelab
from imagededup.methods import PHash

if __name__ == "__main__":
    folder = sys.argv[1]
    Imagelab(data_path=folder).find_issues(n_jobs=2)
    PHash(verbose=False).find_duplicates(image_dir=folder, recursive=True)
"""
FASTDUP = """
import sys
import fastdup

if __name__ == "__main__":
    made = fastdup.create(work_dir=sys.argv[2], input_dir=sys.argv[1])
    made.run(overwrite=True, num_threads=2)
    made.vis.duplicates_gallery()
    made.vis.outliers_gallery()
    made.vis.stats_gallery(metric="blur")
"""


def command(*words: str) -> list[str]:
    return [str(Path(python()).with_name("dataeval-spark")), *words]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--only-install", action="store_true", help="measure the base install, keep the other rows")
    options = parser.parse_args()
    runs = options.runs
    if options.only_install:
        measured = install_row()
        report("first_contact", [*(row for row in written_rows() if row.name != measured.name), measured])
        return
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as scratch:
        for engine in ("embedded", "spark"):
            os.environ["DATAEVAL_SPARK_ENGINE"] = engine
            rows += demo_rows(engine, Path(scratch) / engine, runs if engine == "embedded" else 1)
            rows += photo_rows(engine, Path(scratch) / f"{engine}_photos", options.peers)
            if engine == "embedded":
                images = Path(scratch) / engine / "0" / "images" / "images"
                rows += fastdup_rows(images, Path(scratch) / "fastdup", options.peers)
    rows += [help_row(runs), install_row()]
    embedded = {row.name: row for row in rows if row.data.startswith("embedded")}
    for row in rows:
        peer = embedded.get(row.name)
        if row.data.startswith("spark") and peer is not None:
            peer.peer, peer.peer_seconds, peer.ratio = "the same on Spark", row.value, row.value / peer.value
    report("first_contact", rows)


def written_rows() -> list[Row]:
    """The rows of the last run."""
    names = {each.name for each in fields(Row)}
    texts = json.loads((RESULTS / "first_contact.json").read_text())
    return [Row(**{name: value for name, value in text.items() if name in names}) for text in texts]


def demo_rows(engine: str, place: Path, runs: int) -> list[Row]:
    """The demo from nothing, again with nothing new, and single commands on its workspace."""
    goals: dict[str, float | None] = {"demo": 25.0, "again": 5.0, "outliers": 3.0, "report": 3.0, "snapshot": 2.0}
    if engine == "spark":
        goals = dict.fromkeys(goals)
    made, again, outliers, unchanged, pinned = ([] for _ in range(5))
    for number in range(runs):
        workspace = str(place / str(number) / "workspace")
        made.append(run(command("demo", "--workspace", workspace)))
        again.append(run(command("demo", "--workspace", workspace)))
        threshold = f"outliers.threshold={3.0 + number / 10}"
        outliers.append(run(command("analyze", "--workspace", workspace, "outliers", "--set", threshold)))
        page = str(place / "report.html")
        run(command("report", "--workspace", workspace, "--out", page))
        unchanged.append(run(command("report", "--workspace", workspace, "--out", page)))
        pinned.append(run(command("snapshot", "--workspace", workspace, "create", f"s{number}")))
    tables = re.search(r"(\d+) tables pinned", pinned[0].output)
    return [
        row("the demo after set-up, all steps and the report", engine, made, goals["demo"]),
        row("the same again, nothing new", engine, again, goals["again"]),
        row("analyze outliers with another threshold", engine, outliers, goals["outliers"]),
        row("report that changes nothing", engine, unchanged, goals["report"]),
        row(f"snapshot create of {tables.group(1) if tables else '?'} tables", engine, pinned, goals["snapshot"]),
    ]


def photo_rows(engine: str, place: Path, peers: str) -> list[Row]:
    """Photographs from nothing to a report; against cleanvision and imagededup where they are installed."""
    folders = [PHOTOS / name for name in FOLDERS if (PHOTOS / name).is_dir()]
    if not folders:
        print(f"photographs: not measured, {PHOTOS} is not there")
        return []
    source = place / "photos"
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg")):
            target = source / folder.parent.name / file.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(file)
    count = sum(path.is_symlink() for path in source.rglob("*"))
    measured = to_report(source, place)
    goal = 12.0 if engine == "embedded" else None
    found = row(f"{count} photographs from nothing to a report", engine, [measured], goal, n=count)
    if engine != "embedded":
        return [found]
    name = "photographs against cleanvision + imagededup"
    return [found, *peer_rows(name, found, 2.0, "cleanvision + imagededup", [peers, script(place, PEERS), str(source)])]


def fastdup_rows(source: Path, place: Path, peers: str) -> list[Row]:
    """The demo's images, without its annotations, from nothing to a report; against fastdup and three galleries."""
    place.mkdir()
    count = sum(path.is_file() for path in source.rglob("*"))
    found = row(f"{count:,} images of the demo from nothing to a report", "embedded", [to_report(source, place)], None)
    found.n = count
    words = [peers, script(place, FASTDUP), str(source), str(place / "fastdup")]
    return [found, *peer_rows("images of the demo against fastdup and three galleries", found, 1.5, "fastdup", words)]


def to_report(source: Path, place: Path) -> Measured:
    """All steps on a folder of images, from nothing to a report."""
    conf = place / "run.toml"
    conf.write_text(
        f'workspace = "{place / "audit"}"\n[ingest]\nsource = "{source}"\n[profile]\nencoder = "thumbnail"\n'
        f'[report]\nout = "{place / "report.html"}"\n'
    )
    return run(command("run", str(conf)))


def script(place: Path, text: str) -> str:
    """A file with the text of a program: what starts processes of its own needs one."""
    path = place / "peer.py"
    path.write_text(text)
    return str(path)


def peer_rows(name: str, ours: Row, goal: float, peer: str, words: Sequence[str]) -> list[Row]:
    try:
        seconds = run(words).seconds
    except RuntimeError as error:
        print(f"{peer}: not measured, {str(error).strip().splitlines()[-1]}")
        return []
    made = Row(name, ours.data, ours.n, "ratio", ours.value / seconds, "x", "<=", goal)
    made.ours_seconds, made.peer, made.peer_seconds = ours.value, peer, seconds
    return [made]


def help_row(runs: int) -> Row:
    """The slowest of all help texts."""
    listed = run(command("--help")).output
    verbs = re.findall(r"^    (\w+) ", listed, re.MULTILINE)
    slowest = max(
        statistics.median(run(command(*words, "--help")).seconds for _ in range(runs)) for words in help_words(verbs)
    )
    return Row("help of any verb", f"{len(verbs)} verbs", len(verbs), "seconds", slowest, "s", "<=", 0.4)


def help_words(verbs: Sequence[str]) -> list[list[str]]:
    return [[], *([verb] for verb in verbs)]


def install_row() -> Row:
    """Gigabytes that the extra `embedded` brings to an empty environment, with bytecode, as pip leaves it there."""
    with tempfile.TemporaryDirectory() as place:
        run([python(), "-m", "venv", place])
        made = str(Path(place) / "bin" / "python")
        run([made, "scripts/install.py", "embedded"], cwd=ROOT)
        (site,) = Path(place).glob("lib/python*/site-packages")
        sizes = {found.name: installed_bytes(found) for found in distributions(path=[str(site)])}
        before = sum(file.stat().st_size for file in site.rglob("*.pyc"))
        # Like pip's, its failures do not matter: some packages have files of other versions of Python.
        subprocess.run([made, "-m", "compileall", "-q", str(site)], capture_output=True)
        bytecode = sum(file.stat().st_size for file in site.rglob("*.pyc")) - before
    for tool in ("pip", "setuptools", "uv"):
        sizes.pop(tool, None)
    # It is installed as a link to this folder.
    sizes["dataeval_spark"] = sum(
        file.stat().st_size for file in (ROOT / "dataeval_spark").rglob("*") if "__pycache__" not in file.parts
    )
    largest = sorted(((size, name) for name, size in sizes.items() if size > 5e7), reverse=True)
    made_of = f"extra embedded, Python {sys.version_info[0]}.{sys.version_info[1]}"
    total = (sum(sizes.values()) + bytecode) / 1e9
    found = Row("base install on disk", made_of, len(sizes), "size", total, "GB", "<=", 1.25)
    found.note = f"MB of packages above 50: {', '.join(f'{name} {size / 1e6:.0f}' for size, name in largest)}; "
    found.note += f"bytecode, which uv does not make: {bytecode / 1e6:.0f}"
    return found


def installed_bytes(found: Distribution) -> int:
    files = (Path(str(file.locate())) for file in found.files or () if file.suffix != ".pyc")
    return sum(file.stat().st_size for file in files if file.is_file())


def row(name: str, engine: str, measured: Sequence[Measured], goal: float | None, *, n: int = IMAGES) -> Row:
    seconds = [each.seconds for each in measured]
    value = statistics.median(seconds)
    return Row(
        *(name, f"{engine}; {DATA}" if n == IMAGES else f"{engine}; photographs", n, "seconds", value, "s", "<="),
        goal=goal,
        ours_seconds=value,
        peak_mb=max(each.peak_mb for each in measured),
        samples={"ours": seconds},
    )


if __name__ == "__main__":
    main()
