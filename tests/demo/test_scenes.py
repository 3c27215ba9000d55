"""Scenes of the demo: digits on photographs, the same for the same seed and number, whoever renders them."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from dataeval_spark.demo.scenes import CAMERAS, SIDE, Renderer, Scene, load_ingredients, sensor_noise

SCENE = Scene(
    stream=0,
    index=5,
    class_index=3,
    others=2,
    photograph="flower",
    camera="phone",
    exposure=0.0,
    captured_at="2026-03-02T08:00:00+01:00",
    split="train",
)


@pytest.fixture(scope="module")
def renderer():
    return Renderer(load_ingredients(), seed=7)


def rendered(renderer, scene):
    return renderer.render(scene, renderer.rng(scene))


def test_a_scene_depends_on_the_seed_and_its_own_number_alone(renderer):
    first, boxes = rendered(renderer, SCENE)
    rendered(renderer, replace(SCENE, index=6))
    again, same_boxes = rendered(Renderer(load_ingredients(), seed=7), SCENE)
    other, _ = rendered(Renderer(load_ingredients(), seed=8), SCENE)

    assert (first.shape, first.dtype) == ((SIDE, SIDE, 3), np.uint8)
    assert np.array_equal(first, again)
    assert boxes == same_boxes
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("index", range(8))
def test_digits_lie_in_the_picture_apart_from_one_another_the_main_one_first(renderer, index):
    _, boxes = rendered(renderer, replace(SCENE, index=index))

    assert boxes[0].class_index == SCENE.class_index
    assert 1 <= len(boxes) <= 3
    for box in boxes:
        assert box.x >= 2
        assert box.y >= 2
        assert max(box.x + box.width, box.y + box.height) < SIDE
    for a, b in combinations(boxes, 2):
        gaps = (b.x - a.x - a.width, a.x - b.x - b.width, b.y - a.y - a.height, a.y - b.y - b.height)
        assert max(gaps) >= 2


def test_exposure_and_gain_change_the_light_and_nothing_else(renderer):
    natural, boxes = rendered(renderer, SCENE)
    dark, same_boxes = rendered(renderer, replace(SCENE, gain=0.5))

    assert boxes == same_boxes
    assert np.abs(dark - natural * 0.5).max() <= 1
    assert rendered(renderer, replace(SCENE, exposure=0.8))[0].mean() > natural.mean()


@pytest.mark.parametrize("camera", CAMERAS)
def test_each_camera_has_its_own_noise(camera):
    flat = np.full((SIDE, SIDE, 3), 128, np.uint8)

    noisy = sensor_noise(flat, camera, np.random.default_rng(0))

    assert noisy.std() == pytest.approx(CAMERAS[camera][1], rel=0.03)
