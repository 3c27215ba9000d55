"""Profiling objects of a storage that answers late, against profiling the same files from disk, in alternating rounds.

python benchmarks/object_storage.py [--images 200] [--latency 20] [--rounds 5]

The storage is an S3-compatible server (localbucket) in a process of its own on loopback, which waits LATENCY
milliseconds before it answers a request. One process reads, decodes and measures; 8 reads at once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from frame import Row, report

CONCURRENCY = 8
GOAL = 0.8


def serve(root: str, latency: float) -> None:
    """Serve the buckets in a directory until the process is ended; prints the port."""
    from http.server import ThreadingHTTPServer

    import localbucket

    class Late(localbucket.S3Handler):
        data_root = Path(root)
        # Head and body are sent apart: without this, the second waits 40 ms for the first one's acknowledgement.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:  # noqa: N802
            time.sleep(latency)
            super().do_GET()

        def do_HEAD(self) -> None:  # noqa: N802
            time.sleep(latency)
            super().do_HEAD()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Late)
    print(server.server_port, flush=True)
    server.serve_forever()


def measure(uris: list[str], concurrency: int) -> float:
    """Seconds to read, decode and measure them."""
    from dataeval_spark.kernels.images.profile import profile_image
    from dataeval_spark.kernels.storage.files import read_file
    from dataeval_spark.kernels.storage.prefetch import read_ahead
    from dataeval_spark.kernels.storage.uris import is_remote

    started = time.perf_counter()
    for _, data in read_ahead(uris, read_file, is_slow=is_remote, concurrency=concurrency):
        if isinstance(data, Exception):
            raise data
        profile_image(data)
    return time.perf_counter() - started


def make_images(folder: Path, count: int) -> list[str]:
    from profile_job import make_images

    make_images(folder, 0, count)
    return sorted(path.name for path in folder.iterdir())


def compare(images: int, latency: float, rounds: int) -> list[object]:
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "box" / "images"
        names = make_images(folder, images)
        server = subprocess.Popen(
            [sys.executable, __file__, "--serve", root, "--latency", str(1000 * latency)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            port = server.stdout.readline().strip()
            os.environ |= {
                "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID": "benchmark",
                "AWS_SECRET_ACCESS_KEY": "benchmark",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
            local = [str(folder / name) for name in names]
            remote = [f"s3://box/images/{name}" for name in names]
            works = {
                "local": partial(measure, local, CONCURRENCY),
                "ahead": partial(measure, remote, CONCURRENCY),
                "in turn": partial(measure, remote, 1),
            }
            measure(local[:5], 1)  # compiles, or loads what is compiled
            samples: dict[str, list[float]] = {key: [] for key in works}
            for _ in range(rounds):
                for key, work in works.items():
                    samples[key].append(work())
        finally:
            server.terminate()
    return rows_of(images, latency, samples)


def rows_of(images: int, latency: float, samples: dict[str, list[float]]) -> list[object]:
    data = f"{images} JPEG of 500x375, {1000 * latency:g} ms before each answer"
    median = {key: statistics.median(seconds) for key, seconds in samples.items()}

    def row(name: str, key: str, goal: float | None, note: str) -> Row:
        ratio = median["local"] / median[key]
        kept = {"ours": samples[key], "peer": samples["local"]}
        return Row(
            *(name, data, images, "ratio", ratio, "x", ">=", goal, median[key], "local files", None, median["local"]),
            ratio=ratio,
            samples=kept,
            note=note,
        )

    rate = images / median["local"]
    return [
        row("objects, 8 reads at once", "ahead", GOAL, "obstore: one request for each object"),
        row("objects, one after the other", "in turn", None, "one read ahead"),
        Row("local files", data, images, "rate", rate, "1/s", samples={"ours": samples["local"]}),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--latency", type=float, default=20, metavar="MILLISECONDS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.latency / 1000)
        return
    rows = compare(options.images, options.latency / 1000, options.rounds)
    report("object_storage", rows)


if __name__ == "__main__":
    main()
