"""Notebooks are current; those that need neither torch nor other data run."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
NAMES = sorted(path.stem for path in NOTEBOOKS.glob("*.py") if path.stem != "make")


def maker():
    spec = importlib.util.spec_from_file_location("make", NOTEBOOKS / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def printed(name, place):
    """What a notebook prints when it is executed in a folder."""
    executed = maker().execute(maker().notebook(name), place)
    return "".join(
        output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []) if "text" in output
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_committed_notebook_is_the_one_that_is_made(name):
    committed = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)

    assert [cell.source for cell in committed.cells] == [cell.source for cell in maker().notebook(name).cells]
    outputs = [output for cell in committed.cells for output in cell.get("outputs", [])]
    assert outputs
    assert not any(output.output_type == "error" for output in outputs)


def test_the_quickstart_prints_what_was_found(tmp_path):
    text = printed("quickstart", tmp_path)

    assert "300 images, " in text
    assert "Report: " in text
    assert (tmp_path / "report.html").is_file()


def test_the_notebook_about_encoders_embeds_with_a_torchscript_model(tmp_path):
    pytest.importorskip("torch")

    text = printed("encoders", tmp_path)

    assert "|hog_color" in text
    assert "|torchscript" in text
    assert "|      128|" in text
    assert "embedding_effective_rank" in text
