"""What `duplicates` finds at its defaults: writes benchmarks/results/duplicate_defaults.json.

The pairs of ciFAIR's test set were judged by people, but not all pairs were: a precision is a lower bound. Two halves
of the pairs and photographs (by a hash of their names) show how far figures go by the pairs at hand: limits were looked
for on the half "tuned" and then looked at with all pairs. Needs the shared folder with real data beside the repository.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import xxhash
from frame import Row, report
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.analyses.quality.duplicates import NOISE_BITS, duplicates
from dataeval_spark.kernels.encoders import load_encoder
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.session import engines
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import HASHES, IMAGE_STATS
from dataeval_spark.tables.similarity import NEIGHBORS

HERE = Path(__file__).resolve().parent

DATA = HERE.parents[1] / "shared" / "data"
Files = Mapping[str, bytes]
Pair = tuple[str, str]
HALVES = ("tuned", "held out")
K = 10
SIDE = 256


def half(name: str) -> str:
    return HALVES[xxhash.xxh3_64_intdigest(name.encode()) % 2]


def files(folder: str, pattern: str) -> Files:
    paths = sorted((DATA / folder).glob(pattern))
    return {f"{folder}/{path.relative_to(DATA / folder)}": path.read_bytes() for path in paths}


def judged() -> Mapping[Pair, int]:
    """The judgment of each pair: 1 the same shot, 2 another one."""
    with (DATA / "cifair_dups_dev" / "pairs.csv").open(newline="") as file:
        return {
            tuple(sorted(f"cifair_dups_dev/{row[end]}" for end in "ab")): int(row["judgment"])  # type: ignore[misc]
            for row in csv.DictReader(file)
        }


ALTERED: Mapping[str, Callable[[Image.Image], Image.Image]] = {
    "half the size": lambda image: image.resize((image.width // 2, image.height // 2)),
    "darker": lambda image: ImageEnhance.Brightness(image).enhance(0.8),
    "more contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.3),
    "JPEG of quality 30": lambda image: image,
    "5 % cut off": lambda image: image.crop(
        (image.width // 40, image.height // 40, image.width * 39 // 40, image.height * 39 // 40)
    ),
}


def altered(photographs: Files) -> tuple[Files, set[Pair]]:
    """Photographs of 256 pixels, every fourth with an altered copy, and the pairs that this makes."""
    found: dict[str, bytes] = {}
    pairs = set()
    for number, (name, data) in enumerate(photographs.items()):
        image = Image.open(io.BytesIO(data)).convert("RGB")
        image.thumbnail((SIDE, SIDE))
        found[name] = encoded(image, 92)
        if number % 4 == 0:
            kind = list(ALTERED)[number // 4 % len(ALTERED)]
            copy = f"{name} {kind}"
            found[copy] = encoded(ALTERED[kind](image), 30 if "JPEG" in kind else 92)
            pairs.add((name, copy))
    return found, pairs


def encoded(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def neighbors(pictures: Mapping[str, NDArray[np.uint8]], encoder: str) -> list[dict[str, object]]:
    """The exact graph of nearest neighbours."""
    loaded = load_encoder(encoder)
    names = list(pictures)
    vectors = loaded.embed([loaded.prepare(pictures[name]) for name in names]).astype(np.float64)
    squares = (vectors**2).sum(axis=1)
    distances = np.sqrt(np.maximum(squares[:, np.newaxis] + squares - 2 * vectors @ vectors.T, 0))
    np.fill_diagonal(distances, np.inf)
    same = {"encoder": encoder, "metric": "euclidean", "k": K, "method": "exact", "encoder_version": loaded.version}
    return [
        {
            **same,
            "image_id": names[one],
            "rank": rank + 1,
            "neighbor_id": names[other],
            "distance": float(distances[one, other]),
            "fingerprint": "",
        }
        for one in range(len(names))
        for rank, other in enumerate(np.argsort(distances[one], kind="stable")[:K])
    ]


def frame(spark: SparkSession, table: Table, rows: Sequence[Mapping[str, object]]) -> DataFrame:
    given = {"fingerprint": "", "run_id": "", "dataset": "d", "source": "s"}
    ddl = ", ".join(column.ddl(comments=False) for column in table.columns)
    return spark.createDataFrame(
        [tuple({**given, **row}.get(name) for name in table.column_names) for row in rows], ddl
    )


def found_pairs(spark: SparkSession, content: Files, encoder: str | None) -> tuple[set[Pair], set[str]]:
    """Pairs that `duplicates` lists at its defaults, and images that it leaves out."""
    profiles = {name: profile_image(data).image for name, data in content.items()}
    hashes = frame(spark, HASHES, [{"image_id": name, **found.hashes} for name, found in profiles.items()])
    stats = frame(spark, IMAGE_STATS, [{"image_id": name, **found.stats} for name, found in profiles.items()])
    images = frame(spark, IMAGES, [{"image_id": name, "uri": name} for name in profiles])
    graph = None
    if encoder:
        pictures = {name: np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for name, data in content.items()}
        graph = frame(spark, NEIGHBORS, neighbors(pictures, encoder))
    pairs, groups, thresholds, _ = duplicates(
        hashes, stats, images, None, graph, checkpoint=lambda made: made.localCheckpoint()
    )
    rows = pairs.where("kind != 'low_information'").select("image_id_a", "image_id_b").distinct().collect()
    listed = {(row["image_id_a"], row["image_id_b"]) for row in rows}
    members: dict[str, list[str]] = {}
    for row in groups.select("group_id", "image_id").collect():
        members.setdefault(row["group_id"], []).append(row["image_id"])
    print(
        encoder, [row.asDict() for row in thresholds.collect() if row["encoder"]], f"{len(members)} groups", flush=True
    )
    noisy = {
        name
        for name, found in profiles.items()
        if any((found.hashes[column] or 0) > most for column, most in NOISE_BITS.items())
    }
    return listed, noisy


def judged_rows(data: str, images: int, encoder: str | None, listed: set[Pair], truth: Mapping[Pair, int]) -> list[Row]:
    rows = []
    for part in (*HALVES, "all"):
        of_part = {pair for pair in listed if part in ("all", half(pair[0]))}
        wanted = {pair for pair, judgment in truth.items() if judgment == 1 and part in ("all", half(pair[0]))}
        hits = len(of_part & wanted)
        alike = sum(pair in truth for pair in of_part)
        name = f"{encoder or 'no encoder'}, {part}"
        note = f"{hits} of {len(wanted)} same-shot pairs; {len(of_part)} listed, {alike} judged same or very similar"
        goals = {"hog_color": (0.8, 0.7), None: (None, 0.7)}.get(encoder, (None, None))
        common = {"data": data, "n": images, "unit": "share", "direction": ">=", "note": note}
        rows.append(Row(name=name, measure="recall", value=hits / len(wanted), goal=goals[0], **common))
        listed_pairs = max(len(of_part), 1)
        rows.append(Row(name=name, measure="precision", value=alike / listed_pairs, goal=goals[1], **common))
        goal = goals[1] if part == "all" else None
        rows.append(Row(name=name, measure="precision, same shot", value=hits / listed_pairs, goal=goal, **common))
    return rows


def main() -> None:
    spark = engines.local("benchmark", cores=2)
    cifair, cifar = files("cifair_dups_dev", "images/**/*.jpg"), files("cifar10_small", "images/**/*.jpg")
    photographs = files("imagenet_photos", "images/*") | files("coco128", "images/**/*.jpg")
    truth, rows = judged(), []
    for encoder in ("hog_color", "thumbnail", None):
        listed, _ = found_pairs(spark, cifair, encoder)
        rows += judged_rows("cifair_dups_dev", len(cifair), encoder, listed, truth)
    listed, noisy = found_pairs(spark, cifar, "hog_color")
    common = {"data": "cifar10_small", "n": len(cifar), "note": "no pair was judged; most show the same thing"}
    rows.append(Row(name="hog_color", measure="listed pairs", value=len(listed), unit="pairs", **common))
    share = len(noisy) / len(cifar)
    rows.append(Row(name="left out", data="cifar10_small", n=len(cifar), measure="share", value=share, unit="share"))
    listed, noisy = found_pairs(spark, photographs, "hog_color")
    common = {"data": "imagenet_photos and coco128", "n": len(photographs)}
    rows.append(Row(name="hog_color", measure="listed pairs", value=len(listed), unit="pairs", goal=0, **common))
    for part in HALVES:
        of_part = [name for name in photographs if half(name) == part]
        share = sum(name in noisy for name in of_part) / len(of_part)
        rows.append(Row(name=f"left out, {part}", measure="share", value=share, unit="share", goal=0.01, **common))
    content, copies = altered(photographs)
    for encoder in ("hog_color", None):
        listed, _ = found_pairs(spark, content, encoder)
        common = {"data": "photographs with altered copies", "n": len(content), "unit": "share", "direction": ">="}
        note = f"{len(listed & copies)} of {len(copies)} copies; {len(listed)} pairs listed"
        name, hits = encoder or "no encoder", len(listed & copies)
        rows.append(
            Row(
                name=name,
                measure="recall",
                value=hits / len(copies),
                goal=0.9 if encoder else None,
                note=note,
                **common,
            )
        )
        rows.append(
            Row(name=name, measure="precision", value=hits / max(len(listed), 1), goal=0.95, note=note, **common)
        )
    report("duplicate_defaults", rows)
    spark.stop()


if __name__ == "__main__":
    main()
