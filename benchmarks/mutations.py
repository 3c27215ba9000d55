"""Damaged images through the real profile: does the job survive, and what does it say of each?

python benchmarks/mutations.py [--count 10000] [--seed 0] [--engine spark]

Each image is a file of some format with flipped bits, overwritten numbers, a cut end, or parts of another file. All
choices follow from the seed. Writes benchmarks/results/mutations.json, where the rows of another engine stay; the
figures are in docs/reliability.md.
"""

from __future__ import annotations

import argparse
import functools
import io
import json
import os
import random
import struct
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent

SHARED = HERE.parent.parent / "shared" / "data"
# Numbers that lengths, counts and offsets in files are often compared with, as they are written.
EXTREMES = tuple(
    struct.pack(f"{order}{size}", number)
    for order in "<>"
    for size, numbers in (("H", (0, 1, 0x7FFF, 0x8000, 0xFFFF)), ("I", (0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1)))
    for number in numbers
)
IMAGES_PER_TASK = 500


@functools.cache
def originals() -> dict[str, bytes]:
    """Undamaged files by name: one drawing in every format that Pillow writes, and small real ones where there are."""
    from PIL import Image

    drawing = Image.radial_gradient("L").resize((96, 64))
    color = Image.merge("RGB", (drawing, drawing.rotate(90).resize((96, 64)), drawing.point(lambda v: 255 - v)))
    turned = Image.Exif()
    turned[0x0112] = 6
    made = {
        "baseline.jpg": (color, "JPEG", {"quality": 85}),
        "progressive.jpg": (color, "JPEG", {"progressive": True, "exif": turned}),
        "cmyk.jpg": (color.convert("CMYK"), "JPEG", {}),
        "gray.jpg": (drawing, "JPEG", {}),
        "color.png": (color, "PNG", {"exif": turned}),
        "palette.png": (color.quantize(16), "PNG", {"transparency": 0}),
        "wide.png": (drawing.convert("I;16"), "PNG", {}),
        "bits.png": (drawing.convert("1"), "PNG", {}),
        "alpha.png": (color.convert("RGBA"), "PNG", {}),
        "animation.png": (color, "PNG", {"save_all": True, "append_images": [color.rotate(9), color.rotate(30)]}),
        "animation.gif": (color, "GIF", {"save_all": True, "append_images": [color.rotate(9), color.rotate(30)]}),
        "still.gif": (drawing, "GIF", {}),
        "color.bmp": (color, "BMP", {}),
        "plain.tif": (color, "TIFF", {}),
        "lzw.tif": (color, "TIFF", {"compression": "tiff_lzw"}),
        "deflate.tif": (drawing, "TIFF", {"compression": "tiff_deflate"}),
        "jpeg.tif": (color, "TIFF", {"compression": "jpeg"}),
        "fax.tif": (drawing.convert("1"), "TIFF", {"compression": "group4"}),
        "float.tif": (drawing.convert("F"), "TIFF", {}),
        "pages.tif": (color, "TIFF", {"save_all": True, "append_images": [drawing, color]}),
        "lossy.webp": (color, "WEBP", {}),
        "lossless.webp": (color.convert("RGBA"), "WEBP", {"lossless": True}),
        "animation.webp": (color, "WEBP", {"save_all": True, "append_images": [color.rotate(9)]}),
        "color.jp2": (color, "JPEG2000", {}),
        "color.avif": (color, "AVIF", {}),
        "color.ppm": (color, "PPM", {}),
        "color.tga": (color, "TGA", {"compression": "tga_rle"}),
        "color.ico": (color, "ICO", {}),
        "color.icns": (color.resize((64, 64)), "ICNS", {}),
        "color.dds": (color.convert("RGBA"), "DDS", {}),
        "color.pcx": (color, "PCX", {}),
        "color.sgi": (color, "SGI", {}),
        "two.mpo": (color, "MPO", {"save_all": True, "append_images": [color]}),
    }
    files = {}
    for name, (image, file_format, options) in made.items():
        file = io.BytesIO()
        image.save(file, file_format, **options)
        files[name] = file.getvalue()
    return files | _real_ones()


