"""Programs exported with `torch.export`, checked before torch reads them.

`torch.export.load` unpickles some members of the archive and runs texts in it as Python (guards, sizes), so that it
is for files from a trusted source only. An archive is accepted if it has nothing of the kind: known members, weights as
plain bytes, and texts that are names, sizes or comparisons of sizes. `torch.export.save` of an image model writes such
an archive.
"""

from __future__ import annotations

import ast
import io
import json
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from dataeval_spark.errors import EncoderError
from dataeval_spark.kernels.encoders.devices import required

_MEMBER = re.compile(
    r"(data/(weights/weight_\d+|weights/\w+_config\.json|constants/tensor_\d+|constants/\w+_config\.json|"
    r"sample_inputs/\w+\.pt)|models/\w+\.json|archive_format|archive_version|byteorder|version|\.data/\w+)"
)
_SAMPLE = re.compile(r"data/sample_inputs/\w+\.pt")
_TEXT = re.compile(r"[\w.+,>\-/ ]*")
_TREE_TYPES = (None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict")
_NODES = (
    ast.Expression,
    ast.Compare,
    ast.BoolOp,
    ast.BinOp,
    ast.UnaryOp,
    ast.Constant,
    ast.Name,
    ast.Load,
    ast.Subscript,
    ast.Attribute,
    ast.Call,
    ast.keyword,
    ast.operator,
    ast.unaryop,
    ast.boolop,
    ast.cmpop,
)
_ATTRIBUTES = ("size", "shape", "stride", "ndim", "storage_offset")
_FUNCTIONS = (
    *("Symbol", "Integer", "Rational", "Float", "Add", "Mul", "Pow", "Max", "Min", "Mod", "PythonMod", "FloorDiv"),
    *("CleanDiv", "CeilToInt", "FloorToInt", "TruncToInt", "IntTrueDiv", "FloatTrueDiv", "ToFloat", "PowByNatural"),
    *("Eq", "Ne", "Lt", "Le", "Gt", "Ge", "And", "Or", "Not", "ModularIndexing", "Where", "Identity"),
)
_UNCHECKED = ("metadata",)  # where in the source a node comes from: kept as text


def require_plain(path: str) -> None:
    """Raise EncoderError when reading the archive could run code that it holds."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            member = name.partition("/")[2]
            if not _MEMBER.fullmatch(member):
                raise _refused(path, f"holds {member!r}")
            if member.endswith(".json"):
                for reason in _suspicious(json.loads(archive.read(name)), ""):
                    raise _refused(path, f"holds {reason} in {member}")


def load_exported(path: str, device: str) -> Any:
    """Load an exported program as a module on a device.

    Raises
    ------
    EncoderError
        The file is not plain, or takes batches of one size only.
    """
    require_plain(path)
    torch = required("torch")
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if _SAMPLE.fullmatch(name.partition("/")[2]):
                try:
                    torch.load(io.BytesIO(archive.read(name)), weights_only=True)
                except Exception as error:
                    raise _refused(path, "holds sample inputs that are not tensors") from error
    program = torch.export.load(path)
    first = program.graph_signature.user_inputs[0]
    (node,) = (node for node in program.graph.nodes if node.name == first)
    if isinstance(node.meta["val"].shape[0], int):
        raise EncoderError(
            f"{path} takes batches of {node.meta['val'].shape[0]} images only; expected any number.\n"
            "Hint: torch.export.export(model, (example,), dynamic_shapes=({0: torch.export.Dim('batch')},)), with an "
            "example of two images or more"
        )
    if device != "cpu":
        from torch.export.passes import move_to_device_pass

        program = move_to_device_pass(program, device)
    return program.module()


def _refused(path: str, reason: str) -> EncoderError:
    return EncoderError.unsafe(path, f"an exported program that {reason}", "a program of tensors and sizes only")


def _suspicious(value: Any, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        if value.get("use_pickle"):
            yield "a pickle"
        for name, inner in value.items():
            if not _TEXT.fullmatch(name):
                yield f"the name {name[:80]!r}"
            if name not in _UNCHECKED:
                yield from _suspicious(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _suspicious(inner, key)
    elif isinstance(value, str) and not _is_harmless(value, key):
        yield f"the text {value[:80]!r}"


def _is_harmless(text: str, key: str) -> bool:
    if key in ("expr_str", "guards_code"):
        return _is_about_sizes(text)
    if key in ("in_spec", "out_spec"):
        return _has_plain_types(text)
    return _TEXT.fullmatch(text) is not None


def _has_plain_types(text: str) -> bool:
    def is_plain(node: Any) -> bool:
        return node["type"] in _TREE_TYPES and all(map(is_plain, node["children_spec"]))

    try:
        return not text or is_plain(json.loads(text)[1])
    except (ValueError, KeyError, IndexError, TypeError):
        return False


def _is_about_sizes(text: str) -> bool:
    try:
        nodes = list(ast.walk(ast.parse(text, mode="eval")))
    except (SyntaxError, RecursionError, ValueError):
        return False
    return all(isinstance(node, _NODES) and _is_allowed(node) for node in nodes)


def _is_allowed(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in _ATTRIBUTES
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) or (isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS)
    if isinstance(node, ast.Constant):
        return isinstance(node.value, bool | int | float) or (
            isinstance(node.value, str) and re.fullmatch(r"\w+", node.value) is not None
        )
    if isinstance(node, ast.Name):
        return node.id == "L" or node.id in _FUNCTIONS or re.fullmatch(r"[a-z]+\d+|oo|int_oo", node.id) is not None
    return True
