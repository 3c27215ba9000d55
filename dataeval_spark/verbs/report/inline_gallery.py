"""Pictures of the rows of any DataFrame, as a notebook shows them."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame

from dataeval_spark.errors import OptionError
from dataeval_spark.session.bounded import bounded
from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.pictures import Card, card
from dataeval_spark.verbs.report.queries import collect_boxes
from dataeval_spark.verbs.report.thumbnails import collect_thumbnails
from dataeval_spark.verbs.text import number, shorten, words

MOST = 200
KEYS = ("image_id", "target_index")
PICTURE = "position:relative;display:inline-block;max-width:100%"
PLACES = ("left", "top", "width", "height")
TEXT = "font:12px sans-serif;overflow-wrap:anywhere"


@dataclass(frozen=True)
class Gallery:
    """Cards with pictures; a notebook shows them inline."""

    cards: tuple[Card, ...]

    def _repr_html_(self) -> str:
        items = "".join(f'<div style="width:160px">{_picture(each)}{_lines(each)}</div>' for each in self.cards)
        return f'<div style="display:flex;flex-wrap:wrap;gap:12px">{items}</div>'

    def __repr__(self) -> str:
        return f"Gallery of {len(self.cards)} images"


def gallery_of(rows: DataFrame, images: DataFrame | None, targets: DataFrame | None, *, most: int = 24) -> Gallery:
    """Pictures of the first rows, each with its other columns below and its box drawn where it is about one.

    Parameters
    ----------
    rows : DataFrame
        Column ``image_id``, optionally ``target_index``, and further columns, whose values are written below.
    images, targets : DataFrame, optional
        Tables of these names.
    most : int
        Number of rows to show, up to 200.

    Raises
    ------
    OptionError
        There is no column ``image_id``, or ``most`` is out of range.

    Examples
    --------
    >>> gallery_of(outliers.orderBy("score", ascending=False), images, targets)
    Gallery of 24 images
    """
    OptionError.unless_between("gallery.most", most, 1, MOST)
    if "image_id" not in rows.columns:
        raise OptionError(
            f"A gallery needs a column image_id; found {', '.join(rows.columns)}.\n"
            'Hint: audit.gallery(audit.table("outliers"))'
        )
    items = [{"target_index": None, **row.asDict()} for row in bounded(rows.limit(most), "the rows that are shown")]
    ids = tuple(dict.fromkeys(row["image_id"] for row in items))
    about = dict.fromkeys((row["image_id"], row["target_index"]) for row in items if row["target_index"] is not None)
    boxes = collect_boxes(targets, (), tuple(about))
    made = collect_thumbnails(images, ids)
    data = ReportData(thumbnails={image: picture for (image, _), picture in made.items()}, boxes=boxes)
    return Gallery(tuple(_card(data, row) for row in items))


def _card(data: ReportData, row: dict[str, Any]) -> Card:
    lines = [f"{words(name)}: {_text(value)}" for name, value in row.items() if name not in KEYS and value is not None]
    return card(data, row["image_id"], lines=lines, target_index=row["target_index"])


def _text(value: Any) -> str:
    if isinstance(value, int | float):
        return number(value)
    return shorten(", ".join(map(str, value)) if isinstance(value, list) else value, 60)


def _picture(each: Card) -> str:
    if not each.src:
        return f'<div style="{TEXT};height:80px">{html.escape(each.picture.reason)}</div>'
    marks = "".join(_rectangle(each, mark.x, mark.y, mark.width, mark.height) for mark in each.marks)
    return f'<div style="{PICTURE}"><img src="{each.src}" style="display:block;max-width:100%" alt="">{marks}</div>'


def _rectangle(each: Card, *corners: float) -> str:
    """Left, top, width and height in shares of the picture."""
    sides = (each.picture.full_width, each.picture.full_height) * 2
    shares = [f"{name}:{100 * value / side:.2f}%" for name, value, side in zip(PLACES, corners, sides, strict=True)]
    return f'<div style="position:absolute;border:2px solid #e4572e;box-sizing:border-box;{";".join(shares)}"></div>'


def _lines(each: Card) -> str:
    texts = [f"<code>{html.escape(each.name)}</code>", *map(html.escape, each.lines)]
    return f'<div style="{TEXT}">{"<br>".join(texts)}</div>'
