"""What encoders without a model find, and how fast: writes benchmarks/results/encoders.json.

Needs the shared folder with real data beside the repository.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scattering import scattering
from sklearn.datasets import load_digits

from dataeval_spark.kernels.encoders import load_encoder

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
RESULTS = Path(__file__).parent / "results" / "encoders.json"
Pictures = list[NDArray[np.uint8]]
Describe = Callable[[Pictures], NDArray[np.floating]]


def rows(folder: str, name: str) -> list[dict[str, str]]:
    with open(DATA / folder / name, newline="") as file:
        return list(csv.DictReader(file))


def pictures(folder: str, files: list[str], mode: str) -> Pictures:
    found = [np.asarray(Image.open(DATA / folder / file).convert(mode)) for file in files]
    return [each if each.ndim == 3 else each[:, :, np.newaxis] for each in found]


def small(images: Pictures) -> NDArray[np.float32]:
    """All as 32 x 32 RGB in 0..1."""
    shown = (Image.fromarray(each[:, :, 0] if each.shape[2] == 1 else each).convert("RGB") for each in images)
    return np.stack([np.asarray(each.resize((32, 32), Image.Resampling.BILINEAR)) for each in shown]) / np.float32(255)


def raw_pixels(images: Pictures) -> NDArray[np.floating]:
    return small(images).reshape(len(images), -1)


def scattered(scales: int, order: int, *, color: bool = False) -> Describe:
    def describe(images: Pictures) -> NDArray[np.floating]:
        pixels = small(images)
        planes = list(np.moveaxis(pixels, 3, 0)) if color else [pixels @ np.array([0.299, 0.587, 0.114], np.float32)]
        parts = [np.sqrt(np.maximum(scattering(plane, scales, order), 0)) for plane in planes]
        return np.concatenate([part.reshape(len(images), -1) for part in parts], axis=1)

    return describe


def encoded(name: str) -> Describe:
    encoder = load_encoder(name)
    return lambda images: encoder.embed([encoder.prepare(image) for image in images])


CANDIDATES: dict[str, Describe] = {
    "raw pixels, 32 × 32 RGB": raw_pixels,
    "`thumbnail`": encoded("thumbnail"),
    "`hog_color`": encoded("hog_color"),
    "scattering, gray, 2 octaves, order 1": scattered(2, 1),
    "scattering, gray, 2 octaves, order 2": scattered(2, 2),
    "scattering, gray, 3 octaves, order 2": scattered(3, 2),
    "scattering, RGB, 3 octaves, order 2": scattered(3, 2, color=True),
}


def similarities(vectors: NDArray[np.floating]) -> NDArray[np.float64]:
    """Cosines, and -9 of each with itself."""
    exact = vectors.astype(np.float64)
    lengths = np.linalg.norm(exact, axis=1, keepdims=True)
    exact /= np.where(lengths > 0, lengths, 1)
    cosines = exact @ exact.T
    np.fill_diagonal(cosines, -9)
    return cosines


def accuracy(vectors: NDArray[np.floating], labels: NDArray, is_train: NDArray[np.bool_] | None = None) -> float:
    """Share of images whose nearest neighbour (of the training part, where there is one) has their label."""
    cosines = similarities(vectors)
    if is_train is None:
        return float((labels[cosines.argmax(axis=1)] == labels).mean())
    return float((labels[is_train][cosines[~is_train][:, is_train].argmax(axis=1)] == labels[~is_train]).mean())


def same_shots(vectors: NDArray[np.floating], pairs: list[tuple[int, int]]) -> float:
    """Share of the pairs of which one image is the nearest of the other."""
    nearest = similarities(vectors).argmax(axis=1)
    return float(np.mean([nearest[a] == b or nearest[b] == a for a, b in pairs]))


def rate(describe: Describe, images: Pictures) -> float:
    """Images per second of CPU, the best of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        describe(images)
        times.append(time.process_time() - start)
    return len(images) / min(times)


def main() -> None:
    cifar_rows, fashion_rows = rows("cifar10_small", "labels.csv"), rows("fashion_sprite", "labels.csv")
    cifar = pictures("cifar10_small", [row["file"] for row in cifar_rows], "RGB")
    cifar_labels = np.array([row["clean_label"] for row in cifar_rows])
    is_train = np.array([row["split"] == "train" for row in cifar_rows])
    fashion = pictures("fashion_sprite", [row["file"] for row in fashion_rows], "L")
    fashion_labels = np.array([row["label"] for row in fashion_rows])
    digits = load_digits()
    digit_images = [np.clip(each * 16, 0, 255).astype(np.uint8)[:, :, np.newaxis] for each in digits.images]
    shot_files = [row["file"] for row in rows("cifair_dups_dev", "images.csv")]
    shots = pictures("cifair_dups_dev", shot_files, "RGB")
    index = {file: number for number, file in enumerate(shot_files)}
    pairs = [
        (index[row["a"]], index[row["b"]]) for row in rows("cifair_dups_dev", "pairs.csv") if row["judgment"] == "1"
    ]
    large = [np.asarray(Image.fromarray(each).resize((224, 224))) for each in cifar[:300]]
    found = {}
    for name, describe in CANDIDATES.items():
        vectors = describe(cifar)
        found[name] = {
            "dimension": vectors.shape[1],
            "cifar": accuracy(vectors, cifar_labels, is_train),
            "fashion": accuracy(describe(fashion), fashion_labels),
            "digits": accuracy(describe(digit_images), digits.target),
            "same_shots": same_shots(describe(shots), pairs),
            "images_per_second_32": rate(describe, cifar[:300]),
            "images_per_second_224": rate(describe, large),
        }
        r = found[name]
        print(
            f"| {name} | {r['dimension']:,} | {r['cifar']:.3f} | {r['fashion']:.3f} | {r['digits']:.3f} | "
            f"{r['same_shots']:.2f} | {r['images_per_second_32']:,.0f} | {r['images_per_second_224']:,.0f} |",
            flush=True,
        )
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
