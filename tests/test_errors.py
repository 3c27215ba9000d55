"""Errors say what was found and expected, and end with a hint that can be typed."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import (
    ConfigError,
    EmbeddingError,
    HoldoutError,
    OptionError,
    PredictionError,
    SetupError,
    SparkMissingError,
    StepFailedError,
    TooManyRowsError,
    filling_command,
    first_line,
    spark_needed,
)

METHODS = ("zscore", "modzscore", "iqr")


def test_a_value_that_is_not_listed_gets_the_nearest_of_those_that_are():
    OptionError.unless_one_of("outliers.method", "iqr", METHODS)
    with pytest.raises(OptionError) as near:
        OptionError.unless_one_of("outliers.method", "Zscor", METHODS)
    with pytest.raises(OptionError) as far:
        OptionError.unless_one_of("outliers.method", "mean", METHODS)

    assert str(near.value) == (
        "outliers.method is 'Zscor'; expected one of ['zscore', 'modzscore', 'iqr'].\nHint: outliers.method = 'zscore'"
    )
    assert str(far.value).endswith("Hint: outliers.method = 'zscore'")


def test_a_name_of_which_the_workspace_has_none_is_no_choice():
    with pytest.raises(OptionError, match="split is 'main'; the workspace has none to choose from yet"):
        OptionError.unless_one_of("split", "main", [])


def test_both_ends_of_a_range_are_in_it():
    OptionError.unless_between("gallery.most", 1, 1, 200)
    OptionError.unless_between("gallery.most", 200, 1, 200)


@pytest.mark.parametrize(("value", "nearest"), [(0, 1), (200.5, 200)])
def test_a_value_out_of_range_gets_the_nearest_that_is_in_it(value, nearest):
    with pytest.raises(OptionError) as error:
        OptionError.unless_between("gallery.most", value, 1, 200)

    assert str(error.value) == (
        f"gallery.most is {value}; expected a number in [1, 200].\nHint: gallery.most = {nearest}"
    )


def test_an_unknown_name_gets_a_hint_only_where_one_is_near():
    near = ConfigError.unknown("step", "outlier", {"outliers", "neighbors"}, "--set")
    far = ConfigError.unknown("step", "xyz", {"outliers", "neighbors"}, "--set")

    assert str(near) == (
        "--set: unknown step 'outlier'; expected one of neighbors, outliers.\nHint: did you mean 'outliers'?"
    )
    assert str(far).endswith("expected one of neighbors, outliers.")


def test_no_more_than_five_images_are_named():
    message = str(EmbeddingError.not_finite([f"i{n}" for n in range(1205)]))

    assert message.startswith("The embedding of i0, i1, i2, i3, i4 and 1,200 more holds NaN")


def test_a_prediction_is_named_by_its_fault():
    too_many = PredictionError.of_row("a.jpg", 2, probabilities=4, classes=3)
    out_of_range = PredictionError.of_row("a.jpg", None, probabilities=3, classes=3)

    assert "'a.jpg' (target 2) has 4 probabilities; expected 3 in [0, 1]" in str(too_many)
    assert "has a probability that is not in [0, 1]" in str(out_of_range)


def test_steps_that_would_have_read_a_hold_out_are_named():
    message = str(HoldoutError.closed("main", "test", "opened once", ["balance", "parity"]))

    assert "(opened once so far). These steps would read its labels, and were not run: balance, parity." in message
    assert "Hint: --open-guarded REASON" in message


def test_only_rows_above_the_bound_are_refused():
    TooManyRowsError.unless_within("one row per factor", 2, 2)
    with pytest.raises(TooManyRowsError, match="1,001 rows came to the driver; expected one row per factor, at most 1"):
        TooManyRowsError.unless_within("one row per factor", 1001, 1000)


def test_an_error_of_many_lines_is_told_by_its_first():
    message = StepFailedError.from_error("outliers", [], ["outliers"], ValueError("\nno column\nstack\n"))

    assert str(message).startswith(
        "Step 'outliers' failed while reading nothing and writing outliers: no column\nHint:"
    )
    assert first_line(RuntimeError()) == "RuntimeError"
    assert first_line(RuntimeError(), "") == ""


@pytest.mark.parametrize(
    ("table", "command"),
    [
        ("images", "dataeval-spark ingest --workspace audit SOURCE"),
        ("factors", "dataeval-spark ingest --workspace audit SOURCE --metadata FILE"),
        ("hashes", "dataeval-spark profile --workspace audit"),
        ("split_assignments", "dataeval-spark split --workspace audit --name NAME"),
        ("outliers", "dataeval-spark analyze --workspace audit"),
    ],
)
def test_a_table_is_filled_by_a_command_that_can_be_typed(table, command):
    assert filling_command(table, "audit") == command


@pytest.mark.parametrize("name", ["pyspark", "pyspark.sql"])
def test_the_lack_of_spark_names_what_brings_it(name):
    with pytest.raises(SparkMissingError) as error, spark_needed():
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    assert isinstance(error.value, SetupError)
    assert isinstance(error.value, ImportError)  # who looks whether the package can be imported expects that
    assert str(error.value) == (
        f"Spark's Python package cannot be imported: No module named '{name}'.\n"
        "Hint: pip install 'dataeval_spark[embedded]', or for --engine spark, with Java: "
        "pip install 'dataeval_spark[spark]'"
    )


@pytest.mark.parametrize("name", ["pyspark_of_another", "torch", None])
def test_the_lack_of_something_else_stays_what_it_is(name):
    with pytest.raises(ModuleNotFoundError, match="something else"), spark_needed():
        raise ModuleNotFoundError("something else", name=name)


WORKER_ERROR = """
  An exception was thrown from the Python worker. Please see the stack trace below.
Traceback (most recent call last):
  File "a.py", line 1, in f
    g()
dataeval_spark.errors.EmbeddingError: lengths differ
Hint: profile again
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("An error occurred while calling o5.load.\n: java.io.IOException: No space left\n\tat org.x", "No space left"),
        ("org.apache.spark.SparkException: java.lang.RuntimeException: too long\nmore", "too long"),
        (WORKER_ERROR, "lengths differ"),
        ("[PATH_NOT_FOUND] Path does not exist: a.b. SQLSTATE: 42K03", "Path does not exist: a.b"),
        ("Job aborted: java.io.IOException: disk", "Job aborted: disk"),
        ("ValueError: of nobody", "ValueError: of nobody"),
        ("state of torch.nn.Linear: size mismatch", "state of torch.nn.Linear: size mismatch"),
    ],
)
def test_the_first_line_is_without_what_engines_put_before_it(text, line):
    assert first_line(Exception(text)) == line
