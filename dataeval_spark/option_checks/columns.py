"""Options that name a column: a value of it in its place gets an error that names the column."""

from __future__ import annotations

from dataeval_spark.errors import OptionError


def value_for_column(option: str, value: str, column: str) -> OptionError:
    """Refusal of a value, such as the name of a class, where the name of its column is expected.

    Examples
    --------
    >>> print(value_for_column("balance.label", "cat", "class_name"))
    balance.label is 'cat', a value of class_name; expected the name of a column.
    Hint: balance.label = 'class_name'
    """
    return OptionError(
        f"{option} is {value!r}, a value of {column}; expected the name of a column.\nHint: {option} = {column!r}"
    )
