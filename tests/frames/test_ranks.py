"""Positions against a sort, for any number of partitions."""

from __future__ import annotations

import numpy as np

from dataeval_spark.frames import ranks
from dataeval_spark.frames.ranks import positions

ROWS = "part string, id string, value double"


def test_positions_from_buckets_are_those_of_a_sort_by_value_and_id(frame, monkeypatch):
    monkeypatch.setattr(ranks, "SMALL_GROUP", 1)
    rng = np.random.default_rng(0)
    rows = [("a", f"i{at:03}", float(rng.integers(0, 40))) for at in range(300)]
    rows += [("b", f"i{at}", 1.0) for at in range(5)]  # one value alone

    found = positions(frame(ROWS, rows).repartition(5), ["part"], "value", ["id"])

    expected = set()
    for part in ("a", "b"):
        of_part = sorted((value, name) for group, name, value in rows if group == part)
        values = [value for value, _ in of_part]
        expected |= {(part, name, value, at, values.index(value)) for at, (value, name) in enumerate(of_part, start=1)}
    assert {tuple(row) for row in found.select("part", "id", "value", "position", "below").collect()} == expected


def test_the_largest_value_is_first_where_it_is_asked_for(frame, monkeypatch):
    rng = np.random.default_rng(1)
    rows = [("a", f"i{at:03}", float(value)) for at, value in enumerate(rng.integers(0, 40, 300))]
    expected = {name: at for at, (_, name) in enumerate(sorted((-value, name) for _, name, value in rows), start=1)}
    for small in (1, 1_000):
        monkeypatch.setattr(ranks, "SMALL_GROUP", small)
        found = positions(frame(ROWS, rows).repartition(5), ["part"], "value", ["id"], largest_first=True)
        assert {row["id"]: row["position"] for row in found.collect()} == expected


def test_zeros_are_equal_whatever_their_sign(frame, monkeypatch):
    rows = [("a", "i0", 0.0), ("a", "i1", -0.0), ("a", "i2", 0.0), ("a", "i3", -0.0), ("a", "i4", -1.0)]
    for small in (1, 1_000):
        monkeypatch.setattr(ranks, "SMALL_GROUP", small)
        for largest_first, first in ((False, 2), (True, 1)):
            found = positions(frame(ROWS, rows), ["part"], "value", ["id"], largest_first=largest_first)
            places = {row["id"]: row["position"] for row in found.collect()}
            assert [places[f"i{at}"] - first for at in range(4)] == [0, 1, 2, 3]


def test_no_rows_have_no_positions(frame):
    assert positions(frame(ROWS, []), ["part"], "value", ["id"]).collect() == []
