"""Steps from decoded pixels to a model's input: part of the encoder, because other pixels give other vectors."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.images.value_range import ValueRange, picture, value_range

FILTERS = {name.lower(): value for name, value in Image.Resampling.__members__.items()}
CHANNEL_ORDERS = ("RGB", "BGR", "gray")
LAYOUTS = ("CHW", "HWC")
SIDECAR = ".preprocessing.toml"
MOST_RESIZED = 2**26
"""Pixels after the resize; of a longer strip only the middle is resized."""
MARGIN = 64
"""Pixels on each side of the crop, which the filter may see."""
Size = tuple[int, int]


@dataclass(frozen=True)
class Preprocessing:
    """Steps from an image to the input of a model. The defaults are those of most models trained on ImageNet.

    The steps are those of torchvision on Pillow images, to the last bit: 8-bit picture, resize, central crop (what
    the crop lacks is filled with 0), then ``(x / scale - mean) / std`` in float32.

    Attributes
    ----------
    resize : int or (height, width), optional
        Size after the resize; an integer is the length of the shorter side, None leaves the size as it is.
    interpolation : {"nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"}
        Name of Pillow's filter (with antialiasing).
    crop : int or (height, width), optional
        Size of the central crop; an integer stands for a square.
    scale : float
        Divisor of pixels of 0 to 255.
    mean, std : tuple of float
        Mean and standard deviation, one number per channel or one for all.
    channel_order : {"RGB", "BGR", "gray"}
        Channels that the model takes, in their order.
    layout : {"CHW", "HWC"}
        Axes of one image in the batch.

    Examples
    --------
    >>> Preprocessing(resize=(32, 32), crop=None).pixels(np.zeros((64, 48, 1), dtype=np.uint8)).shape
    (32, 32, 3)
    """

    resize: int | Size | None = 256
    interpolation: str = "bilinear"
    crop: int | Size | None = 224
    scale: float = 255.0
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    channel_order: str = "RGB"
    layout: str = "CHW"

    def __post_init__(self) -> None:
        OptionError.unless_one_of("preprocessing.interpolation", self.interpolation, tuple(FILTERS))
        OptionError.unless_one_of("preprocessing.channel_order", self.channel_order, CHANNEL_ORDERS)
        OptionError.unless_one_of("preprocessing.layout", self.layout, LAYOUTS)
        OptionError.unless_between("preprocessing.scale", self.scale, 1e-9, 1e9)
        for name in ("resize", "crop"):
            for side in np.atleast_1d(getattr(self, name) or 1):
                OptionError.unless_between(f"preprocessing.{name}", side, 1, 65_536)
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) not in (1, self.channels):
                raise OptionError(
                    f"preprocessing.{name} has {len(values)} numbers; expected 1 or {self.channels}, because "
                    f"channel_order is {self.channel_order!r}."
                )
        for value in self.std:
            OptionError.unless_between("preprocessing.std", value, 1e-9, 1e9)

    @property
    def channels(self) -> int:
        return 1 if self.channel_order == "gray" else 3

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any], where: str = "preprocessing") -> Preprocessing:
        """Read preprocessing from a mapping, such as a TOML table; missing entries have their defaults.

        Raises
        ------
        OptionError
            A name is unknown, or a value is not possible.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in values:
            OptionError.unless_one_of(f"{where}: a name", name, names)
        return cls(**{name: _plain(name, value, where) for name, value in values.items()})

    @classmethod
    def beside(cls, path: str) -> Preprocessing:
        """Read the file PATH.preprocessing.toml beside a model file; the defaults where there is none."""
        sidecar = Path(path + SIDECAR)
        if not sidecar.is_file():
            return cls()
        try:
            values = tomllib.loads(sidecar.read_text())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise OptionError(f"{sidecar} is not TOML: {error}.\nHint: its lines are like resize = 256") from error
        return cls.from_mapping(values, str(sidecar))

    def to_json(self) -> str:
        """JSON of all fields as one line, for records and versions."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    def pixels(self, pixels: NDArray[Any], encoded: ValueRange | None = None) -> NDArray[np.uint8]:
        """8-bit pixels of one image after resize and crop, not normalised yet: (height, width, 1 or 3)."""
        image = image_of(pixels, encoded).convert("L" if self.channel_order == "gray" else "RGB")
        if self.resize is not None:
            height, width = self.resized(image.height, image.width)
            if height * width > MOST_RESIZED:
                image = self._middle(image, height, width)
            elif (height, width) != (image.height, image.width):
                image = image.resize((width, height), FILTERS[self.interpolation])
        array = np.asarray(image)
        return _central(array if array.ndim == 3 else array[:, :, np.newaxis], self.crop)

    def _middle(self, image: Image.Image, height: int, width: int) -> Image.Image:
        """Part of a strip, which would become far too large, that the crop is taken from, resized."""
        if self.crop is None:
            raise ValueError(
                f"{width} x {height} pixels after the resize; without a crop the limit is {MOST_RESIZED} pixels"
            )
        tall, wide = (self.crop, self.crop) if isinstance(self.crop, int) else self.crop
        (top, kept_height), (left, kept_width) = _around(height, tall), _around(width, wide)
        across, down = image.width / width, image.height / height
        box = (left * across, top * down, (left + kept_width) * across, (top + kept_height) * down)
        return image.resize((kept_width, kept_height), FILTERS[self.interpolation], box=box)

    def resized(self, height: int, width: int) -> Size:
        """Size after the resize."""
        if not isinstance(self.resize, int):
            return self.resize or (height, width)
        if width <= height:
            return int(self.resize * height / width), self.resize
        return self.resize, int(self.resize * width / height)

    def normalized(self, batch: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers, in the model's layout, of a batch (number, height, width, channels) of 8-bit pixels."""
        ordered = batch[..., ::-1] if self.channel_order == "BGR" else batch
        values = ordered.astype(np.float32)
        values /= np.float32(self.scale)
        values -= np.asarray(self.mean, dtype=np.float32)
        values /= np.asarray(self.std, dtype=np.float32)
        return np.ascontiguousarray(values.transpose(0, 3, 1, 2)) if self.layout == "CHW" else values


