"""One thread that profiles images: rates against plain decoding, and against DataEval, in alternating rounds.

python benchmarks/profile_kernels.py [--rounds 5] [--dataeval PYTHON]

PYTHON is an interpreter that has dataeval 1.1.4; this one by default. All figures are CPU time of one process, so that
what else the machine does matters little.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent

PHOTOS = HERE.parent.parent / "shared" / "data" / "imagenet_photos" / "images"
COUNT = 24
SIZES = {"500x375": (500, 375), "128x128": (128, 128)}
PEER = "1.1.4"
BATCH_SECONDS = 0.3


def pictures(size: tuple[int, int]) -> list[bytes]:
    """JPEG files of one size, quality 90: photographs beside the repository, else crops of scikit-learn's two."""
    if PHOTOS.is_dir():
        sources = [Image.open(path).convert("RGB") for path in sorted(PHOTOS.iterdir())[:COUNT]]
    else:
        from sklearn.datasets import load_sample_image

        whole = [Image.fromarray(load_sample_image(name)) for name in ("china.jpg", "flower.jpg")]
        sources = [whole[i % 2].crop((5 * i, 3 * i, 640 - 3 * i, 427 - 2 * i)) for i in range(COUNT)]
    files = []
    for source in sources:
        file = io.BytesIO()
        source.resize(size, Image.Resampling.LANCZOS).save(file, "JPEG", quality=90)
        files.append(file.getvalue())
    return files


def seconds_per_image(work: Callable[[bytes], object], files: Sequence[bytes]) -> float:
    """CPU time; files are gone through until it can be measured well."""
    done, started = 0, time.process_time()
    while time.process_time() - started < BATCH_SECONDS:
        for data in files:
            work(data)
        done += len(files)
    return (time.process_time() - started) / done


def fastest_decoder(files: Sequence[bytes]) -> tuple[str, str, Callable[[bytes], object]]:
    """Name, version and function of the fastest one here; pixels must come out as RGB or BGR bytes."""
    import PIL

    found = [("Pillow", PIL.__version__, lambda data: np.asarray(Image.open(io.BytesIO(data))))]
    try:
        import cv2
    except ImportError:
        pass
    else:
        cv2.setNumThreads(1)
        found.append(("cv2", cv2.__version__, lambda data: cv2.imdecode(np.frombuffer(data, np.uint8), 1)))
    return min(found, key=lambda decoder: seconds_per_image(decoder[2], files))


class DataEval:
    """DataEval in a process of its own, which times itself a round at a time."""

    def __init__(self, python: str) -> None:
        # Its libraries are kept to one thread, as ours is.
        alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        self.process = subprocess.Popen(
            [python, __file__, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **alone},
        )
        self.version = self._answer()

    def round(self, folder: Path, d4: bool) -> float:
        print(folder, int(d4), file=self.process.stdin, flush=True)
        return float(self._answer())

    def _answer(self) -> str:
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("no DataEval in this interpreter: name one that has it with --dataeval")
        return line.strip()


def serve() -> None:
    """The other end of `DataEval`."""
    import warnings

    import dataeval
    from dataeval.core import compute_stats
    from dataeval.flags import ImageStats

    warnings.simplefilter("ignore")
    plain = ImageStats.ALL & ~(ImageStats.HASH_PHASH_D4 | ImageStats.HASH_DHASH_D4)
    print(dataeval.__version__, flush=True)
    for line in sys.stdin:
        folder, d4 = line.rsplit(maxsplit=1)
        files = [path.read_bytes() for path in sorted(Path(folder).iterdir())]
        flags = ImageStats.ALL if int(d4) else plain

        def measure(data: bytes, flags: ImageStats = flags) -> object:
            pixels = np.asarray(Image.open(io.BytesIO(data))).transpose(2, 0, 1)
            # per_channel is deprecated in 1.1; it is what gives the statistics of each channel that ours has.
            return compute_stats([pixels], stats=flags, per_channel=True, normalize_pixel_values=False)

        print(seconds_per_image(measure, files), flush=True)


def measure(name: str, files: Sequence[bytes], folder: Path, peer: DataEval | None, rounds: int) -> list[object]:
    from dataeval_spark.kernels.images.decoding.decode import decode
    from dataeval_spark.kernels.images.profile import profile_image

    decoder, version, decode_only = fastest_decoder(files)
    works = {"ours": profile_image, "decode": decode_only, "our decoding": decode}
    profile_image(files[0])  # compiles, or loads what is compiled
    samples: dict[str, list[float]] = {key: [] for key in (*works, "DataEval", "DataEval without D4")}
    for _ in range(rounds):
        for key, work in works.items():
            samples[key].append(seconds_per_image(work, files))
        if peer:
            samples["DataEval"].append(peer.round(folder, True))
            samples["DataEval without D4"].append(peer.round(folder, False))
    return rows_of(name, len(files), samples, (decoder, version), peer)


def rows_of(
    name: str, n: int, samples: dict[str, list[float]], decoder: tuple[str, str], peer: DataEval | None
) -> list[object]:
    from frame import Row

    source = "ImageNet photographs" if PHOTOS.is_dir() else "scikit-learn's two photographs"
    data = f"{source}, {name} JPEG, quality 90; CPU time, 1 thread"
    ours = statistics.median(samples["ours"])

    def row(title: str, goal: float, key: str, by: str, by_version: str, note: str) -> Row:
        theirs = statistics.median(samples[key]) if samples[key] else 0.0
        return Row(
            *(title, data, n, "ratio", theirs / ours, "x", ">=", goal),
            ours_seconds=ours,
            peer=by,
            peer_version=by_version,
            peer_seconds=theirs or None,
            ratio=theirs / ours,
            samples={"ours": samples["ours"], "peer": samples[key]},
            note=note,
        )

    missing = "" if peer else "not measured: DataEval is not installed (--dataeval PYTHON)"
    version = peer.version if peer else PEER
    everything = "all statistics, per channel too, xxhash, perceptual hashes"
    return [
        row(f"{name}: of decoding alone", 0.42, "decode", *decoder, "rate of profile_image / rate of decoding"),
        row(f"{name}: DataEval", 15, "DataEval", "dataeval", version, missing or f"{everything} with D4"),
        row(
            *(f"{name}: DataEval without D4", 15, "DataEval without D4", "dataeval", version),
            missing or f"{everything} without D4, which ours has nevertheless",
        ),
        Row(f"{name}: images per second", data, n, "rate", 1 / ours, "1/s", samples={"ours": samples["ours"]}),
        Row(
            *(f"{name}: our decoding", data, n, "ms", 1000 * statistics.median(samples["our decoding"]), "ms"),
            samples={"ours": samples["our decoding"]},
            note="simplejpeg, as Pillow gives it, upright",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dataeval", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        serve()
        return
    from frame import report

    try:
        peer = DataEval(options.dataeval)
    except RuntimeError as error:
        print(error)
        peer = None
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, size in SIZES.items():
            folder = Path(scratch) / name
            folder.mkdir()
            files = pictures(size)
            for number, data in enumerate(files):
                (folder / f"{number:03}.jpg").write_bytes(data)
            rows += measure(name, files, folder, peer, options.rounds)
    report("profile_kernels", rows)


if __name__ == "__main__":
    main()
