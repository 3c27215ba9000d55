"""Each function, operator and clause that the product uses gives what Spark gives, on rows with all odd values."""

from __future__ import annotations

import pytest

from tests.conformance.data import COUNT, table, write_data
from tests.conformance.differences import DIFFERENCES
from tests.conformance.engine import SUBJECTS, Made, equal, names, results
from tests.conformance.record import recorded

# Functions of the mathematical library, and sums whose order is free; all else is exact.
RELATIVE = 1e-12
CASES = [(subject, name) for subject in SUBJECTS for name in names(subject)]


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    """Path of the rows; the settings on which the record was made hold for the module."""
    before = {key: spark.conf.get(key) for key in ("spark.sql.ansi.enabled", "spark.sql.session.timeZone")}
    spark.conf.set("spark.sql.ansi.enabled", "true")
    spark.conf.set("spark.sql.session.timeZone", "Pacific/Auckland")
    yield write_data(tmp_path_factory.mktemp("conformance"))
    for key, value in before.items():
        spark.conf.set(key, value)


@pytest.fixture(scope="module")
def answers(spark, rows):
    """``answers(subject)``: what the session answers, with a few queries for all cases of a subject."""
    known: dict[str, dict[str, Made]] = {}

    def of(subject: str) -> dict[str, Made]:
        if subject not in known:
            known[subject] = results(spark, rows, subject)
        return known[subject]

    return of


@pytest.mark.parametrize(("subject", "name"), CASES, ids=[f"{subject}: {name}" for subject, name in CASES])
def test_the_engine_answers_as_spark_does(answers, request, subject, name):
    is_embedded = request.config.getoption("--spark") == "embedded"
    found = {case: made for case, made in answers(subject).items() if case.rpartition(" ")[0] == name}
    expected = {case: made for case, made in recorded(subject).items() if case.rpartition(" ")[0] == name}
    listed = {case for case in found if (subject, case) in DIFFERENCES} if is_embedded else set()

    differing = {case: shown for case in found if (shown := _difference(subject, expected[case], found[case]))}

    assert list(found) == list(expected)
    assert {case: shown for case, shown in differing.items() if case not in listed} == {}
    assert {case: differing.get(case) for case in listed} == {case: DIFFERENCES[subject, case].shown for case in listed}


def test_every_difference_that_is_listed_has_a_case():
    cases = {(subject, case) for subject in SUBJECTS for case in recorded(subject)}

    assert set(DIFFERENCES) <= cases


def _difference(subject: str, expected: Made, found: Made) -> str:
    """What Spark said and what the session says, where they differ first; empty where they do not."""
    if "error" in expected or "error" in found:
        return "" if expected == found else f"{_shortened(expected)} | {_shortened(found)}"
    if expected["type"] != found["type"]:
        return f"{expected['type']} | {found['type']}"
    if len(expected["values"]) != len(found["values"]):
        return f"{len(expected['values'])} rows | {len(found['values'])} rows"
    pairs = list(zip(expected["values"], found["values"], strict=True))
    differing = [at for at, (a, b) in enumerate(pairs) if not equal(a, b, relative=RELATIVE)]
    if not differing:
        return ""
    first = differing[0]
    return f"{len(differing)} rows, {first}: {pairs[first][0]!r:.45} | {pairs[first][1]!r:.45}"


def _shortened(made: Made) -> str:
    return made["error"][:60] if "error" in made else made["type"]


def test_the_rows_have_every_odd_value():
    rows = table().to_pydict()

    assert len(rows["id"]) == COUNT
    assert all(None in rows[name] for name in table().column_names if name != "id")
    assert {"nan", "inf", "-inf", "-0.0", "0.0"} <= set(map(str, rows["d"]))
    assert [] in rows["a"]
    assert [] in rows["map"]
    assert any(box is not None and box["at"] is None for box in rows["box"])
    assert max(len(text or "") for text in rows["s"]) > 1000
