"""Faults of pixels and files: each turns a good scene into a known bad one.

A *weak* fault is one that the product is expected to miss: it shows where the rules end.
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Pixels = NDArray[np.uint8]

_LUMA = np.array([0.241, 0.691, 0.068], dtype=np.float32)


def blank(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Replace a scene by one flat colour with a trace of noise; weak: by a smooth gradient, which has information.

    Examples
    --------
    >>> bool(blank(np.zeros((64, 64, 3), np.uint8), np.random.default_rng(0)).std(axis=(0, 1)).max() < 1)
    True
    """
    if weak:
        ramp = np.linspace(0, 1, pixels.shape[1], dtype=np.float32)[None, :, None]
        start, end = rng.uniform(30, 90, size=3), rng.uniform(140, 230, size=3)
        flat = np.broadcast_to(start + (end - start) * ramp, pixels.shape)
    else:
        gray = rng.uniform(2, 253)
        flat = np.broadcast_to(np.clip(gray + rng.uniform(-12, 12, size=3), 1, 254), pixels.shape)
    noise = rng.standard_normal(pixels.shape, dtype=np.float32) * np.float32(0.3)
    return np.clip(np.rint(flat + noise), 0, 255).astype(np.uint8)


def dark(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Underexpose a scene: its 99th percentile of perceived brightness goes to 0.1 to 0.26; weak: 0.36 to 0.42."""
    bright = float(np.percentile(np.sqrt(np.square(pixels, dtype=np.float32) @ _LUMA), 99)) / 255
    target = rng.uniform(0.36, 0.42) if weak else rng.uniform(0.10, 0.26)
    return (pixels * np.float32(min(1.0, target / max(bright, 1e-6)))).astype(np.uint8)


def blurred(pixels: Pixels, rng: np.random.Generator, *, weak: bool = False) -> Pixels:
    """Defocus a scene by 5 to 8 pixels, with its contrast restored and its corners darkened; weak: by 0.8 pixels.

    Without the vignette cleanvision's own rule would miss many: its edge filter takes a bright border for an edge.
    """
    image = Image.fromarray(pixels)
    if weak:
        return np.asarray(image.filter(ImageFilter.GaussianBlur(0.8)))
    soft = np.asarray(image.filter(ImageFilter.GaussianBlur(rng.uniform(5, 8))), dtype=np.float32)
    low, high = np.percentile(soft, (1, 99))
    soft = np.clip((soft - low) * (245 / max(high - low, 1)) + 5, 0, 255)
    return (soft * _vignette(soft.shape[0], soft.shape[1])).astype(np.uint8)


def _vignette(height: int, width: int) -> NDArray[np.float32]:
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return (1 / (1 + 0.9 * (x * x + y * y) ** 1.5))[:, :, None].astype(np.float32)


def truncated(data: bytes, rng: np.random.Generator, *, weak: bool = False) -> bytes:
    """Cut a file to 10 to 70 percent of its bytes; weak: cut its last two bytes only, which many readers forgive."""
    return data[:-2] if weak else data[: int(len(data) * rng.uniform(0.1, 0.7))]


def encode(pixels: Pixels | Image.Image, extension: str, *, quality: int = 90, level: int = 3) -> bytes:
    """Write pixels as the bytes of a JPEG (`jpg`) or PNG file.

    Examples
    --------
    >>> encode(np.zeros((8, 8, 3), np.uint8), "png")[:4]
    b'\\x89PNG'
    """
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    if extension == "jpg":
        image.save(buffer, "JPEG", quality=quality)
    else:
        image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def reencoded(data: bytes, extension: str, *, quality: int) -> bytes:
    """Decode a file and write it again: JPEG in the given quality, PNG without loss."""
    return encode(Image.open(io.BytesIO(data)), extension, quality=quality, level=9)


def resized(data: bytes, extension: str, *, side: int) -> bytes:
    """Decode a file, resize it to a square of `side` pixels and write it again."""
    image = Image.open(io.BytesIO(data)).resize((side, side), Image.Resampling.LANCZOS)
    return encode(image, extension, quality=75)