def _around(length: int, crop: int) -> tuple[int, int]:
    """Start and length of the pixels needed for a central crop of a side."""
    if length <= crop + 2 * MARGIN:
        return 0, length
    return round((length - crop) / 2) - MARGIN, crop + 2 * MARGIN


def image_of(pixels: NDArray[Any], encoded: ValueRange | None = None) -> Image.Image:
    """The 8-bit picture of decoded pixels, gray or RGB, as a Pillow image.

    Bit depths other than 8 are scaled by the value range (of the whole image, where `encoded` gives it); where that
    is unknown, by the smallest and largest of these pixels.
    """
    encoded = value_range(pixels) if encoded is None else encoded
    if encoded is None:
        pixels, encoded = _stretched(pixels), ValueRange(1, 1.0)
    image = picture(pixels, encoded)
    return Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)


def _stretched(pixels: NDArray[Any]) -> NDArray[np.float64]:
    values = np.where(np.isfinite(pixels), pixels, np.nan).astype(np.float64)
    if np.isnan(values).all():
        return np.zeros_like(values)
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.zeros_like(values)


def _central(array: NDArray[np.uint8], crop: int | Size | None) -> NDArray[np.uint8]:
    if crop is None:
        return array
    height, width = (crop, crop) if isinstance(crop, int) else crop
    lacking = max(0, height - array.shape[0]), max(0, width - array.shape[1])
    if any(lacking):
        padding = [(lack // 2, lack - lack // 2) for lack in lacking]
        array = np.pad(array, (*padding, (0, 0)))
    top, left = round((array.shape[0] - height) / 2), round((array.shape[1] - width) / 2)
    return array[top : top + height, left : left + width]


def _plain(name: str, value: Any, where: str) -> Any:
    # TOML has lists; a frozen value has tuples.
    is_text = name in ("interpolation", "channel_order", "layout")
    numbers = value if isinstance(value, list | tuple) else [value]
    if is_text != isinstance(value, str) or not (is_text or all(type(n) in (int, float) for n in numbers)):
        raise OptionError(f"{where}: {name} is {value!r}; expected {'a text' if is_text else 'a number or numbers'}.")
    if name in ("mean", "std"):
        return tuple(float(number) for number in numbers)
    if name in ("resize", "crop"):
        if value == 0:
            return None  # TOML has no null
        if any(type(n) is not int for n in numbers) or len(numbers) > 2:
            raise OptionError(f"{where}: {name} is {value!r}; expected a side, or [height, width]; 0 leaves it out.")
        return value if isinstance(value, int) else tuple(value)
    return value
