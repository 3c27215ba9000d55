"""What the product's code asks of an engine is asked in a case."""

from __future__ import annotations

from tests.conformance.collect import NOT_OF_AN_ENGINE, collected, names_of_module, names_of_sql
from tests.conformance.engine import SUBJECTS, names


def test_every_function_has_a_case():
    cases = {name for subject in SUBJECTS for name in names(subject)}

    assert sorted(collected() - cases) == []


def test_no_case_is_of_something_that_counts_as_no_part_of_an_engine():
    cases = {name for subject in SUBJECTS for name in names(subject)}

    assert cases & NOT_OF_AN_ENGINE == set()


def test_functions_methods_and_operators_are_found_in_code():
    source = """
def f(frame):
    'SELECT abs(a) is no query, but a docstring'
    both = frame.join(frame, on="a", how="left_anti").where("a <=> 1")
    return both.select(F.abs("b") + 1, F.col("c").cast("int"), ~F.isnan("d"), F.array("e")[0])
"""

    assert names_of_module(source) == {
        *("join left_anti", ".join", ".where", ".select", ".cast", "sql <=>", "F.abs", "F.col", "F.isnan", "F.array"),
        *("cast int", "+", "~", "[]"),
    }


def test_functions_operators_and_clauses_are_found_in_a_text_with_values():
    source = 'QUERY = f"SELECT max({column}) FROM t WHERE CAST(a AS {type}) IN (1, 2) -- abs(b)"'

    assert names_of_module(source) == {"sql max", "sql cast x", "sql IN"}
    assert names_of_sql("SELECT 'abs(a)' FROM t GROUP BY ALL") == {"sql GROUP BY ALL"}
