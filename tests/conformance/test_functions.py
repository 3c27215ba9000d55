"""Each function, operator and clause that the product uses gives what Spark gives, on rows with all odd values."""

from __future__ import annotations

import pytest

from tests.conformance.data import COUNT, table, write_data
from tests.conformance.differences import BY_CHANCE, DIFFERENCES
from tests.conformance.engine import SUBJECTS, Made, equal, names, results
from tests.conformance.record import recorded

# Of functions of the mathematical library, and of sums, whose order is free; all else is equal to the last bit anyway.
RELATIVE = 1e-12
CASES = [(subject, name) for subject in SUBJECTS for name in names(subject)]
# On Spark, times without a zone go through the session's; `F.date_format` of them is not for us.
BY_SESSION_ZONE = {"F.date_format 0", "F.date_format 1", "try_cast timestamp 1"}


@pytest.fixture(scope="module")
def rows(spark, tmp_path_factory):
    """Path of the rows; the settings with which the record was made hold for the module."""
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
    found, expected = (_of(made, name) for made in (answers(subject), recorded(subject)))
    listed = {case: DIFFERENCES[subject, case] for case in found if is_embedded and (subject, case) in DIFFERENCES}
    by_chance = {case for case, shown in listed.items() if shown == BY_CHANCE}

    shown = {case: difference(expected[case], found[case]) for case in found if case not in by_chance}

    assert list(found) == list(expected)
    assert {case: each for case, each in shown.items() if each} == {
        case: each for case, each in listed.items() if case not in by_chance
    }


def test_every_difference_that_is_listed_has_a_case():
    cases = {(subject, case) for subject in SUBJECTS for case in recorded(subject)}

    assert set(DIFFERENCES) <= cases


def test_times_do_not_depend_on_the_time_zone_of_the_session(answers, spark, rows):
    in_auckland = answers("times")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    in_new_york = results(spark, rows, "times")
    spark.conf.set("spark.sql.session.timeZone", "Pacific/Auckland")

    assert {case for case, made in in_auckland.items() if difference(made, in_new_york[case])} <= BY_SESSION_ZONE


def _of(made: dict[str, Made], name: str) -> dict[str, Made]:
    return {case: each for case, each in made.items() if case.rpartition(" ")[0] == name}


def difference(expected: Made, found: Made) -> str:
    """What Spark said and what the session says, where they differ first; empty where they do not."""
    if "error" in expected or "error" in found:
        return "" if "error" in expected and "error" in found else f"{_shown(expected)} | {_shown(found)}"
    if expected["type"] != found["type"]:
        return f"{expected['type']:.45} | {found['type']:.45}"
    if len(expected["values"]) != len(found["values"]):
        return f"{len(expected['values'])} rows | {len(found['values'])} rows"
    pairs = list(zip(expected["values"], found["values"], strict=True))
    differing = [at for at, (a, b) in enumerate(pairs) if not equal(a, b, relative=RELATIVE)]
    if not differing:
        return ""
    a, b = pairs[differing[0]]
    same = next((at for at, (x, y) in enumerate(zip(repr(a), repr(b), strict=False)) if x != y), 0)
    start = max(0, same - 20)
    return f"{len(differing)} rows, {differing[0]}: {repr(a)[start : start + 45]} | {repr(b)[start : start + 45]}"


def _shown(made: Made) -> str:
    return made["error"].partition(": ")[2][:45] if "error" in made else made["type"][:45]


def test_the_rows_have_every_odd_value():
    rows = table().to_pydict()

    assert len(rows["id"]) == COUNT
    assert all(None in rows[name] for name in table().column_names if name != "id")
    assert {"nan", "inf", "-inf", "-0.0", "0.0"} <= set(map(str, rows["d"]))
    assert [] in rows["a"]
    assert [] in rows["map"]
    assert any(box is not None and box["at"] is None for box in rows["box"])
    assert max(len(text or "") for text in rows["s"]) > 1000
