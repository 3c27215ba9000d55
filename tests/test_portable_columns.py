"""Forms of columns that each engine understands in its own way, without an error; docs/engines.md has the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.test_architecture import MODULES, is_name, name_of

INSTEAD = {
    "array_sort": "sort_array: nulls in the elements have one place in the order",
    "bround": "floor(x + 0.5)",
    "date_format": "a cast of a time without zone to string: the session's time zone must not matter",
    "isnan": "frames.finite: null is not NaN",
    "log1p": "frames.logarithms: 1e-17 is no zero",
    "percentile_approx": "frames.quantiles",
    "round": "floor(x + 0.5): ties of texts are not ties of numbers",
    "to_json": "numbers and xxhash64: each engine has its own texts of doubles and times",
    "try_divide": "frames.ratios",
    "weekday": "dayofweek",
    "zip_with": "transform, or arrays_zip",
}
"""Function to what is used instead."""
ALLOWED = {
    "isnan": {"frames/finite.py"},
    # Keys that are compared within one session, and values that a reader parses.
    "to_json": {"frames/ranks.py", "workspace/snapshots.py", "verbs/export/samples.py"},
}
OF_STRUCTS = {"min", "max", "array_min", "array_max", "greatest", "least"}
WITH_LAMBDA = {"aggregate", "exists", "filter", "forall", "transform", "reduce"}
KERNELS = {"mapInArrow", "mapInPandas"}


def calls(path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))


def functions(path) -> Iterator[tuple[str, ast.Call]]:
    """Calls of Spark's functions, with the function's name."""
    for call in calls(path):
        if isinstance(call.func, ast.Attribute) and is_name(call.func.value, "F"):
            yield call.func.attr, call


def is_struct(node: ast.AST) -> bool:
    is_function = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and is_name(node.func.value, "F")
    return is_function and node.func.attr in {"struct", "named_struct"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_uses_functions_that_differ(path):
    found = {name for name, _ in functions(path) if name in INSTEAD and name_of(path) not in ALLOWED.get(name, ())}

    assert {name: INSTEAD[name] for name in found} == {}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_least_of_structs_is_taken_with_an_order(path):
    # Of structs with null fields, one engine gives any; min_by takes an order without nulls.
    found = [call.lineno for name, call in functions(path) if name in OF_STRUCTS and any(map(is_struct, call.args))]

    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_orders_are_turned_around_by_a_subtraction(path):
    # -NaN is the smallest number to one engine, and -0.0 smaller than 0.0; `F.lit(0) - x` is neither.
    orders = [call.args[1] for name, call in functions(path) if name in {"min_by", "max_by"}]
    negated = [node for order in orders for node in ast.walk(order) if isinstance(node, ast.UnaryOp)]

    assert not [node.lineno for node in negated if isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Call)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_formats_take_texts_and_whole_numbers(path):
    # %f and %g round and pad in each engine's way: frames.number_texts.
    of_formats = [call.args[0] for name, call in functions(path) if name in {"format_string", "printf"}]
    texts = [node.value for format in of_formats for node in ast.walk(format) if isinstance(node, ast.Constant)]
    letters = {letter for text in texts for letter in re.findall(r"%[-+#0 ,(<\d.$]*([a-zA-Z%])", str(text))}

    assert letters <= {"s", "d", "%"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sql_asks_whether_a_value_is_null_before_it_asks_for_nan(path):
    texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
    of_nan = [text for text in texts if isinstance(text, str) and "isnan(" in text]

    assert not [text for text in of_nan if not re.search(r"(\w+) IS NOT NULL AND NOT isnan\(\1\)", text)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_kernels_give_null_structs_null_fields(path):
    found = {call.func.attr for call in calls(path) if isinstance(call.func, ast.Attribute)} & KERNELS

    assert not found or name_of(path) == "frames/batches.py"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_unions_say_the_type_of_columns_that_a_side_lacks(path):
    # frames.unions
    assert not [call.lineno for call in calls(path) if any(key.arg == "allowMissingColumns" for key in call.keywords)]


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_conditions_have_no_lambda_functions(path):
    # The embedded engine finds none of their columns in a scan: a kernel, or a stored column.
    conditions = [call for call in calls(path) if isinstance(call.func, ast.Attribute) and call.func.attr == "where"]
    nodes = [node for call in conditions for argument in call.args for node in ast.walk(argument)]
    of_spark = [node for node in nodes if isinstance(node, ast.Attribute) and is_name(node.value, "F")]

    assert not [node.attr for node in of_spark if node.attr in WITH_LAMBDA]
    assert not [node.value for node in nodes if isinstance(node, ast.Constant) and "->" in str(node.value)]
