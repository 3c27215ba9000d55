"""What the product asks of an engine, read from its own code: functions, methods and operators, by name.

Names are ``F.abs`` for a function of pyspark, ``.isin`` for a method of columns or frames, ``join left_anti`` for a kind of join,
``cast int`` for a cast, ``+`` for an operator of columns, and ``sql abs`` or ``sql LIKE`` for what stands in SQL texts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pyspark.sql import functions as F
from pyspark.sql.connect.column import Column
from pyspark.sql.connect.dataframe import DataFrame
from pyspark.sql.connect.group import GroupedData
from pyspark.sql.window import Window, WindowSpec

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("dataeval_spark", "jobs")
TEXTS = ("README.md", "docs/sql.md", "docs/bias.md")
CLASSES = (DataFrame, GroupedData, Window, WindowSpec, Column)
METHODS = {name for each in CLASSES for name in dir(each) if not name.startswith("_")} | {"createDataFrame"}
# A type and a clause of the same names are no functions; a cast has a name with its type.
FUNCTIONS = {name for name in dir(F) if not name.startswith("_")} - {"decimal", "version", "left", "cast"} | {"if"}

# Casts have a name with their type. The others are names that Python, numpy or Arrow use here too, or that compute nothing: no engine can differ in them.
NOT_OF_AN_ENGINE = {
    *(".cast", ".try_cast"),
    *("F.broadcast", "F.call_function", "F.col", "F.pandas_udf", ".alias", ".cache", ".checkpoint", ".collect"),
    *(".columns", ".dtypes", ".head", ".hint", ".mergeInto", ".name", ".plot", ".repartition", ".repartitionByRange"),
    *(".schema", ".show", ".sparkSession", ".stat", ".tail", ".toArrow", ".toLocalIterator", ".write"),
    *(".astype", ".coalesce", ".exists", ".filter", ".first", ".max", ".mean", ".min", ".offset", ".outer", ".replace"),
    *(".scalar", ".sort", ".subtract", ".sum", ".take", ".to", ".transform", ".transpose", ".unionAll", ".name"),
}
OPERATORS = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Mod: "%",
    ast.BitAnd: "&",
    ast.BitOr: "|",
    ast.Invert: "~",
    ast.USub: "negative",
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
SQL_OPERATORS = re.compile(r"<=>|!=|<=|>=|<>|\|\||->|[-+*/%=<>^&|]")
SQL_WORDS = re.compile(
    r"\b(BETWEEN|R?LIKE|NOT IN|IN \(SELECT|IN|IS NOT NULL|IS NULL|IS NOT DISTINCT FROM|CASE(?= WHEN)|CASE(?! WHEN)|AND|OR|NOT"
    r"|LEFT SEMI JOIN|LEFT ANTI JOIN|LEFT JOIN|FULL JOIN|CROSS JOIN|JOIN|USING|UNION ALL|UNION|EXCEPT|GROUP BY ALL"
    r"|GROUPING SETS|GROUP BY|ORDER BY|NULLS FIRST|NULLS LAST|DISTINCT|LATERAL VIEW|QUALIFY|OVER|LIMIT|HAVING"
    r"|PIVOT|UNPIVOT|INTERVAL|WITH)\b"
)
JOINS = {"inner", "left", "full", "cross", "left_semi", "left_anti", "semi", "anti", "outer", "full_outer"}
TAKE_SQL = {"expr", "selectExpr", "where", "filter", "sql"}


def collected() -> set[str]:
    """Names of all that the product asks of an engine."""
    modules = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {name for path in modules for name in names_of_module(path.read_text())}
    for text in TEXTS:
        for block in re.findall(r"```sql\n(.*?)```", (ROOT / text).read_text(), re.DOTALL):
            found |= names_of_sql(block)
    return found - NOT_OF_AN_ENGINE


def names_of_module(source: str) -> set[str]:
    """Names of all that a module's code asks of an engine, in its expressions and its SQL texts.

    >>> sorted(names_of_module("frame.where('a <=> 1').select(F.abs('b') + 1)"))
    ['+', '.select', '.where', 'F.abs', 'sql <=>']
    """
    tree = ast.parse(source)
    found = {name for node in ast.walk(tree) for name in _names_of_node(node)}
    return found.union(*map(names_of_sql, _sql_texts(tree)))


def names_of_sql(text: str) -> set[str]:
    """Names of the functions, operators and clauses of a SQL text.

    >>> sorted(names_of_sql("SELECT abs(a) FROM t WHERE CAST(b AS INT) IN (1, 2)"))
    ['sql IN', 'sql abs', 'sql cast int']
    """
    text = re.sub(r"--[^\n]*|'(?:[^'\\]|\\.)*'|`[^`]*`", " ' ", text)
    text = re.sub(r"\s+", " ", text)
    functions = {name.lower() for name in re.findall(r"(?<![.\w])([A-Za-z_]\w*) ?\(", text)} & FUNCTIONS
    casts = {type.lower() for type in re.findall(r"\bAS ([A-Za-z]+(?:<[^)]*>)?)\)", text)}
    operators = set(SQL_OPERATORS.findall(re.sub(r"\b\w+\.\*|\(\*\)|SELECT \*", " ", text)))
    named = {f"cast {type}" for type in casts} if re.search(r"\bCAST\(", text) else set()
    return {f"sql {name}" for name in functions - {"left"} | named | operators | set(SQL_WORDS.findall(text))}


def _names_of_node(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id == "F":
            yield f"F.{node.attr}"
        elif node.attr in METHODS:
            yield f".{node.attr}"
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        yield from _names_of_call(node, node.func.attr)
    if isinstance(node, ast.BinOp | ast.UnaryOp) and _is_column(node):
        yield from (OPERATORS[op] for op in (type(node.op),) if op in OPERATORS)
    if isinstance(node, ast.Subscript) and _is_column(node.value):
        yield "[]"
    if isinstance(node, ast.Compare) and _is_column(node):
        yield from (OPERATORS[type(op)] for op in node.ops if type(op) in OPERATORS)


def _names_of_call(node: ast.Call, method: str) -> Iterator[str]:
    if method in ("cast", "try_cast") and len(node.args) == 1:
        type = node.args[0]
        if isinstance(type, ast.Constant) and isinstance(type.value, str):
            yield f"{method} {type.value.replace('long', 'bigint')}"
    for keyword in node.keywords:
        if method == "join" and keyword.arg == "how" and isinstance(keyword.value, ast.Constant):
            yield f"join {keyword.value.value}"


def _is_column(node: ast.AST) -> bool:
    return any(
        isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == "F"
        for each in ast.walk(node)
    )


def _sql_texts(tree: ast.Module) -> Iterator[str]:
    """Texts that are given to Spark as SQL, and constants that read like SQL; docstrings and messages are neither."""
    docstrings = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in docstrings:
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in TAKE_SQL:
            yield from (text for argument in node.args if (text := _text(argument)) is not None)
        text = _text(node)
        if text is not None and (re.search(r"\bSELECT\b|\bCASE\b", text) or _calls_a_function(text)):
            yield text


def _calls_a_function(text: str) -> bool:
    return any(name in FUNCTIONS for name in re.findall(r"(?<![.\w])([a-z_0-9]+)\(", text))


def _text(node: ast.AST) -> str | None:
    """The text of a constant or an f-string, whose values count as names."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
    return None
