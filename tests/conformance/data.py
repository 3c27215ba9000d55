"""Rows with all that engines may see differently: made from a seed, written as parquet, read by the engine under test."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

COUNT = 40
UTC = dt.UTC
NAN, INF = float("nan"), float("inf")
DOUBLES = [
    None,
    NAN,
    INF,
    -INF,
    0.0,
    -0.0,
    1.0,
    -1.5,
    2.5,
    0.1,
    1e7,
    1.0e-3,
    9.99e-4,
    123456.789,
    1e16,
    1e300,
    5e-324,
    -7.0,
    0.5,
]
MODERATE = [None, 1.0, 0.25, 2.0, 3.5, 10.0, 99.75, 0.1, 1e-6, 1234.5678, 0.999999]
INTS = [None, 0, 1, -1, 7, -7, 2147483647, -2147483648, 12, 1000]
LONGS = [None, 0, 1, -1, 2**53 + 1, 9223372036854775807, -9223372036854775807, 1000000, 946684799999999, -1500000]
STRINGS = [
    None, "", " ", "a", "A", "ab", "Zebra", "a_b_c", "100%", "straße", "ÅNGSTRÖM", "é", "é", "İstanbul", "漢字かな",
    "👍🏽 ok", "a\tb\nc", ' "quoted" ', "back\\slash", "'", "\u00a0x\u00a0", "x" * 3000, "%_", "null", "a|b", "\x00\x01", "/",
    "b\n", "a\rb", "\u2028x",
]  # fmt: skip
PATHS = [
    None, "", "a.jpg", "photos/cats/1.JPG", "photos//x.tar.gz", "/lake/b/c.png", "x/y/z", "dir.d/none", "zip.zip::in/1.png",
    "./a/b.txt", "C:\\x.png", "s3://bucket/k/ü.jpeg", "train/a/1.jpg", "val2017/2.jpg", "a/../b.png", ".hidden", "a/",
]  # fmt: skip
TEXTS = [
    None, "", "1", " 2 ", "-3", "+4", "007", "1.5", "1e3", "NaN", "Infinity", "-inf", "true", "FALSE", "x", "1,5", "0x10",
    "2147483648", "1.0", ".5", "1_000", "9" * 20, "t", "1d", "５",
]  # fmt: skip
TIMES_AS_TEXT = [
    None, "", "2024-03-10 02:30:00", "2024-03-10T02:30:00Z", "2024-11-03 01:30:00", "2024-01-02", "2024-1-2 3:4:5",
    "2024-02-30", "2024-06-01 12:00:00.123456", "2024-06-01T12:00:00+05:30", "2024-06-01 12:00:00 America/New_York",
    "1969-12-31 23:59:59.999999", "0001-01-01 00:00:00", "9999-12-31 23:59:59", "x", "2024", "2024-06", "12:30",
    "2024-06-01 24:00:00", "2024-06-01T12:00:00.1234567Z", " 2024-06-01 12:00:00 ", "2024:06:01 12:00:00",
    "2024-06-01 12:00", "2024-06-01T12:00:00-0530", "2024-06-01 12:00:00Z",
]  # fmt: skip
JSONS = [
    None, "", "{}", "[]", "null", '{"a": 1, "b": "x"}', '{"b": null}', '{"a": 1.5}', "[1, 2.5, null]", "[0.25, 0.75]", "{broken",
    '["x", "y"]', '["é", null]', '{"a": {"c": 2}, "A": 3}', "[NaN, 1]", '["1", 2]', "[1e400]", '{"ü": 1, "": 2}', " [1] ",
]  # fmt: skip
LOCAL_TIMES = [
    None, dt.datetime(2024, 3, 10, 2, 30), dt.datetime(2024, 3, 10, 1, 59, 59, 999999), dt.datetime(2024, 11, 3, 1, 30),
    dt.datetime(2024, 4, 7, 2, 30), dt.datetime(2024, 9, 29, 2, 30), dt.datetime(1970, 1, 1), dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
    dt.datetime(1900, 1, 1), dt.datetime(2000, 2, 29, 12), dt.datetime(2038, 1, 19, 3, 14, 8), dt.datetime(2024, 12, 31, 23, 59, 59),
    dt.datetime(1850, 6, 1, 12, 0, 0, 1),
]  # fmt: skip
HASHES = [None, "0" * 16, "f" * 16, "8000000000000000", "0123456789abcdef", "FEDCBA9876543210", "7fffffffffffffff"]

BOX = pa.struct(
    [("x0", pa.float64()), ("y0", pa.float64()), ("name", pa.string()), ("at", pa.struct([("k", pa.int32())]))]
)
ITEM = pa.struct([("name", pa.string()), ("n", pa.int64()), ("score", pa.float64())])
SCHEMA = pa.schema(
    [
        ("id", pa.int32()), ("g", pa.string()), ("n", pa.int32()), ("b", pa.bool_()), ("c", pa.bool_()),
        ("i", pa.int32()), ("j", pa.int32()), ("l", pa.int64()), ("d", pa.float64()), ("e", pa.float64()),
        ("p", pa.float64()), ("f", pa.float32()), ("m", pa.decimal128(20, 4)), ("s", pa.string()), ("u", pa.string()),
        ("path", pa.string()), ("text", pa.string()), ("when_text", pa.string()), ("json", pa.string()),
        ("hash", pa.string()), ("other", pa.string()), ("bin", pa.binary()), ("day", pa.date32()),
        ("at", pa.timestamp("us", tz="UTC")), ("local", pa.timestamp("us")), ("a", pa.list_(pa.float64())),
        ("ai", pa.list_(pa.int32())), ("az", pa.list_(pa.string())), ("aa", pa.list_(pa.list_(pa.int32()))),
        ("items", pa.list_(ITEM)), ("box", BOX), ("map", pa.map_(pa.string(), pa.int64())),
    ]
)  # fmt: skip


def write_data(folder: Path) -> str:
    """Write the rows to a parquet file; its path."""
    path = str(folder / "rows.parquet")
    pq.write_table(table(), path)
    return path


def table() -> pa.Table:
    """The rows: each odd value stands in some row, and values meet at random."""
    columns = {
        name: [None if value is None else value for value in _values(name)] for name in SCHEMA.names
    }  # each column has its own seed: a new one changes no other
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def _values(name: str) -> list[Any]:
    chance = random.Random(f"18 {name}")
    if name == "id":
        return list(range(COUNT))
    pool = _POOLS.get(name)
    if pool is not None:
        values = (pool * (COUNT // len(pool) + 1))[:COUNT]
        chance.shuffle(values)
        return values
    return [_MADE[name](chance) for _ in range(COUNT)]


def _array(chance: random.Random, pool: list[Any]) -> list[Any] | None:
    return None if chance.random() < 0.15 else [chance.choice(pool) for _ in range(chance.choice([0, 1, 2, 3, 5]))]


def _box(chance: random.Random) -> dict[str, Any] | None:
    if chance.random() < 0.25:
        return None
    inner = None if chance.random() < 0.3 else {"k": chance.choice(INTS)}
    return {
        "x0": chance.choice(DOUBLES),
        "y0": chance.choice(MODERATE),
        "name": chance.choice(STRINGS[:15]),
        "at": inner,
    }


def _item(chance: random.Random) -> dict[str, Any] | None:
    if chance.random() < 0.15:
        return None
    return {
        "name": chance.choice(STRINGS[:8]),
        "n": chance.choice([None, 1, 2, 3]),
        "score": chance.choice(DOUBLES[:12]),
    }


def _items(chance: random.Random) -> list[Any] | None:
    return None if chance.random() < 0.15 else [_item(chance) for _ in range(chance.choice([0, 1, 2, 4]))]


def _map(chance: random.Random) -> list[tuple[str, int | None]] | None:
    if chance.random() < 0.15:
        return None
    keys = chance.sample(["", "a", "B", "é", "漢", "k k"], chance.choice([0, 1, 2, 4]))
    return [(key, chance.choice([None, 0, 5, -(2**60)])) for key in keys]


def _instant(chance: random.Random) -> dt.datetime | None:
    seconds = chance.choice([0, 1710054000, 1710055800, 1730611800, -1, -2208988800, 951825600, 1712411999, 4102444799])
    made = dt.datetime(1970, 1, 1, tzinfo=UTC) + dt.timedelta(
        seconds=seconds, microseconds=chance.choice([0, 1, 999999])
    )
    return None if chance.random() < 0.1 else made


_POOLS: dict[str, list[Any]] = {
    "g": ["red", "red", "blue", None, "é", "blue", "red", "alone"],
    "n": [1, 2, None, 3, 5],
    "b": [True, False, None],
    "c": [None, False, True, True],
    "i": INTS,
    "j": [None, 1, 2, 3, -3],
    "l": LONGS,
    "d": DOUBLES,
    "e": MODERATE,
    "p": [None, 0.0, 0.25, 0.5, 1.0, 0.1, 0.9],
    "f": [None, 0.1, NAN, -0.0, 1.5, 16777216.0, 3.4e38, INF],
    "m": [None, *map(Decimal, ("0", "1.2345", "-1.2350", "9999999999999999.9999", "0.5", "2.5"))],
    "s": STRINGS,
    "u": STRINGS,
    "path": PATHS,
    "text": TEXTS,
    "when_text": TIMES_AS_TEXT,
    "json": JSONS,
    "hash": HASHES,
    "other": HASHES,
    "bin": [None, b"", b"\x00\xff", b"abc", bytes(range(256))],
    "local": LOCAL_TIMES,
    "day": [
        None,
        dt.date(1970, 1, 1),
        dt.date(1969, 12, 31),
        dt.date(2024, 2, 29),
        dt.date(1, 1, 1),
        dt.date(9999, 12, 31),
    ],
}
_MADE = {
    "at": _instant,
    "a": lambda chance: _array(chance, [*DOUBLES[:12], 3.0]),
    "ai": lambda chance: _array(chance, [None, 1, 2, 3, 2, -1]),
    "az": lambda chance: _array(chance, STRINGS[:16]),
    "aa": lambda chance: (
        None if chance.random() < 0.15 else [_array(chance, [None, 1, 2]) for _ in range(chance.choice([0, 1, 3]))]
    ),
    "items": _items,
    "box": _box,
    "map": _map,
}