def _real_ones() -> dict[str, bytes]:
    found = {}
    for folder in ("exif", "coco128", "bccd_voc"):
        paths = [path for path in (SHARED / folder).rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")]
        for path in sorted(paths, key=lambda path: (path.stat().st_size, path.name))[:6]:
            found[f"{folder}_{path.name}"] = path.read_bytes()
    return found


def mutants(count: int, seed: int = 0) -> Iterator[tuple[str, bytes]]:
    """So many damaged files: a name that says how each was made, and its bytes."""
    files = originals()
    names = sorted(files)
    damages = (flip_bits, overwrite, cut, splice, move_a_part)
    for index in range(count):
        chosen = random.Random(f"{seed}/{index}")
        name, other = names[index % len(names)], chosen.choice(names)
        data = bytearray(files[name])
        kinds = chosen.choices(damages, k=chosen.choice((1, 1, 2)))
        for damage in kinds:
            data = damage(data, files[other], chosen)
        how = "+".join(kind.__name__ for kind in kinds)
        yield f"{index:06}-{how}-{name}", bytes(data)


def flip_bits(data: bytearray, other: bytes, chosen: random.Random) -> bytearray:
    for _ in range(2 ** chosen.randrange(7)):
        if data:
            data[_place(data, chosen)] ^= 1 << chosen.randrange(8)
    return data


def overwrite(data: bytearray, other: bytes, chosen: random.Random) -> bytearray:
    for _ in range(chosen.randrange(1, 4)):
        number = chosen.choice(EXTREMES)
        place = _place(data, chosen)
        data[place : place + len(number)] = number
    return data


def cut(data: bytearray, other: bytes, chosen: random.Random) -> bytearray:
    return data[: chosen.randrange(len(data) + 1)]


def splice(data: bytearray, other: bytes, chosen: random.Random) -> bytearray:
    return data[: _place(data, chosen)] + other[chosen.randrange(len(other)) :]


def move_a_part(data: bytearray, other: bytes, chosen: random.Random) -> bytearray:
    start, length, target = _place(data, chosen), 2 ** chosen.randrange(12), _place(data, chosen)
    part = data[start : start + length]
    if chosen.random() < 0.5:
        del data[start : start + length]
    return data[:target] + part + data[target:]


def _place(data: bytearray, chosen: random.Random) -> int:
    """Half of the damage goes into the first 256 bytes, where headers are."""
    return chosen.randrange(max(1, min(len(data), 256 if chosen.random() < 0.5 else len(data))))


class WorkerMemory:
    """The largest resident memory of any Python worker of Spark or decoding child, looked at ten times a second."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> WorkerMemory:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for entry in os.listdir("/proc"):
                if entry.isdigit():
                    self.peak_mb = max(self.peak_mb, _worker_mb(Path("/proc") / entry))


def _worker_mb(process: Path) -> float:
    try:
        command = (process / "cmdline").read_bytes()
        if b"pyspark.daemon" not in command and b"isolated_child" not in command:
            return 0.0
        for line in (process / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except OSError:
        pass
    return 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--engine", choices=("embedded", "spark"), default="embedded")
    options = parser.parse_args()
    from dataeval_spark import Audit
    from dataeval_spark.errors import DataEvalError
    from dataeval_spark.tables.profile import IMAGE_STATS, UNREADABLE_IMAGES
    from dataeval_spark.tables.runs import RUNS

    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        size = 0
        for name, data in mutants(options.count, options.seed):
            (images / name).write_bytes(data)
            size += len(data)
        audit = Audit(f"{folder}/audit", engine=options.engine)
        audit.ingest(str(images), glob="*")
        started = time.perf_counter()
        with WorkerMemory() as memory, suppress(DataEvalError):  # a failure is counted below
            audit.profile()
        seconds = time.perf_counter() - started
        failures = audit.workspace.read(RUNS).where("status = 'failed' AND step IS NULL").count()
        readable = audit.workspace.read(IMAGE_STATS).count()
        unreadable = audit.workspace.read(UNREADABLE_IMAGES).select("stage", "error_class", "image_id").collect()
        audit.spark.stop()
    write(options.engine, options.count, failures, readable, unreadable, seconds, memory.peak_mb, size)


def write(engine, count, failures, readable, unreadable, seconds, peak_mb, size) -> None:
    from frame import RESULTS, Row, report

    data = f"{len(originals())} files of {count:,} damaged ones, {size / 2**20:.0f} MB"
    stages = Counter(row["stage"] for row in unreadable)
    classes = Counter(row["error_class"] for row in unreadable)
    lost = [row for row in unreadable if row["error_class"] in ("DecoderCrashed", "DecoderTimeout", "MemoryLimit")]

    def row(name, measure, value, unit="", direction="<=", goal=None, note=""):
        return Row(f"{engine}: {name}", data, count, measure, value, unit, direction, goal, note=note)

    earlier = json.loads((RESULTS / "mutations.json").read_text())
    others = [each for each in earlier if not each["name"].startswith(f"{engine}: ")]

    report(
        "mutations",
        [
            *(Row(**{key: value for key, value in each.items() if key != "met"}) for each in others),
            row("job failures", "count", failures, "jobs", goal=0),
            row("images with a row", "count", readable + len(unreadable), "images", ">=", count),
            row("read by the rules", "count", readable, "images"),
            *(row(f"unreadable: {stage}", "count", number, "images") for stage, number in sorted(stages.items())),
            *(
                row(name, "count", classes[name], "images")
                for name in ("DecoderCrashed", "DecoderTimeout", "MemoryLimit", "MemoryError")
            ),
            row(
                "peak memory of a worker",
                "peak",
                peak_mb,
                "MB",
                note="largest resident size of any process that decodes",
            ),
            row("images per second", "rate", count / seconds, "1/s", note="the profile command, start to end"),
        ],
    )
    for image in lost:
        print(image["error_class"], image["image_id"])


if __name__ == "__main__":
    main()
