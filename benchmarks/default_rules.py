"""What the default rules list among clean photographs, and what they find of faults that are planted among them.

python benchmarks/default_rules.py --data FOLDER [--images 500]

FOLDER holds folders of photographs. Each figure is given for two halves of the pictures, by a hash of their names. The
limits were set on the first half; the second was looked at while the method was chosen, so that its figures are not
those of unseen pictures. Faults are made from pictures of the other half, eight of a kind, and laid among the clean
ones: for `outliers` one kind at a time, for `image_findings` all at once. "Before" are the defaults until they were
calibrated: `outliers.method = "modified_zscore"`, `image_findings.compat = "cleanvision"` and
`embedding_scores.method = "modified_zscore"`.
"""

from __future__ import annotations

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from frame import Row, report
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from dataeval_spark.kernels.encoders.hog_color import HogColor
from dataeval_spark.kernels.images.profile import profile_image
from dataeval_spark.kernels.images.value_range import EIGHT_BIT

SETS = {"imagenet_photos": "images/*", "coco128": "images/*", "cifar10_small": "images/*/*/*"}
HALVES = ("first half", "second half")
BUDGET = 0.02
PLANTS = 8
DEVIATIONS = (0.7, 1.0, 1.5, 2.5, 4.0)
NEAREST = 10
TRUE_CASES = {
    "000000000322.jpg": "taken at night",
    "000000000357.jpg": "a panorama, nearly 3 to 1",
    "000000000472.jpg": "a panorama, nearly 3 to 1",
    "n01496331_electric_ray.JPEG": "a halftone screen covers it",
    "n02356798_fox_squirrel.JPEG": "a tenth of the others' size",
    "n03825788_nipple.JPEG": "a tenth of the others' size",
}
"""Looked at: what the rule says of them is true. Gray pictures under `grayscale` are true too."""


def half_of(name: str) -> str:
    return HALVES[hashlib.sha256(name.encode()).digest()[0] & 1]


