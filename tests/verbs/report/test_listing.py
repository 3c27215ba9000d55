"""Tables of a report: cells are short on the page and whole in their tooltip."""

from __future__ import annotations

from dataeval_spark.verbs.report.listing import Cell, Column, listing
from dataeval_spark.verbs.text import number, words


def test_a_cell_has_the_whole_text_only_where_it_was_shortened():
    rows = [{"path": "short.jpg"}, {"path": "a/very/long/path.jpg"}]

    table = listing(rows, [Column("Path", "path", style="code", most=9)], caption="Paths")

    assert table.rows == (
        (Cell("short.jpg", style="code"),),
        (Cell("a/ve….jpg", "a/very/long/path.jpg", "code"),),
    )


def test_a_missing_value_is_a_dash_without_a_bar():
    columns = [Column("Name", "name"), Column("Score", "score", number, "num", bar=True)]

    table = listing([{"name": None, "score": None}, {"name": "a", "score": 0.5}], columns, caption="Scores")

    assert table.rows[0] == (Cell("–"), Cell("–", style="num"))
    assert table.rows[1][1] == Cell("0.5", style="num", bar=0.5)


def test_a_style_may_depend_on_the_row_and_only_heads_of_numbers_are_set_to_the_right():
    columns = [Column("Kind", "kind", words, lambda row: "bad" if row["n"] else "ok"), Column("Number", "n", number)]

    table = listing([{"kind": "odd_size", "n": 1}, {"kind": "dark", "n": 0}], columns, caption="Kinds", note="all")

    assert table.rows[0] == (Cell("odd size", style="bad"), Cell("1", style="num"))
    assert table.rows[1] == (Cell("dark", style="ok"), Cell("0", style="num"))
    assert (table.titles, table.caption, table.note) == ((("Kind", ""), ("Number", "num")), "Kinds", "all")
