"""Rows of an export as a task gets them, for the tests of what is written of them."""

from __future__ import annotations

import io
import json

from PIL import Image

SIZE = (61, 37)


def png(size=SIZE, **options):
    file = io.BytesIO()
    Image.new("RGB", size).save(file, options.pop("format", "PNG"), **options)
    return file.getvalue()


def target(corners, class_name="cat", **attributes):
    box = None if corners is None else dict(zip(("x0", "y0", "x1", "y1"), corners, strict=True))
    text = json.dumps(attributes) if attributes else None
    return {"class_name": class_name, "box": box, "is_crowd": False, "attributes": text}


def sample(targets, **others):
    row = {"number": 0, "name": "a.png", "copy": 0, "split": None, "uri": None, "content": png(), "weight_before": 0}
    row |= {"captured_us": None, "factors": None, "targets": targets, "unlabelled": 0, "lost": None}
    return {**row, "unreadable": None, **others}
