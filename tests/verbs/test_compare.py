"""The verb `compare` where one side, or what a step reads, is not there."""

from __future__ import annotations

import pytest
from PIL import Image

from dataeval_spark.audit import Audit
from dataeval_spark.errors import OptionError, TableMissingError


@pytest.fixture
def lines():
    return []


@pytest.fixture
def audit(spark, tmp_path, lines):
    return Audit(str(tmp_path / "audit"), spark, echo=lines.append)


def table(folder, name, classes):
    path = folder / f"{name}.csv"
    path.write_text("flower,species\n" + "".join(f"{name} {n},{kind}\n" for n, kind in enumerate(classes)))
    return str(path)


def test_tables_without_images_are_compared_by_their_labels(audit, lines, tmp_path):
    for name, classes in (("old", "aaab"), ("new", "abbb")):
        audit.ingest(table(tmp_path, name, classes), id_column="flower", label_column="species", dataset=name)
    audit.profile()

    audit.compare("dataset=old", "dataset=new")

    said = {line.split()[0]: line for line in lines}
    assert "needs image_stats, and both sides are tables without images" in said["drift_univariate"]
    assert said["label_parity"].split()[1] == "done"
    with pytest.raises(TableMissingError, match="'image_stats' does not exist"):
        audit.compare("dataset=old", "dataset=new", "drift_univariate")


def test_images_that_are_not_measured_yet_are_refused_with_the_command_that_measures_them(audit, tmp_path):
    for name, measured in (("old", True), ("new", False)):
        (tmp_path / name).mkdir()
        for n in range(2):
            Image.new("RGB", (8, 8), (90 * n, 9, 9)).save(tmp_path / name / f"{n}.png")
        audit.ingest(str(tmp_path / name))
        if measured:
            audit.profile()

    with pytest.raises(OptionError, match="did you mean 'dataset=old'"):
        audit.compare("dataset=odl", "dataset=old")
    with pytest.raises(OptionError, match=r"compare\.current.*dataset=new(.|\n)*dataeval-spark profile --workspace"):
        audit.compare("dataset=old", "dataset=new")
