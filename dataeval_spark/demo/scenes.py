"""Scenes: real handwritten digits, enlarged, on crops of real photographs.

The photographs (china.jpg, flower.jpg) and the scans of digits (UCI, 8 x 8) come with scikit-learn; nothing is
downloaded. A scene depends on the seed and its own number only, so that any process can render it.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 128
CLASSES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PHOTOGRAPHS = ("china", "flower")

CROP_SIDES = (128.0, 300.0)
# Mean grey-level step between neighbours, below which a crop is mostly sky or unsharp background. Such crops
# resemble one another and look blurred: they would be natural near-duplicates and findings nobody planted.
LEAST_TEXTURE = {"china": 10.0, "flower": 4.5}
CROP_TRIES = 60
MAIN_SIZES = (48, 76)
OTHER_SIZES = (26, 40)
# Gain of red, green and blue, standard deviation of the noise, JPEG quality.
CAMERAS: Mapping[str, tuple[tuple[float, float, float], float, int]] = {
    "compact": ((1.03, 1.0, 0.97), 3.0, 88),
    "phone": ((1.0, 1.0, 1.0), 2.0, 92),
    "tablet": ((0.95, 1.0, 1.05), 4.5, 84),
}
# Stops to gain of gamma-encoded values: 2^(1 / 2.2) would be exact for an ideal sensor, this keeps whites from burning.
EXPOSURE_TO_GAIN = 0.4


@dataclass(frozen=True)
class Ingredients:
    """Ingredients of scenes: photographs (RGB), 8 x 8 digits in [0, 1] and the class of each digit."""

    photographs: Mapping[str, NDArray[np.uint8]]
    digits: NDArray[np.float32]
    digit_classes: NDArray[np.int64]


@dataclass(frozen=True)
class Scene:
    """Content of a scene and its camera settings; `stream` keeps the numbers of two sets apart."""

    stream: int
    index: int
    class_index: int
    others: int
    photograph: str
    camera: str
    exposure: float
    captured_at: str
    split: str
    gain: float = 1.0


class LabelledBox(NamedTuple):
    """A digit in a scene: left, top, width and height in pixels, and its class."""

    x: int
    y: int
    width: int
    height: int
    class_index: int


def load_ingredients() -> Ingredients:
    """Load the photographs and digits that scikit-learn ships.

    Examples
    --------
    >>> load_ingredients().digits.shape
    (1797, 8, 8)
    """
    from sklearn.datasets import load_digits, load_sample_image

    digits = load_digits()
    return Ingredients(
        photographs={name: np.asarray(load_sample_image(f"{name}.jpg")) for name in PHOTOGRAPHS},
        digits=(digits.images / 16).astype(np.float32),
        digit_classes=np.asarray(digits.target),
    )


class Renderer:
    """Renderer of scenes from ingredients; it keeps values computed once per photograph."""

    def __init__(self, ingredients: Ingredients, seed: int) -> None:
        self._seed = seed
        self._photographs = {name: Image.fromarray(p) for name, p in ingredients.photographs.items()}
        # Every second pixel, for large crops: reducing them in one step would alias.
        self._halved = {name: image.reduce(2) for name, image in self._photographs.items()}
        self._texture = {name: _texture_sums(image) for name, image in self._photographs.items()}
        self._by_class = [ingredients.digits[ingredients.digit_classes == c] for c in range(len(CLASSES))]

    def rng(self, scene: Scene) -> np.random.Generator:
        """The generator of this scene's pixels."""
        return np.random.default_rng([self._seed, scene.stream, scene.index])

    def render(self, scene: Scene, rng: np.random.Generator) -> tuple[NDArray[np.uint8], list[LabelledBox]]:
        """Draw a scene before the camera's noise: (128, 128, 3) pixels and its boxes, the main digit's first."""
        canvas = np.asarray(self._crop(scene.photograph, rng), dtype=np.float32)
        canvas = _jitter(canvas, rng)
        boxes: list[LabelledBox] = []
        for position in range(1 + scene.others):
            class_index = scene.class_index if position == 0 else int(rng.integers(len(CLASSES)))
            glyphs = self._by_class[class_index]
            alpha = _glyph(glyphs[rng.integers(len(glyphs))], MAIN_SIZES if position == 0 else OTHER_SIZES, rng)
            place = _free_place(alpha.shape, boxes, rng)
            if place is not None:
                _ink(canvas, alpha, place, rng)
                boxes.append(LabelledBox(*place, alpha.shape[1], alpha.shape[0], class_index))
        gains, _, _ = CAMERAS[scene.camera]
        canvas *= np.array(gains, dtype=np.float32) * np.float32(scene.gain * 2 ** (EXPOSURE_TO_GAIN * scene.exposure))
        return np.clip(canvas, 0, 255).astype(np.uint8), boxes

    def _crop(self, name: str, rng: np.random.Generator) -> Image.Image:
        photograph, sums = self._photographs[name], self._texture[name]
        best, best_texture = None, -1.0
        for _ in range(CROP_TRIES):
            side, angle = rng.uniform(*CROP_SIDES), math.radians(rng.uniform(-25, 25))
            reach = side / 2 * (abs(math.cos(angle)) + abs(math.sin(angle)))
            reach = min(reach, photograph.height / 2)
            x = rng.uniform(reach, photograph.width - reach)
            y = rng.uniform(reach, photograph.height - reach)
            texture = _mean_in(sums, x, y, side)
            if texture > best_texture:
                best, best_texture = (x, y, side, angle), texture
            if texture >= LEAST_TEXTURE[name]:
                break
        assert best is not None
        return self._cut(name, *best, mirrored=bool(rng.integers(2)))

    def _cut(self, name: str, x: float, y: float, side: float, angle: float, *, mirrored: bool) -> Image.Image:
        halved = side > 1.5 * SIDE
        source = self._halved[name] if halved else self._photographs[name]
        step, unit = side / SIDE, 2.0 if halved else 1.0
        cos, sin = step * math.cos(angle) / unit, step * math.sin(angle) / unit
        sign, middle = -1.0 if mirrored else 1.0, SIDE / 2
        a, b, d, e = sign * cos, -sin, sign * sin, cos
        data = (a, b, x / unit - (a + b) * middle, d, e, y / unit - (d + e) * middle)
        return source.transform((SIDE, SIDE), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR)


