"""Kinds of model files, judged from their bytes before anything is loaded, and the hash of those bytes.

A pickle runs code when it is read. TorchScript archives, exported programs that hold no pickle, ONNX and safetensors
are taken; whole models and checkpoints written by ``torch.save`` are refused, whatever their name ends in.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import xxhash

from dataeval_spark.errors import EncoderError, OptionError

_CHUNK = 16 * 2**20
_PICKLE = b"\x80"
_TORCHSCRIPT = "a TorchScript archive (torch.jit.save)"
_EXPORTED = "a program exported with torch.export.save"
_ONNX = "an ONNX model"
_OTHER = "a file of an unknown kind"


def require_file(kind: str, path: str) -> None:
    """Raise an error when there is no such file, or when it is not of this kind.

    Raises
    ------
    OptionError
        There is no file at `path`.
    EncoderError
        The file is a pickle, or anything else than `kind` ("torchscript", "torch_export" or "onnx").
    """
    if not Path(path).is_file():
        raise OptionError(
            f"profile.encoder: there is no file {path!r}.\n"
            f"Hint: profile.encoder = '{kind}:/absolute/path/of/model', readable on every worker"
        )
    expected = {"torchscript": _TORCHSCRIPT, "torch_export": _EXPORTED, "onnx": _ONNX}[kind]
    file_kind = kind_of(path)
    if file_kind.startswith("a pickle"):
        raise EncoderError.unsafe(path, file_kind, expected)
    if file_kind != expected:
        raise EncoderError(f"{path} is {file_kind}; expected {expected}.\nHint: {_hint(file_kind)}")


def kind_of(path: str) -> str:
    """Kind of a model file, in words."""
    with open(path, "rb") as file:
        start = file.read(4)
    if not zipfile.is_zipfile(path):
        return "a pickle (torch.save of old)" if start[:1] == _PICKLE else _ONNX if _is_protobuf(start) else _OTHER
    with zipfile.ZipFile(path) as archive:
        members = {name.partition("/")[2] for name in archive.namelist()}
    if "constants.pkl" in members and any(name.startswith("code/") for name in members):
        return _TORCHSCRIPT
    if any(name.startswith("models/") for name in members) and "archive_format" in members:
        return _EXPORTED
    return "a pickle (torch.save)" if "data.pkl" in members else "a zip archive of another kind"


def digest_of(path: str) -> str:
    """xxh3-128 of the file's bytes, read in chunks."""
    digest = xxhash.xxh3_128()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def version_of(*parts: str) -> str:
    """Version of 16 hexadecimal digits from everything that vectors depend on."""
    return xxhash.xxh3_64_hexdigest("|".join(parts).encode())


def _is_protobuf(start: bytes) -> bool:
    return start[:1] in (b"\x08", b"\x12", b"\x1a", b"\x22", b"\x3a", b"\x42", b"\x72")  # a field of ModelProto


def _hint(kind: str) -> str:
    kinds = {_TORCHSCRIPT: "torchscript", _EXPORTED: "torch_export", _ONNX: "onnx"}
    return f"profile.encoder = '{kinds[kind]}:...'" if kind in kinds else "export the model anew"
