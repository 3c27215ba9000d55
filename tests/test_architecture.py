"""Rules of the code that a linter cannot express."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from dataeval_spark.analyses.steps import STEPS

PACKAGE = Path(__file__).resolve().parents[1] / "dataeval_spark"
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))
# The only modules that may know a SparkContext: they make sessions, show progress and count queries.
SESSION_MODULES = {"session/engines.py", "session/embedded.py", "session/queries.py"}
FORBIDDEN_ATTRIBUTES = {"rdd", "_jvm", "_jdf", "_jsc", "sparkContext"}
TO_DRIVER = {"collect", "toPandas", "toLocalIterator", "toArrow"}
# The only module that brings rows to the driver; its callers say what bounds their number.
BOUNDED = "session/bounded.py"
MOST_LINES, MOST_LINES_OF_BODY, MOST_FILES, MOST_FILES_OF_ROOT = 400, 60, 25, 4


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def attributes(path: Path) -> Iterator[ast.Attribute]:
    return (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Attribute))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_reaches_into_the_jvm(path):
    if name_of(path) in SESSION_MODULES:
        return
    found = {node.attr for node in attributes(path)} & FORBIDDEN_ATTRIBUTES

    assert not found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rows_come_to_the_driver_only_where_their_number_is_bounded(path):
    found = {node.attr for node in attributes(path)} & TO_DRIVER

    assert not found or name_of(path) == BOUNDED


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_collect_says_what_bounds_it(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    collects = [call for call in calls if is_name(call.func, "bounded") or is_name(call.func, "bounded_arrow")]

    assert all(isinstance(call.args[1], ast.Constant) and str(call.args[1].value).strip() for call in collects)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_window_is_partitioned(path):
    for node in attributes(path):
        is_unpartitioned = node.attr == "orderBy" and isinstance(node.value, ast.Name) and node.value.id == "Window"

        assert not is_unpartitioned


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_column_is_quoted_by_identifier_alone(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    of_spark = [call for call in calls if isinstance(call.func, ast.Attribute) and is_name(call.func.value, "F")]
    given = [argument for call in of_spark for argument in call.args if isinstance(argument, ast.JoinedStr)]
    texts = [part.value for text in given for part in text.values if isinstance(part, ast.Constant)]

    assert not [text for text in texts if "`" in str(text)]


def is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_sessions_are_made_in_one_module(path):
    made = {node.attr for node in attributes(path)} & {"builder", "newSession", "getOrCreate"}

    assert not made or name_of(path) in SESSION_MODULES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_modules_are_short(path):
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_are_short(path):
    nodes = ast.walk(ast.parse(path.read_text()))
    functions = [node for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    assert {each.name: lines_of_body(each) for each in functions if lines_of_body(each) > MOST_LINES_OF_BODY} == {}


def lines_of_body(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its first statement to its last; the docstring is none."""
    statements = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return statements[-1].end_lineno - statements[0].lineno + 1 if statements else 0


@pytest.mark.parametrize("folder", sorted({path.parent for path in MODULES}), ids=name_of)
def test_folders_are_small(folder):
    # A section of the report and its template, which share a name, count as one.
    files = {path.name.partition(".")[0] for path in folder.iterdir() if path.is_file()}

    assert len(files) <= (MOST_FILES_OF_ROOT if folder == PACKAGE else MOST_FILES)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_the_module_of_a_step_and_its_test_have_its_name(step):
    module = step.function.__module__.removeprefix("dataeval_spark.")
    *folders, name = module.split(".")

    assert name == step.name
    assert (PACKAGE.parent / "tests" / Path(*folders) / f"test_{step.name}.py").exists()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_says_what_it_is_for(path):
    assert ast.get_docstring(ast.parse(path.read_text()))


def imports_of(path: Path) -> set[Path]:
    """Modules of the package that a module imports, by their files."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    files = {PACKAGE.parent / f"{name.replace('.', '/')}.py" for name in found if name.startswith("dataeval_spark.")}
    return {file for file in files if file.exists()}


IMPORTS = {path: imports_of(path) for path in MODULES}


def is_tested(path: Path) -> bool:
    """Whether a module has a test of its name, declares only, or is private to one module that is tested."""
    test = PACKAGE.parent / "tests" / path.relative_to(PACKAGE).with_name(f"test_{path.name}")
    declares_only = not any(isinstance(node, ast.FunctionDef) for node in ast.walk(ast.parse(path.read_text())))
    users = [user for user in MODULES if path in IMPORTS[user]]
    return test.exists() or declares_only or (len(users) == 1 and is_tested(users[0]))


@pytest.mark.parametrize("path", [path for path in MODULES if path.stem not in {"__init__", "__main__"}], ids=name_of)
def test_a_module_has_a_test_of_its_name_or_is_private_to_one_that_has(path):
    assert is_tested(path)
