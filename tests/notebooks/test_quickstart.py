"""The quickstart notebook is current and runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def maker():
    spec = importlib.util.spec_from_file_location("make_quickstart", NOTEBOOKS / "make_quickstart.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_the_committed_notebook_is_the_one_that_is_made():
    committed = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)

    assert sources(committed) == sources(maker().notebook())
    assert any(cell.get("outputs") for cell in committed.cells)


def test_the_notebook_runs_and_prints_what_was_found(tmp_path):
    executed = maker().execute(maker().notebook(), tmp_path)
    printed = "".join(
        output.get("text", "") for cell in executed.cells for output in cell.get("outputs", []) if "text" in output
    )

    assert "300 images, " in printed
    assert "Report: " in printed
    assert (tmp_path / "report.html").is_file()
