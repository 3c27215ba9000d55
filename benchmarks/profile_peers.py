"""Two processes that profile images, against two that run cleanvision or imagededup on the same files.

python benchmarks/profile_peers.py [--images 2000] [--rounds 5] [--peers PYTHON]

PYTHON is an interpreter that has cleanvision and imagededup; this one by default. Each side's clock starts when its
libraries are loaded, and stops when the last score or hash is there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

SCORES = ("dark_score", "light_score", "low_information_score")


def hash_files(paths: list[str]) -> float:
    """Hashes alone: seconds for decoding files and hashing what they show."""
    from dataeval_spark.kernels.images.compiled.measure import perceptual_hashes
    from dataeval_spark.kernels.images.decoding.decode import decode
    from dataeval_spark.kernels.images.geometry import Window

    started = time.perf_counter()
    for path in paths:
        pixels = decode(Path(path).read_bytes()).pixels
        perceptual_hashes(pixels, Window(0, 0, pixels.shape[1], pixels.shape[0]))
    return time.perf_counter() - started


def hashes_in_two(folder: Path) -> float:
    paths = [str(path) for path in sorted(folder.iterdir())]
    with ProcessPoolExecutor(2) as pool:
        return max(pool.map(hash_files, [paths[i::2] for i in range(2)]))


def scores(folder: Path) -> dict[str, dict[str, float]]:
    """cleanvision's scores from our columns."""
    from dataeval_spark.kernels.images.profile import profile_image

    found = {}
    for path in sorted(folder.iterdir())[:200]:
        stats = profile_image(path.read_bytes()).image.stats
        found[path.name] = {
            "dark_score": stats["perceived_brightness_p99"],
            "light_score": 1 - stats["perceived_brightness_p5"],
            "low_information_score": min(stats["entropy_bits"] * 0.1, 1.0),
        }
    return found


class Peer:
    """cleanvision and imagededup in an interpreter of their own, which times itself."""

    def __init__(self, python: str) -> None:
        command = [python, __file__, "--worker"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.versions = self._answer()

    def ask(self, tool: str, folder: Path) -> dict:
        print(tool, folder, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        raise RuntimeError("no cleanvision or imagededup in this interpreter: name one that has them with --peers")


def serve() -> None:
    """The other end of `Peer`."""
    from importlib.metadata import version

    from cleanvision import Imagelab
    from imagededup.methods import DHash, PHash

    print("@" + json.dumps({name: version(name) for name in ("cleanvision", "imagededup")}), flush=True)
    for line in sys.stdin:
        tool, folder = line.split(maxsplit=1)
        folder, answer = folder.strip(), {}
        started = time.perf_counter()
        if tool == "cleanvision":
            kinds = ["dark", "light", "low_information", "odd_size", "odd_aspect_ratio", "blurry", "grayscale"]
            lab = Imagelab(data_path=folder, verbose=False)
            lab.find_issues({kind: {} for kind in kinds}, n_jobs=2, verbose=False)
            answer["seconds"] = time.perf_counter() - started
            table = lab.issues[[*SCORES]]
            answer["scores"] = {Path(str(name)).name: row.to_dict() for name, row in table.iterrows()}
        else:
            {"phash": PHash, "dhash": DHash}[tool](verbose=False).encode_images(image_dir=folder, num_enc_workers=2)
            answer["seconds"] = time.perf_counter() - started
        print("@" + json.dumps(answer), flush=True)


def measure(folder: Path, peer: Peer, n: int, rounds: int) -> list[object]:
    from frame import Row
    from profile_job import SIZE, plain

    seconds: dict[str, list[float]] = {}
    for _ in range(rounds):
        seconds.setdefault("ours", []).append(plain(folder, 2))
        seconds.setdefault("hashes", []).append(hashes_in_two(folder))
        answers = {tool: peer.ask(tool, folder) for tool in ("cleanvision", "phash", "dhash")}
        for tool, answer in answers.items():
            seconds.setdefault(tool, []).append(answer["seconds"])
    theirs = answers["cleanvision"]["scores"]
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    difference = max(abs(ours[name] - theirs[image][name]) for image, ours in scores(folder).items() for name in SCORES)
    data = f"{SIZE[0]}x{SIZE[1]} JPEG; 2 processes each side"

    def row(title: str, goal: float, ours: str, theirs: str, by: str) -> Row:
        return Row(
            *(title, data, n, "ratio", middle[theirs] / middle[ours], "x", ">=", goal),
            ours_seconds=middle[ours],
            peer=by,
            peer_version=peer.versions[by],
            peer_seconds=middle[theirs],
            ratio=middle[theirs] / middle[ours],
            samples={"ours": seconds[ours], "peer": seconds[theirs]},
        )

    return [
        row("whole profile / cleanvision", 6, "ours", "cleanvision", "cleanvision"),
        row("whole profile / phash alone", 1.2, "ours", "phash", "imagededup"),
        row("whole profile / dhash alone", 1.2, "ours", "dhash", "imagededup"),
        row("hashes / phash alone", 1.8, "hashes", "phash", "imagededup"),
        row("hashes / dhash alone", 1.8, "hashes", "dhash", "imagededup"),
        Row(
            *("scores against cleanvision", data, 200, "largest difference", difference, "", "<=", 1e-9),
            note=", ".join(SCORES),
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        serve()
        return
    from frame import report
    from profile_job import make_images

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "images"
        make_images(folder, 0, options.images)
        report("profile_peers", measure(folder, Peer(options.peers), options.images, options.rounds))


if __name__ == "__main__":
    main()
