"""The demo set: the same each time, and each plant what it says it is."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dataeval_spark.demo import DemoFiles, Plant, make_demo_images, read_plants
from dataeval_spark.demo.plan import BAD_ANNOTATIONS, plants_for
from dataeval_spark.demo.scenes import CLASSES, SIDE
from dataeval_spark.errors import DataEvalError, OptionError
from dataeval_spark.kernels.formats.coco import parse_coco
from dataeval_spark.kernels.images.appearance import appearance
from dataeval_spark.kernels.images.blur import blur
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from dataeval_spark.kernels.images.hashes import phash
from dataeval_spark.kernels.images.value_range import luma

COUNT = 300


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return make_demo_images(tmp_path_factory.mktemp("demo"), count=COUNT, seed=7, processes=1)


@pytest.fixture(scope="module")
def plants(demo: DemoFiles) -> list[Plant]:
    return read_plants(demo.planted)


@pytest.fixture(scope="module")
def annotations(demo: DemoFiles) -> dict[str, list[dict]]:
    return boxes_of(demo.annotations)


def boxes_of(path: Path) -> dict[str, list[dict]]:
    document = json.loads(path.read_text())
    names = {image["id"]: image["file_name"] for image in document["images"]}
    found: dict[str, list[dict]] = {name: [] for name in names.values()}
    for annotation in document["annotations"]:
        found[names[annotation["image_id"]]].append(annotation)
    return found


def files_in(root: Path) -> list[str]:
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def of_kind(plants: list[Plant], kind: str) -> list[Plant]:
    return [plant for plant in plants if plant.kind == kind]


def natural(demo: DemoFiles, plants: list[Plant]) -> list[str]:
    return sorted(set(files_in(demo.source)) - {plant.path for plant in plants})


def pixels(demo: DemoFiles, path: str) -> np.ndarray:
    return decode((demo.source / path).read_bytes()).pixels


def blur_score(picture: np.ndarray) -> float:
    return 1 / (1 + blur(luma(picture)))


def low_information_score(picture: np.ndarray) -> float:
    return appearance(picture)["entropy_bits"] * 0.1


def dark_score(picture: np.ndarray) -> float:
    return appearance(picture)["perceived_brightness_p99"]


RULES = {"blank": (low_information_score, 0.3), "dark": (dark_score, 0.32), "blurred": (blur_score, 0.42)}


def test_one_process_and_two_write_the_same_bytes(tmp_path):
    for processes in (1, 2):
        make_demo_images(tmp_path / str(processes), count=40, seed=3, processes=processes)
    one, two = tmp_path / "1", tmp_path / "2"
    assert files_in(one) == files_in(two)
    assert [name for name in files_in(one) if (one / name).read_bytes() != (two / name).read_bytes()] == []


def test_a_failing_process_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(DataEvalError, match="Hint: processes=1"):
        make_demo_images(tmp_path, count=40, processes=2)


def test_another_seed_makes_other_images(tmp_path):
    sets = [make_demo_images(tmp_path / str(seed), count=40, seed=seed, processes=1) for seed in (1, 2)]
    assert sets[0].planted.read_text() != sets[1].planted.read_text()


def test_a_set_that_is_there_is_not_made_again(tmp_path):
    demo = make_demo_images(tmp_path, count=40, processes=1)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in files_in(tmp_path)}
    assert make_demo_images(tmp_path, count=40, processes=1) == demo
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in files_in(tmp_path)} == before


def test_a_set_of_other_options_is_replaced_and_other_files_stay(tmp_path):
    make_demo_images(tmp_path, count=40, processes=1)
    (tmp_path / "notes.txt").write_text("mine")
    demo = make_demo_images(tmp_path, count=50, processes=1)
    assert len(files_in(demo.source)) == 50
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_an_interrupted_set_is_made_again(tmp_path):
    demo = make_demo_images(tmp_path, count=40, processes=1)
    (tmp_path / "demo.json").rename(tmp_path / "elsewhere.json")
    (tmp_path / ".building").mkdir()
    next(demo.source.rglob("*.jpg")).unlink()
    assert len(files_in(make_demo_images(tmp_path, count=40, processes=1).source)) == 40
    assert not (tmp_path / ".building").exists()


def test_images_that_no_demo_made_are_not_replaced(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(OptionError, match="no finished demo set"):
        make_demo_images(tmp_path, count=40, processes=1)


@pytest.mark.parametrize("option", [{"count": 39}, {"seed": -1}, {"processes": 0}])
def test_an_option_out_of_range_is_refused(tmp_path, option):
    with pytest.raises(OptionError, match=next(iter(option))):
        make_demo_images(tmp_path, **{"count": 40, **option})


def test_the_set_holds_as_many_images_as_asked_for_and_all_are_annotated(demo, plants, annotations):
    files = files_in(demo.source)
    assert len(files) == COUNT
    missing = [p.path for p in of_kind(plants, "bad_annotation") if p.detail.startswith("missing_image")]
    assert sorted(annotations) == sorted([*files, *missing])
    assert len(files_in(demo.later_source)) == plants_for(COUNT)["later"]


def test_metadata_has_one_row_per_file_with_a_zoned_time(demo):
    with demo.metadata.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["path", "captured_at", "split", "scene", "camera", "exposure"]
    assert [row["path"] for row in rows] == files_in(demo.source)
    assert {row["captured_at"][:8] + row["captured_at"][-6:] for row in rows} == {"2026-03-+01:00"}
    assert {row["split"] for row in rows} == {"train", "test"}
    assert {row["scene"] for row in rows} == {"china", "flower"}
    assert {row["camera"] for row in rows} == {"compact", "phone", "tablet"}


def test_exposure_brightens(demo, plants):
    with demo.metadata.open(newline="") as file:
        exposure = {row["path"]: float(row["exposure"]) for row in csv.DictReader(file)}
    pairs = [(exposure[path], pixels(demo, path).mean()) for path in natural(demo, plants)]
    assert np.corrcoef(np.array(pairs).T)[0, 1] > 0.2


def test_exact_copies_have_the_bytes_of_their_originals(demo, plants):
    for plant in of_kind(plants, "exact_copy"):
        assert (demo.source / plant.path).read_bytes() == (demo.source / plant.other_path).read_bytes()


def test_reencoded_copies_look_alike_in_other_bytes(demo, plants):
    for plant in of_kind(plants, "reencoded_copy"):
        assert (demo.source / plant.path).read_bytes() != (demo.source / plant.other_path).read_bytes()
        difference = np.abs(pixels(demo, plant.path).astype(int) - pixels(demo, plant.other_path))
        assert difference.mean() < 12
        assert (difference.max() == 0) == plant.detail.startswith("PNG")


def test_resized_copies_have_another_size_and_scaled_boxes(demo, plants, annotations):
    for plant in of_kind(plants, "resized_copy"):
        side = pixels(demo, plant.path).shape[0]
        assert 64 <= side < SIDE
        original, copy = (annotations[path][0]["bbox"] for path in (plant.other_path, plant.path))
        assert copy == pytest.approx([value * side / SIDE for value in original], abs=0.01)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    """Large enough for weak plants."""
    return make_demo_images(tmp_path_factory.mktemp("larger"), count=1000, seed=7, processes=2)


@pytest.mark.parametrize("kind", RULES)
def test_a_faulty_picture_fires_its_rule_unless_it_is_weak(kind, larger):
    score, threshold = RULES[kind]
    planted = of_kind(read_plants(larger.planted), kind)
    fired = [plant for plant in planted if score(pixels(larger, plant.path)) < threshold]
    assert len(fired) >= 4
    assert [plant for plant in fired if plant.detail.startswith("weak")] == []


def test_no_rule_fires_on_natural_images(demo, plants):
    pictures = [pixels(demo, path) for path in natural(demo, plants)]
    for score, threshold in RULES.values():
        assert min(map(score, pictures)) > threshold
    assert max(appearance(picture)["perceived_brightness_p5"] for picture in pictures) < 0.95


def test_natural_images_have_different_perceptual_hashes(demo, plants):
    hashes = [phash(pixels(demo, path)) for path in natural(demo, plants)]
    assert len(set(hashes)) == len(hashes)


def test_truncated_images_are_unreadable(demo, plants):
    for plant in of_kind(plants, "truncated"):
        with pytest.raises(UnreadableImage):
            pixels(demo, plant.path)


def test_natural_images_are_readable_photographs(demo, plants):
    for path in natural(demo, plants):
        with Image.open(io.BytesIO((demo.source / path).read_bytes())) as image:
            assert (image.size, image.mode) == ((SIDE, SIDE), "RGB")
            assert image.format == {"jpg": "JPEG", "png": "PNG"}[path[-3:]]


def test_a_swapped_label_is_not_the_class_that_was_drawn(plants, annotations):
    for plant in of_kind(plants, "swapped_label"):
        label = CLASSES[annotations[plant.path][0]["category_id"] - 1]
        assert plant.detail.startswith(f"labelled {label}, is ")
        assert not plant.detail.endswith(f"is {label}")
        assert plant.path.startswith(f"{label}/")


def test_bad_annotations_give_exactly_their_findings(demo, plants):
    rows = list(parse_coco(demo.annotations.read_bytes()))
    names = {row["name"] for row in rows if row["element"] == "image"}
    found = sorted((row["kind"], row["name"]) for row in rows if row["element"] == "finding")
    found += [("missing_image", name) for name in sorted(names - set(files_in(demo.source)))]
    planted = [(plant.detail.partition(":")[0], plant.path) for plant in of_kind(plants, "bad_annotation")]
    assert sorted(found) == sorted(planted)
    assert {kind for kind, _ in planted} == set(BAD_ANNOTATIONS)


def test_boxes_of_good_annotations_surround_something_drawn(demo, plants, annotations):
    for path in natural(demo, plants):
        assert 1 <= len(annotations[path]) <= 3
        for annotation in annotations[path]:
            x, y, width, height = annotation["bbox"]
            assert 0 <= x < x + width <= SIDE
            assert 0 <= y < y + height <= SIDE
            assert pixels(demo, path)[y : y + height, x : x + width].std() > 5


def test_the_later_batch_is_darker_and_has_no_findings(demo, plants):
    later = [decode((demo.later_source / path).read_bytes()).pixels for path in files_in(demo.later_source)]
    main = [pixels(demo, path).mean() for path in natural(demo, plants)]
    assert np.mean([picture.mean() for picture in later]) / np.mean(main) == pytest.approx(0.66, abs=0.06)
    assert min(map(dark_score, later)) > 0.32
    assert [row for row in parse_coco(demo.later_annotations.read_bytes()) if row["element"] == "finding"] == []
    assert "2026-06-" in demo.later_metadata.read_text().splitlines()[1]
