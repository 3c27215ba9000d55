"""Facts of a file about its image besides the pixels: camera, capture time, compression, alpha, colour profile."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, cast

import numpy as np
from PIL import ExifTags, Image

ALPHA_MODES = ("LA", "La", "PA", "RGBA", "RGBa")
_TEXT_LENGTH = 100
# Annex K of ITU-T T.81, which the Independent JPEG Group's library scales by quality; row by row.
_LUMINANCE = np.array(
    [
        [16, 11, 10, 16, 24, 40, 51, 61],
        [12, 12, 14, 19, 26, 58, 60, 55],
        [14, 13, 16, 24, 40, 57, 69, 56],
        [14, 17, 22, 29, 51, 87, 80, 62],
        [18, 22, 37, 56, 68, 109, 103, 77],
        [24, 35, 55, 64, 81, 104, 113, 92],
        [49, 64, 78, 87, 103, 121, 120, 101],
        [72, 92, 95, 98, 112, 100, 103, 99],
    ]
).ravel()
_SUBSAMPLING = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1", (4, 2): "4:1:0"}


@dataclass(frozen=True)
class FileFacts:
    """Facts of one file; None where the file does not say.

    Attributes
    ----------
    captured_at : datetime or None
        EXIF DateTimeOriginal, else DateTimeDigitized, in UTC.
    camera_make, camera_model : str or None
        EXIF Make and Model, at most 100 characters.
    has_gps : bool
        EXIF holds a position.
    jpeg_quality : int or None
        Quality (1 to 100) of the Independent JPEG Group's library whose luminance table is nearest to the file's.
    chroma_subsampling : str or None
        Subsampling of a colour JPEG: 4:4:4, 4:2:2, 4:2:0 and so on.
    is_animated, has_alpha, has_icc_profile : bool
        More than one frame is shown in turn; some transparency; a colour profile is embedded.
    """

    captured_at: datetime | None = None
    camera_make: str | None = None
    camera_model: str | None = None
    has_gps: bool = False
    jpeg_quality: int | None = None
    chroma_subsampling: str | None = None
    is_animated: bool = False
    has_alpha: bool = False
    has_icc_profile: bool = False


def file_facts(image: Image.Image, zone: tzinfo = UTC) -> FileFacts:
    """Read the facts of an opened image, whose pixels need not be decoded yet.

    Metadata that cannot be read counts as absent: it must not lose the image.

    Parameters
    ----------
    image : PIL.Image.Image
        Image as `PIL.Image.open` gives it.
    zone : tzinfo
        Time zone of a capture time that has none of its own.

    Examples
    --------
    >>> file_facts(Image.new("RGBA", (2, 2))).has_alpha
    True
    """
    exif = _exif(image, zone) if "exif" in image.info or image.format in ("TIFF", "MPO") else {}
    return FileFacts(
        **exif,
        jpeg_quality=_quality_of(image),
        chroma_subsampling=_subsampling(image),
        is_animated=bool(getattr(image, "is_animated", False)) and image.format != "TIFF",
        has_alpha=image.mode in ALPHA_MODES or "transparency" in image.info,
        has_icc_profile=bool(image.info.get("icc_profile")),
    )


def _exif(image: Image.Image, zone: tzinfo) -> dict[str, Any]:
    try:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        position = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # malformed in any of the ways that Pillow knows
        return {}
    return {
        "captured_at": _capture_time(details, zone),
        "camera_make": _text(exif.get(ExifTags.Base.Make)),
        "camera_model": _text(exif.get(ExifTags.Base.Model)),
        # A version tag or an empty directory is no position.
        "has_gps": ExifTags.GPS.GPSLatitude in position and ExifTags.GPS.GPSLongitude in position,
    }


def _capture_time(details: dict[int, Any], zone: tzinfo) -> datetime | None:
    for time_tag, offset_tag in (
        (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
        (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    ):
        text = _text(details.get(time_tag))
        if text is None:
            continue
        try:
            local = datetime.strptime(text, "%Y:%m:%d %H:%M:%S").replace(
                tzinfo=_offset(details.get(offset_tag)) or zone
            )
            return local.astimezone(UTC)
        except (ValueError, OverflowError):  # all zeros, or free text
            continue
    return None


def _offset(value: Any) -> timezone | None:
    match = re.fullmatch(r"([+-])(\d\d):(\d\d)", str(value).strip("\0 "))
    if not match or int(match[2]) > 14 or int(match[3]) > 59:
        return None
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    return timezone(-offset if match[1] == "-" else offset)


def _text(value: Any) -> str | None:
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    if not isinstance(value, str):
        return None
    printable = "".join(c for c in value.split("\0", 1)[0] if c.isprintable()).strip()
    return printable[:_TEXT_LENGTH] or None


def _quality_of(image: Image.Image) -> int | None:
    tables = getattr(image, "quantization", None)
    if image.format not in ("JPEG", "MPO") or not tables:
        return None
    table = tables.get(0) or next(iter(tables.values()))
    return jpeg_quality(tuple(table)) if len(table) == _LUMINANCE.size else None


@functools.lru_cache(maxsize=256)
def jpeg_quality(table: tuple[int, ...]) -> int:
    """The quality whose standard luminance table is nearest to a JPEG's own.

    ``nearest`` is the least sum of absolute differences; of several the highest quality. Files that other encoders
    wrote with tables of their own get the standard quality they come closest to.

    Parameters
    ----------
    table : tuple of int
        Table of 64 quantization steps, row by row.

    Returns
    -------
    int
        1 to 100.

    Examples
    --------
    >>> jpeg_quality((1,) * 64)
    100
    """
    differences = np.abs(_standard_tables() - np.array(table)).sum(axis=1)
    return int(100 - np.argmin(differences[::-1]))


@functools.cache
def _standard_tables() -> Any:
    quality = np.arange(1, 101)[:, np.newaxis]
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    return np.clip((_LUMINANCE * scale + 50) // 100, 1, 255)


def _subsampling(image: Image.Image) -> str | None:
    layers = cast("list[tuple[int, int, int, int]]", getattr(image, "layer", None) or [])
    if image.format not in ("JPEG", "MPO") or len(layers) != 3:
        return None
    (_, h, v, _), (_, h1, v1, _), (_, h2, v2, _) = layers
    if (h1, v1) != (h2, v2) or not h1 or not v1 or h % h1 or v % v1:
        return None
    return _SUBSAMPLING.get((h // h1, v // v1), f"{h // h1}x{v // v1}")