def bytes_of(picture: NDArray[Any] | Image.Image) -> bytes:
    if not isinstance(picture, Image.Image):
        picture = Image.fromarray(np.clip(np.rint(picture), 0, 255).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def faults(picture: Image.Image, random: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """One picture with each fault."""
    values = np.asarray(picture, np.float64)
    width, height = picture.size
    flat = np.full((height, width, 3), random.integers(20, 236))
    yield "dark", bytes_of(values * 0.15)
    yield "washed out", bytes_of(values * 0.15 + 215)
    yield "blurred", bytes_of(picture.filter(ImageFilter.GaussianBlur(3)))
    yield "noisy", bytes_of(values + random.normal(0, 35, values.shape))
    yield "blank", bytes_of(flat + random.normal(0, 0.3, flat.shape))
    yield "low contrast", bytes_of(values * 0.05 + random.integers(40, 200))
    yield "odd aspect ratio", bytes_of(picture.resize((2 * width, max(height // 3, 9))))
    yield "tiny", bytes_of(picture.resize((max(width // 6, 9), max(height // 6, 9))))
    yield "inverted", bytes_of(255 - values)


# The rule of image_findings that a fault is for; None: no rule is.
RULE_OF = {
    "dark": "dark",
    "washed out": "bright",
    "blurred": "blurry",
    "noisy": None,
    "blank": "low_information",
    "low contrast": None,
    "odd aspect ratio": "odd_aspect_ratio",
    "tiny": "odd_size",
    "inverted": None,
}


class Pictures:
    """Statistics of the clean pictures of one half of a set, and of faults made from the other half."""

    def __init__(self, name: str, half: str, files: list[Path]) -> None:
        self.name, self.half = name, half
        # Pictures of two folders may share a name.
        self.files = list({file.name: file for file in files if half_of(file.name) == half}.values())
        self.clean = {file.name: profile_image(file.read_bytes()).image.stats for file in self.files}
        self.faults: dict[str, dict[str, dict[str, Any]]] = {}
        others = [file for file in files if half_of(file.name) != half]
        for at, file in enumerate(others[:: max(len(others) // PLANTS, 1)][:PLANTS]):
            with Image.open(file) as opened:
                picture = opened.convert("RGB")
            for kind, data in faults(picture, np.random.default_rng(at)):
                self.faults.setdefault(kind, {})[f"{kind} {at}"] = profile_image(data).image.stats

    @property
    def data(self) -> str:
        return f"{self.name}, {self.half}"


def table(spark: Any, rows: list[dict[str, Any]]) -> Any:
    from dataeval_spark.tables.profile import IMAGE_STATS

    filled = [{"fingerprint": "", "run_id": "", **row} for row in rows]
    values = [tuple(row.get(name) for name in IMAGE_STATS.column_names) for row in filled]
    return spark.createDataFrame(values, IMAGE_STATS.ddl()).localCheckpoint()


def mixtures(pictures: Pictures) -> Iterator[tuple[str, dict[str, dict[str, Any]]]]:
    yield "", pictures.clean
    for kind, planted in pictures.faults.items():
        yield kind, {**pictures.clean, **planted}


def listed_by_outliers(spark: Any, every: list[Pictures], **options: Any) -> dict[tuple[str, str], set[str]]:
    """Listed images by data and kind of fault: each mixture is a class of its own, so that one run does for all."""
    from dataeval_spark.analyses.quality.outliers import outliers
    from dataeval_spark.tables.images import TARGETS

    rows, targets = [], []
    for pictures in every:
        for kind, images in mixtures(pictures):
            group = f"{pictures.data}|{kind}"
            for name, stats in images.items():
                rows.append({"image_id": f"{group}|{name}", "target_index": None, **stats})
                target = {
                    "image_id": f"{group}|{name}",
                    "target_index": 0,
                    "class_name": group,
                    "source": "",
                    "run_id": "",
                }
                targets.append(tuple(target.get(column) for column in TARGETS.column_names))
    targets = spark.createDataFrame(targets, TARGETS.ddl())
    found = outliers(table(spark, rows), targets, per_class=True, **options).select("image_id").distinct().collect()
    listed: dict[tuple[str, str], set[str]] = {}
    for row in found:
        data, kind, name = row.image_id.split("|")
        listed.setdefault((data, kind), set()).add(name)
    return listed


def listed_by_findings(spark: Any, pictures: Pictures, **options: Any) -> dict[str, dict[str, set[str]]]:
    """Listed images by rule, of the clean ones alone ("clean") and of these with all faults among them ("mixed")."""
    from dataeval_spark.analyses.quality.image_findings import image_findings

    planted = {name: stats for images in pictures.faults.values() for name, stats in images.items()}
    listed: dict[str, dict[str, set[str]]] = {}
    for mixture, images in (("clean", pictures.clean), ("mixed", pictures.clean | planted)):
        rows = [{"image_id": name, "target_index": None, **stats} for name, stats in images.items()]
        for row in image_findings(table(spark, rows), **options).collect():
            listed.setdefault(mixture, {}).setdefault(row.rule, set()).add(row.image_id)
    return listed


def listed_by_embeddings(spark: Any, pictures: Pictures, **options: Any) -> set[str]:
    from dataeval_spark.analyses.similarity.embedding_scores import embedding_scores
    from dataeval_spark.tables.similarity import NEIGHBORS

    encoder, names = HogColor(), list(pictures.clean)
    opened = [np.asarray(Image.open(file).convert("RGB")) for file in pictures.files]
    vectors = encoder.embed([encoder.prepare(pixels, EIGHT_BIT) for pixels in opened]).astype(np.float64)
    distances = 1 - vectors @ vectors.T
    np.fill_diagonal(distances, np.inf)
    rows = []
    for at, near in enumerate(np.argsort(distances, axis=1)[:, :NEAREST]):
        for rank, other in enumerate(near.tolist(), start=1):
            value = {"encoder": encoder.name, "metric": "cosine", "image_id": names[at]}
            value |= {"rank": rank, "neighbor_id": names[other], "distance": max(float(distances[at, other]), 0.0)}
            value |= {"k": NEAREST, "method": "exact", "encoder_version": "1", "fingerprint": "", "run_id": ""}
            rows.append(tuple(value.get(name) for name in NEIGHBORS.column_names))
    found = embedding_scores(spark.createDataFrame(rows, NEIGHBORS.ddl()), **options)
    return {row.image_id for row in found.where("is_outlier").select("image_id").collect()}


def clean_row(rule: str, pictures: Pictures, after: set[str], before: set[str], extra: str = "") -> Row:
    """Share of the clean pictures that a rule lists; true cases are named, not counted."""
    clean = set(pictures.clean)
    true = {name for name in after & clean if name in TRUE_CASES or pictures.clean[name]["is_grayscale"]}
    gray = sum(bool(pictures.clean[name]["is_grayscale"]) for name in true)
    named = "; ".join(f"{name}: {TRUE_CASES[name]}" for name in sorted(true) if name in TRUE_CASES)
    note = f"before: {len(before & clean)} of {len(clean)}; after: {len((after & clean) - true)}, and {len(true)} true"
    note += f" ({gray} gray{'; ' if named else ''}{named})" if true else ""
    value = len((after & clean) - true) / len(clean)
    goal = BUDGET if pictures.half == HALVES[1] else None
    return Row(rule, pictures.data, len(clean), "clean pictures listed", value, "share", "<=", goal, note=note + extra)


def found_row(rule: str, kind: str, pictures: Pictures, after: set[str], before: set[str], goal: float | None) -> Row:
    planted = set(pictures.faults[kind])
    note = f"before: {len(before & planted)} of {len(planted)}"
    value = len(after & planted) / len(planted)
    return Row(f"{rule}: {kind}", pictures.data, len(planted), "planted found", value, "share", ">=", goal, note=note)


def rules(spark: Any, every: list[Pictures]) -> Iterator[Row]:
    after = listed_by_outliers(spark, every)
    before = listed_by_outliers(spark, every, method="modified_zscore")
    for pictures in every:
        key = pictures.data
        yield clean_row("outliers", pictures, after.get((key, ""), set()), before.get((key, ""), set()))
        for kind in pictures.faults:
            goal = None if kind in ("noisy", "inverted") or pictures.half == HALVES[0] else 0.8
            found = (after.get((key, kind), set()), before.get((key, kind), set()))
            yield found_row("outliers", kind, pictures, *found, goal)
        now = listed_by_findings(spark, pictures)
        then = listed_by_findings(spark, pictures, compat="cleanvision")
        for rule in ("dark", "bright", "blurry", "low_information", "odd_aspect_ratio", "odd_size", "grayscale"):
            yield clean_row(
                rule, pictures, now.get("clean", {}).get(rule, set()), then.get("clean", {}).get(rule, set())
            )
        of_all = (set().union(*listed.get("clean", {}).values()) for listed in (now, then))
        yield clean_row("image_findings", pictures, *of_all)
        for kind, of in RULE_OF.items():
            if of:
                goal = 0.9 if pictures.half == HALVES[1] else None
                found = (now.get("mixed", {}).get(of, set()), then.get("mixed", {}).get(of, set()))
                yield found_row(of, kind, pictures, *found, goal)
        near = listed_by_embeddings(spark, pictures)
        yield clean_row(
            "embedding_scores", pictures, near, listed_by_embeddings(spark, pictures, method="modified_zscore")
        )


def area_above(clean: NDArray[np.float64], blurred: NDArray[np.float64]) -> float:
    """AUROC of a number that is larger for clean pictures."""
    from scipy.stats import rankdata

    ranks = rankdata(np.concatenate([clean, blurred]))
    n = len(clean)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * len(blurred)))


def blur(pictures: Pictures) -> Iterator[Row]:
    """How well the blur tells blurred pictures from clean ones, at each deviation of a Gaussian blur."""
    columns = ("blur", "noise", "sharpness", "blurriness")
    clean = {name: np.array([stats[name] for stats in pictures.clean.values()]) for name in columns}
    goal_of = pictures.half == HALVES[1]
    for deviation in DEVIATIONS:
        stats = []
        for file in pictures.files[:: max(len(pictures.files) // 50, 1)][:50]:
            with Image.open(file) as opened:
                picture = opened.convert("RGB").filter(ImageFilter.GaussianBlur(deviation))
            stats.append(profile_image(bytes_of(picture)).image.stats)
        blurred = {name: np.array([row[name] for row in stats]) for name in columns}
        areas = {name: area_above(clean[name], blurred[name]) for name in columns[1:]}
        ours = area_above(-clean["blur"], -blurred["blur"])
        least = max(areas["noise"], areas["sharpness"]) - 0.005
        goal = max(least, 0.95) if deviation >= 1 else least
        note = "; ".join(f"{name} {area:.3f}" for name, area in areas.items())
        name = f"blur of {deviation} pixels"
        yield Row(name, pictures.data, len(stats), "AUROC", ours, "", ">=", goal if goal_of else None, note=note)
        flagged = float(np.mean(1 / (1 + blurred["blur"]) < 0.42))
        goal = 0.9 if goal_of and deviation >= 2.5 else None
        yield Row(name, pictures.data, len(stats), "listed as blurry", flagged, "share", ">=", goal)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the folders of photographs")
    parser.add_argument("--images", type=int, default=500, help="pictures of each half of a set, at most")
    options = parser.parse_args()
    from dataeval_spark.session import engines

    every = []
    for name, pattern in SETS.items():
        files = sorted((options.data / name).glob(pattern), key=lambda file: hashlib.md5(file.name.encode()).digest())
        of_half = {half: [file for file in files if half_of(file.name) == half][: options.images] for half in HALVES}
        every += [Pictures(name, half, [*of_half[HALVES[0]], *of_half[HALVES[1]]]) for half in HALVES]
    spark = engines.local("default_rules")
    rows = [*rules(spark, every)]
    for pictures in every:
        rows += blur(pictures)
    report("default_rules", rows)


if __name__ == "__main__":
    main()
