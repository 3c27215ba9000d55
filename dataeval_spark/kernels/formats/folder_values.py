"""Values in the names of folders, such as ``year=2024/day=7``, as Spark and Hive write the parts of a table."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote

NULL = "__HIVE_DEFAULT_PARTITION__"


def folder_values(path: str) -> dict[str, str | None]:
    """Values of the folders of a file.

    Parameters
    ----------
    path : str
        Path of the file from the folder of the table on, with forward slashes.

    Examples
    --------
    >>> folder_values("year=2024/place=New%20York/part-0.parquet")
    {'year': '2024', 'place': 'New York'}
    """
    pairs = (part.partition("=") for part in path.split("/")[:-1] if "=" in part)
    return {unquote(name): None if value == NULL else unquote(value) for name, _, value in pairs if name}


def folder_types(rows: Iterable[Mapping[str, str | None]]) -> dict[str, str]:
    """The narrowest type in Spark SQL that all values of a column have: int, bigint, double, date or string.

    Parameters
    ----------
    rows : iterable of dict
        Values by column: see `folder_values`.

    Examples
    --------
    >>> folder_types([{"year": "2024", "at": "2024-05-01"}, {"year": "2025", "at": "first"}])
    {'year': 'int', 'at': 'string'}
    """
    values: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row.items():
            values.setdefault(name, set()).update(() if value is None else (value,))
    return {name: _type(found) for name, found in values.items()}


def _type(values: set[str]) -> str:
    fits: dict[str, Callable[[str], bool]] = {
        "int": lambda value: _is_integer(value, 32),
        "bigint": lambda value: _is_integer(value, 64),
        "double": _is_number,
        "date": _is_date,
    }
    return next((type_ for type_, fit in fits.items() if values and all(map(fit, values))), "string")


def _is_integer(value: str, bits: int) -> bool:
    digits = value.removeprefix("-")
    return digits.isascii() and digits.isdigit() and -(2 ** (bits - 1)) <= int(value) < 2 ** (bits - 1)


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return "_" not in value and value == value.strip()


def _is_date(value: str) -> bool:
    try:
        datetime.date.fromisoformat(value)
    except ValueError:
        return False
    return len(value) == len("2024-05-01")