def sensor_noise(pixels: NDArray[np.uint8], camera: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Add the camera's read noise, rounded and clipped to 8 bits."""
    _, sigma, _ = CAMERAS[camera]
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(sigma)
    return np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8)


def _texture_sums(photograph: Image.Image) -> NDArray[np.float64]:
    gray = np.asarray(photograph.convert("L"), dtype=np.float64)
    steps = np.zeros_like(gray)
    steps[:, 1:] += np.abs(np.diff(gray, axis=1))
    steps[1:] += np.abs(np.diff(gray, axis=0))
    return np.pad(steps / 2, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)


def _mean_in(sums: NDArray[np.float64], x: float, y: float, side: float) -> float:
    # The rotated crop is judged by its upright square: near enough to tell sky from leaves.
    left, right = max(int(x - side / 2), 0), min(int(x + side / 2), sums.shape[1] - 1)
    top, bottom = max(int(y - side / 2), 0), min(int(y + side / 2), sums.shape[0] - 1)
    total = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
    return float(total / ((right - left) * (bottom - top)))


def _jitter(canvas: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    contrast, saturation = rng.uniform(0.9, 1.15), rng.uniform(0.7, 1.25)
    tint = rng.uniform(0.93, 1.07, size=3).astype(np.float32)
    gray = (canvas @ np.full(3, 1 / 3, dtype=np.float32))[:, :, None]
    canvas = gray + (canvas - gray) * np.float32(saturation)
    return np.clip((canvas - 128) * np.float32(contrast) + 128, 0, 255) * tint


def _glyph(digit: NDArray[np.float32], sizes: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Enlarge a digit smoothly, tilt it, and cut it to its ink: the opacity of each pixel in [0, 1]."""
    size = int(rng.integers(*sizes))
    image = Image.fromarray(np.pad(digit, 1)).resize((size, size), Image.Resampling.BICUBIC)
    image = image.rotate(rng.uniform(-12, 12), Image.Resampling.BICUBIC)
    alpha = np.clip((np.asarray(image, dtype=np.float32) - np.float32(0.3)) / np.float32(0.35), 0, 1)
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 0.3), np.flatnonzero(alpha.max(axis=0) > 0.3)
    return alpha[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _free_place(shape: tuple[int, ...], boxes: list[LabelledBox], rng: np.random.Generator) -> tuple[int, int] | None:
    height, width = shape
    for _ in range(20):
        x, y = int(rng.integers(2, SIDE - width - 1)), int(rng.integers(2, SIDE - height - 1))
        if all(
            x >= box.x + box.width + 2
            or x + width + 2 <= box.x
            or y >= box.y + box.height + 2
            or y + height + 2 <= box.y
            for box in boxes
        ):
            return x, y
    return None


def _ink(
    canvas: NDArray[np.float32], alpha: NDArray[np.float32], place: tuple[int, int], rng: np.random.Generator
) -> None:
    x, y = place
    part = canvas[y : y + alpha.shape[0], x : x + alpha.shape[1]]
    light_behind = part.mean() > 118
    value = rng.uniform(0.12, 0.4) if light_behind else rng.uniform(0.88, 1.0)
    saturation = rng.uniform(0.3, 0.9) if light_behind else rng.uniform(0.1, 0.5)
    colour = 255 * np.array(colorsys.hsv_to_rgb(rng.uniform(), saturation, value), dtype=np.float32)
    opacity = alpha[:, :, None] * np.float32(rng.uniform(0.85, 1.0))
    part += (colour - part) * opacity
