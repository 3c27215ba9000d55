"""Cards of the galleries: a thumbnail, the marks over it, and the text below it."""

from __future__ import annotations

import math
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from dataeval_spark.kernels.images.thumbnails import TINY
from dataeval_spark.verbs.report.data import Box, ReportData, Thumbnail
from dataeval_spark.verbs.text import clean, listed, number, shorten

HUES = 6
# Pixels of the original in which a box without an inside is drawn.
THIN = 1.0
# Pictures of a few pixels are shown enlarged, by a whole factor, to about this size.
ENLARGED = 128
NO_PICTURE = Thumbnail(None, reason="no picture was made: the report shows a limited number")


@dataclass(frozen=True)
class Mark:
    """A rectangle over a picture, in pixels of the original."""

    x: float
    y: float
    width: float
    height: float
    label: str
    hue: int
    strong: bool


@dataclass(frozen=True)
class Card:
    """One picture of a gallery with its text; ``difference`` is a picture of its difference from another."""

    image_id: str
    name: str
    picture: Thumbnail
    src: str
    width: int
    height: int
    tiny: bool
    marks: tuple[Mark, ...] = ()
    lines: tuple[str, ...] = ()
    badge: str = ""
    tone: str = ""
    difference: str = ""

    @property
    def alt(self) -> str:
        drawn = f" with {len(self.marks)} boxes" if len(self.marks) > 1 else " with a box" if self.marks else ""
        return f"Image {self.name}{drawn}"


def card(
    data: ReportData,
    image_id: str,
    *,
    lines: Iterable[str] = (),
    badge: str = "",
    tone: str = "",
    target_index: int | None = None,
    all_boxes: bool = False,
    found: Box | None = None,
    difference: str = "",
) -> Card:
    """The card of an image: with the box of one target, with one that was found, with all its boxes, or with none."""
    picture = data.thumbnails.get(image_id, NO_PICTURE)
    if target_index is not None and not all_boxes:
        picture = data.crops.get((image_id, target_index), picture)
    boxes = [
        box for box in data.boxes.get(image_id, ()) if box.target_index == target_index or (all_boxes and picture.data)
    ]
    marks = tuple(mark for box in boxes if (mark := _mark(box, picture, box.target_index == target_index)))
    if found is not None and (mark := _mark(found, picture, True)):
        marks = (*marks, mark)
    tiny = 0 < max(picture.width, picture.height) <= TINY
    factor = max(1, ENLARGED // max(picture.width, picture.height)) if tiny else 1
    return Card(
        image_id=clean(image_id),
        name=shorten(image_id, 44),
        picture=picture,
        src=f"data:{picture.mime};base64,{b64encode(picture.data).decode()}" if picture.data else "",
        width=picture.width * factor,
        height=picture.height * factor,
        tiny=tiny,
        marks=marks,
        lines=tuple(clean(line) for line in lines if line),
        badge=badge,
        tone=tone,
        difference=difference,
    )


def label_counts(data: ReportData, image_id: str) -> str:
    """Classes of the boxes drawn over an image, as in ``3 × person, dog``."""
    counts = Counter(box.label or "unknown class" for box in data.boxes.get(image_id, ()))
    ranked = sorted(counts, key=lambda label: (-counts[label], label))
    return listed([f"{counts[label]} × {label}" if counts[label] > 1 else label for label in ranked], most=4)


def size_of_box(data: ReportData, image_id: str, target_index: int | None) -> str:
    """Size and place of a target's box; empty where it is not known."""
    box = next((box for box in data.boxes.get(image_id, ()) if box.target_index == target_index), None)
    return in_words(box) if box else ""


def in_words(box: Box) -> str:
    """Size and place of a box, as in ``12 × 0 pixels at 80, 90``."""
    width, height = number(round(box.x1 - box.x0, 1)), number(round(box.y1 - box.y0, 1))
    return f"{width} × {height} pixels at {number(round(box.x0, 1))}, {number(round(box.y0, 1))}"


def _mark(box: Box, picture: Thumbnail, strong: bool) -> Mark | None:
    """The part of a box that lies in the picture; None when nothing of it does.

    Of the box that a finding is about, one without an inside is drawn as a line or a point.
    """
    corners = (box.x0, box.y0, box.x1, box.y1)
    if not all(map(math.isfinite, corners)):
        return None
    xs, ys = [box.x0 - picture.left, box.x1 - picture.left], [box.y0 - picture.top, box.y1 - picture.top]
    if strong and (xs[1] <= xs[0] or ys[1] <= ys[0]):
        xs, ys = sorted(xs), sorted(ys)
        xs[1], ys[1] = max(xs[1], xs[0] + THIN), max(ys[1], ys[0] + THIN)
    left, right = (min(max(x, 0.0), picture.full_width) for x in xs)
    top, bottom = (min(max(y, 0.0), picture.full_height) for y in ys)
    if right <= left or bottom <= top:
        return None
    label = shorten(box.label if box.label is not None else "unknown class", 80)
    # crc32 and not hash(): the same class has the same colour in every report.
    hue = crc32(label.encode("utf-8", "replace")) % HUES
    x, y, width, height = (round(value, 2) for value in (left, top, right - left, bottom - top))
    return Mark(x, y, width, height, label, hue, strong)
