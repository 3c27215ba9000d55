"""A value in place of its column is refused by the column's name."""

from __future__ import annotations

from dataeval_spark.option_checks.columns import value_for_column


def test_the_error_names_option_value_and_column():
    message, hint = str(value_for_column("split.stratify_by", "cat", "class_name")).splitlines()

    assert message == "split.stratify_by is 'cat', a value of class_name; expected the name of a column."
    assert hint == "Hint: split.stratify_by = 'class_name'"
