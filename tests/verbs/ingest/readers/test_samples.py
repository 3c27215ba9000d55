"""Samples as a source: factors of common types, unique names, and rows of the workspace that stay."""

from __future__ import annotations

import pytest

from dataeval_spark.verbs.ingest.readers import samples
from dataeval_spark.verbs.ingest.readers.samples import SAMPLES_DDL, source_of
from dataeval_spark.verbs.ingest.readers.source import KnownRows
from tests.verbs.ingest.readers.pictures import findings

OPTIONS = {"split": "rest", "timezone": "UTC", "unit": "members", "labels_from": "members"}


def sample(name, factors, targets=(), found=(), account=()):
    values = {key: {"type": type, "text": text} for key, (type, text) in factors.items()}
    return (
        name,
        f"tar://{name}",
        b"1",
        1,
        None,
        None,
        None,
        values,
        "s/0.tar",
        list(targets),
        list(found),
        list(account),
    )


@pytest.fixture
def rows(spark):
    made = [
        sample("d/a", {"gain": ("bigint", "2"), "Name": ("string", "x"), "run_id": ("bigint", "7")}),
        sample("d/b", {"gain": ("double", "0.5"), "name": ("string", "y"), "mixed": ("boolean", "true")}),
        sample("d/c", {"mixed": ("bigint", "3")}, [(0, "cat", None, None, "c.cls", None)]),
        sample(
            None, {}, found=[("tar", None, "broken_file", "m", "f", "e")], account=[("skipped", "broken", 2, "x, y")]
        ),
    ]
    return spark.createDataFrame(made, SAMPLES_DDL)


def test_a_factor_has_the_type_that_all_its_values_have_and_a_name_of_its_own(rows):
    factors = source_of(rows, **OPTIONS).factors

    assert dict(factors.dtypes) == {
        "image_id": "string",
        "target_index": "int",
        "gain": "double",
        "mixed": "string",
        "Name": "string",
        "name_2": "string",
        "source_run_id": "bigint",
    }
    found = {row["image_id"]: (row["gain"], row["mixed"], row["Name"], row["name_2"]) for row in factors.collect()}
    assert found == {"d/a": (2.0, None, "x", None), "d/b": (0.5, "true", None, "y"), "d/c": (None, "3", None, None)}


def test_a_sample_without_an_image_has_findings_and_an_account_only(rows):
    source = source_of(rows, **OPTIONS)

    assert sorted(row["image_id"] for row in source.present.collect()) == ["d/a", "d/b", "d/c"]
    assert {row["split"] for row in source.images.collect()} == {"rest"}
    assert [(row["image_id"], row["class_name"], row["source"]) for row in source.targets.collect()] == [
        ("d/c", "cat", "0.tar:c.cls")
    ]
    assert findings(source) == [("broken_file", "tar", None, None, "f")]
    assert [tuple(row) for row in source.accounting.collect()] == [
        ("s/0.tar", "members", "skipped", "broken", "x, y", 2)
    ]


def test_names_beyond_the_bound_are_left_out_the_rarest_first_and_said(rows, monkeypatch):
    monkeypatch.setattr(samples, "MAX_FACTORS", 2)

    source = source_of(rows, **OPTIONS)

    assert source.factors.columns == ["image_id", "target_index", "gain", "mixed"]
    (row,) = source.findings.where("kind = 'too_many_factors'").collect()
    assert (row["found"], row["expected"]) == ("Name, name, run_id", "at most 2 names of metadata")


def test_rows_of_the_workspace_are_added_in_common_types_with_their_account(rows, frame):
    whole = source_of(rows, **OPTIONS)
    kinds = [("s/1.tar", "members: no_key", None, "skipped", "z"), ("s/1.tar", "json", "d/o", "bad_time", "t")]
    known = KnownRows(
        files=frame("path string", []),
        images=whole.images.where("image_id = 'd/a'").replace("d/a", "d/o"),
        targets=whole.targets.replace("d/c", "d/o"),
        factors=frame("image_id string, target_index int, GAIN bigint, more string", [("d/o", None, 9, "w")]),
        findings=frame(
            "source_file string, location string, image_id string, kind string, found string, "
            "target_index int, message string, expected string, n bigint",
            [(*row, None, "m", "e", 5) for row in kinds],
        ),
    )

    source = source_of(rows, **OPTIONS, known_rows=known)

    factors = {row["image_id"]: (row["GAIN"], row["more"]) for row in source.factors.collect()}
    assert factors == {"d/a": (2.0, None), "d/b": (0.5, None), "d/c": (None, None), "d/o": (9.0, "w")}
    assert {row["image_id"]: row["content"] is None for row in source.images.collect()}["d/o"]
    assert ("bad_time", "json", "d/o", None, "t") in findings(source)
    assert ("s/1.tar", "members", "skipped", "no_key", "z", 5) in [tuple(row) for row in source.accounting.collect()]
    assert {row["image_id"] for row in source.targets.collect()} == {"d/c", "d/o"}
