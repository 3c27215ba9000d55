"""A small workspace at the command line, and copies of it that tests may break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dataeval_spark.cli.main import DONE, main
from tests.cli.hostile import Hostile
from tests.jobs.conftest import picture


@pytest.fixture(scope="session")
def small(spark, tmp_path_factory) -> Path:
    """A workspace with six pictures of dataset `old` in two classes, with a factor, measured, and a snapshot."""
    place = tmp_path_factory.mktemp("small")
    photos = place / "old"
    for number in range(6):
        path = photos / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(number).save(path)
    rows = "".join(f"{'ab'[number % 2]}/{number}.png,{'xy'[number % 2]}\n" for number in range(6))
    (place / "sites.csv").write_text(f"path,site\n{rows}")
    workspace = ("--workspace", str(place / "audit"))
    assert main(["ingest", *workspace, str(photos), "--metadata", str(place / "sites.csv")]) == DONE
    assert main(["profile", *workspace, "--encoder", "thumbnail"]) == DONE
    assert main(["analyze", *workspace, "image_findings", "factor_bins", "label_stats"]) == DONE
    assert main(["snapshot", *workspace, "create", "first"]) == DONE
    return place


@pytest.fixture
def hostile(small, tmp_path) -> Hostile:
    shutil.copytree(small / "old", tmp_path / "photos")
    shutil.copytree(small / "audit", tmp_path / "audit_copy")
    (tmp_path / "files").mkdir()
    return Hostile(tmp_path / "photos", tmp_path / "audit_copy", tmp_path / "files")
