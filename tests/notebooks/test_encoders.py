"""The notebook about encoders is current, and runs where torch is installed."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def maker():
    spec = importlib.util.spec_from_file_location("make_encoders", NOTEBOOKS / "make_encoders.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_notebook_is_the_one_that_is_made():
    committed = nbformat.read(NOTEBOOKS / "encoders.ipynb", as_version=4)

    assert [cell.source for cell in committed.cells] == [cell.source for cell in maker().notebook().cells]
    assert any(cell.get("outputs") for cell in committed.cells)


def test_the_notebook_embeds_with_a_torchscript_model(tmp_path):
    pytest.importorskip("torch")

    executed = maker().execute(maker().notebook(), tmp_path)
    printed = "".join(
        output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []) if "text" in output
    )

    assert "|hog_color" in printed
    assert "|torchscript" in printed
    assert "|      128|" in printed
    assert "embedding_effective_rank" in printed
