"""Write and execute encoders.ipynb; needs torch. Paths of the machine it ran on are replaced."""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
CELLS = [
    (
        "markdown",
        (
            "# Encoders\n\nVectors of images: with the encoder that needs no model, and with a model of your own. "
            "Names, preprocessing and figures: docs/encoders.md."
        ),
    ),
    (
        "code",
        (
            "from pathlib import Path\n\nfrom dataeval_spark import Audit\nfrom dataeval_spark.demo import "
            "make_demo_images\n\n"
            'files = make_demo_images(Path("images"), count=120, processes=2)\naudit = Audit("my_audit")\n'
            'audit.ingest(str(files.source), dataset="demo").profile(encoder="hog_color")'
        ),
    ),
    (
        "markdown",
        (
            "Any model that torch can trace becomes an encoder: one file, and a text file beside it that says what it "
            "expects of an image. This one has random weights; load yours instead."
        ),
    ),
    (
        "code",
        (
            "import warnings\n\nimport torch\n\n"
            'warnings.simplefilter("ignore", FutureWarning)  # TorchScript is old\n'
            "torch.manual_seed(0)\nmodel = torch.nn.Sequential(\n"
            "    torch.nn.Conv2d(3, 16, 5, stride=2), torch.nn.ReLU(),\n"
            "    torch.nn.Conv2d(16, 32, 5, stride=2), torch.nn.ReLU(),\n"
            "    torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(),\n).eval()\n"
            'path = Path("model.pt").resolve()\n'
            "torch.jit.trace(model, torch.zeros(2, 3, 64, 64)).save(str(path))\n"
            'Path(f"{path}.preprocessing.toml").write_text("resize = 72\\ncrop = 64\\n")\n\n'
            'audit.profile(encoder=f"torchscript:{path}", batch_size=32)'
        ),
    ),
    (
        "markdown",
        (
            "Vectors of both encoders are kept side by side. The version is a hash of the weights and the "
            "preprocessing: a changed file is a new version, and its images are embedded anew."
        ),
    ),
    (
        "code",
        (
            "from pyspark.sql import functions as F\n\n"
            'kind = F.element_at(F.split("encoder", ":"), 1).alias("encoder")\n'
            'audit.table("embeddings").groupBy(kind, "encoder_version").agg(\n'
            '    F.count("*").alias("vectors"), F.max(F.size("embedding")).alias("dimension")\n'
            ').orderBy("encoder").show()'
        ),
    ),
    ("markdown", "Are the vectors fit for what is built on them?"),
    (
        "code",
        (
            'audit.analyze("embedding_health")\naudit.table("dataset_findings").where("step = \'embedding_health\'").'
            'select(\n    F.element_at(F.split("subject", ":"), 1).alias("encoder"), "rule", '
            'F.round("value", 3).alias("value"), "threshold", "severity"\n'
            ').orderBy("encoder", "rule").show(40, truncate=False)'
        ),
    ),
    ("markdown", "In SQL, the same model on any column that holds the bytes of image files:"),
    (
        "code",
        (
            "from dataeval_spark.sql_functions import register_functions\n\n"
            'register_functions(audit.spark, encoder=f"torchscript:{path}")\n'
            'picture = next(Path("images").rglob("*.png"))\n'
            'audit.spark.sql(f"""\nSELECT de_phash(content) AS phash, slice(de_embed(content), 1, 3) AS first_numbers\n'
            'FROM binaryFile.`{picture.resolve()}`""").show(truncate=False)'
        ),
    ),
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
        text = nbformat.writes(execute(notebook(), Path(scratch))).replace(scratch, "~/encoders")
    (HERE / "encoders.ipynb").write_text(text)
