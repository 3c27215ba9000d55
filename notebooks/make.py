"""Execute notebooks and write them with what they print: python notebooks/make.py quickstart [bias ...]

A notebook is a Python file beside this one: ``# %%`` begins a cell of code, ``# %% [markdown]`` one of text. Paths of
the machine it ran on are replaced. `encoders` needs torch, `bias` and `review` data that are named in them.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent
# What notebooks may be given: the folder with real data.
DATA = "DATAEVAL_SPARK_DATA"


def notebook(name: str) -> nbformat.NotebookNode:
    """A notebook, not executed."""
    parts = re.split(r"^# %%( \[markdown\])?\n", (HERE / f"{name}.py").read_text(), flags=re.MULTILINE)
    cells = []
    for number, (kind, text) in enumerate(zip(parts[1::2], parts[2::2], strict=True)):
        source = text.strip()
        if kind:
            source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.splitlines())
        make = nbformat.v4.new_markdown_cell if kind else nbformat.v4.new_code_cell
        cells.append(make(source, id=f"cell-{number}"))
    return nbformat.v4.new_notebook(cells=cells)


def execute(made: nbformat.NotebookNode, place: Path) -> nbformat.NotebookNode:
    """Execute it in a folder."""
    return NotebookClient(
        made, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    ).execute()


def main(names: list[str]) -> None:
    """Execute and write the notebooks of these names."""
    os.environ.setdefault(DATA, str(HERE.parents[1] / "shared" / "data"))
    for name in names:
        with tempfile.TemporaryDirectory() as scratch:
            text = nbformat.writes(execute(notebook(name), Path(scratch)))
        for path, shown in ((scratch, f"~/{name}"), (os.environ[DATA], "data")):
            text = text.replace(path, shown)
        (HERE / f"{name}.ipynb").write_text(text)


if __name__ == "__main__":
    main(sys.argv[1:])
