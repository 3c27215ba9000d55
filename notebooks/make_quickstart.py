"""Write and execute quickstart.ipynb; paths of the machine it ran on are replaced."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
CELLS = [
    ("markdown", "# Quickstart\n\nWhat is in an image dataset? Demo images with known faults, three lines, and SQL."),
    (
        "code",
        (
            "from pathlib import Path\nfrom dataeval_spark.demo import make_demo_images\n\n"
            'files = make_demo_images(Path("images"), count=300, processes=2)'
        ),
    ),
    (
        "code",
        (
            'from dataeval_spark import Audit\n\naudit = Audit("my_audit")\n'
            "audit.ingest(str(files.source), annotations=str(files.annotations), metadata=str(files.metadata), "
            'dataset="demo")\naudit.run(options={"profile": {"encoder": "thumbnail"}})'
        ),
    ),
    ("markdown", "Every result is a table. Which images are duplicates, and which one is kept?"),
    (
        "code",
        'audit.table("duplicate_groups").select("group_id", "image_id", "kinds", "is_kept", "reason").show(6, 60)',
    ),
    ("markdown", "Raw scores are kept, so another threshold is a query and no new job:"),
    (
        "code",
        (
            'audit.spark.sql("""\nSELECT image_id, round(perceived_brightness_p99, 2) AS brightness\n'
            "FROM {stats}\nWHERE target_index IS NULL AND perceived_brightness_p99 < 0.5\n"
            'ORDER BY brightness LIMIT 5""", stats=audit.table("image_stats")).show(truncate=False)'
        ),
    ),
    ("markdown", "Pin this state, then look at the report."),
    ("code", 'audit.snapshot("first-look")\nreport = audit.report("report.html")'),
    ("code", "audit.spark.stop()"),
]


def notebook() -> nbformat.NotebookNode:
    """The notebook, not executed."""
    make = {"markdown": nbformat.v4.new_markdown_cell, "code": nbformat.v4.new_code_cell}
    cells = [make[kind](text, id=f"cell-{number}") for number, (kind, text) in enumerate(CELLS)]
    return nbformat.v4.new_notebook(cells=cells)


def execute(made: nbformat.NotebookNode, place: Path) -> nbformat.NotebookNode:
    """Execute it in a folder."""
    return NotebookClient(
        made, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(place)}}
    ).execute()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        text = nbformat.writes(execute(notebook(), Path(scratch))).replace(scratch, "~/quickstart")
    (HERE / "quickstart.ipynb").write_text(text)
