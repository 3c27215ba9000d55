"""Members of a split, naming only what a test is about."""

from __future__ import annotations

MEMBERS = "image_id string, unit_id string, strata map<string, bigint>, captured_us bigint, previous string"


def members(frame, rows):
    """Rows are (image, unit, strata), and optionally a time and an earlier part; strata a name, a list or a map."""
    filled = []
    for image, unit, strata, *more in rows:
        if strata is None or isinstance(strata, str):
            strata = None if strata is None else {strata: 1}
        elif not isinstance(strata, dict):
            strata = {name: list(strata).count(name) for name in strata}
        filled.append((image, unit, strata, *more, *[None] * (2 - len(more))))
    return frame(MEMBERS, filled)


def parts(rows, repeat=0, fold=None):
    """Image to part."""
    return {row.image_id: row.split for row in rows.collect() if row.repeat == repeat and row.fold == fold}
