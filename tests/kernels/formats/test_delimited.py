"""CSV and TSV: values as written in any encoding, rows that are not whole, and names of columns."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats import delimited
from dataeval_spark.kernels.formats.delimited import EXTRA, column_names, safe_names, text_batches


def read(path, *, encoding=None, delimiter=","):
    names = column_names(str(path), encoding=encoding, delimiter=delimiter)
    batches = list(text_batches(str(path), names, encoding=encoding, delimiter=delimiter))
    rows = [tuple(row.values()) for batch in batches for row in batch.to_pylist()]
    return names, [row[:-2] for row in rows], {row[-1]: row[-2] for row in rows if row[-2] is not None}


def written(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def test_empty_values_are_null_and_blank_lines_are_no_rows(tmp_path):
    file = written(tmp_path / "a.csv", '\na,b\n1,\n\n  \n"",2\n')

    assert read(file) == (["a", "b"], [("1", None), (None, "2")], {})


def test_spaces_and_quotation_marks_stay_and_a_line_break_within_them_is_one_of_unix(tmp_path):
    file = written(tmp_path / "a.csv", 'a,b\r\n" 1, ""2""","x\r\ny"\r\n 3 ,4\r\n')

    assert read(file)[1] == [(' 1, "2"', "x\ny"), (" 3 ", "4")]


def test_rows_that_are_not_whole_keep_what_has_a_column_and_their_text(tmp_path):
    file = written(tmp_path / "a.csv", 'a,b\n1\n1,2,3\n1,2\n"1\n",2,3\n')

    _, rows, broken = read(file)

    assert rows == [("1", None), ("1", "2"), ("1", "2"), ("1\n", "2")]
    assert broken == {0: "1", 1: "1,2,3", 3: '"1\n",2,3'}


def test_a_quotation_mark_that_nothing_closes_leaves_a_row_that_is_not_whole(tmp_path):
    file = written(tmp_path / "a.csv", 'a,b\n1,2\n"3,4\n' + "5,6\n" * 1000)

    _, rows, broken = read(file)

    assert (len(rows), rows[0]) == (2, ("1", "2"))
    assert broken[1].startswith('"3,4\n5,6\n')
    assert len(broken[1]) <= delimited.CHARACTERS_KEPT


@pytest.mark.parametrize("line_break", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_line_break_and_encoding_is_read(tmp_path, line_break, encoding):
    file = written(tmp_path / "a.tsv", line_break.join(["ciudé\tb", "Nîmes\t2", "é,è\t3"]), encoding)
    declared = None if encoding.startswith("utf-8") else encoding

    assert read(file, encoding=declared, delimiter="\t") == (["ciudé", "b"], [("Nîmes", "2"), ("é,è", "3")], {})


def test_bytes_that_do_not_fit_are_marked(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"a,b\n\xff,2\n")

    assert read(tmp_path / "a.csv")[1] == [("\ufffd", "2")]


def test_a_field_may_be_very_long(tmp_path):
    file = written(tmp_path / "a.csv", f"a,b\n{'x' * 200_000},2\n")

    assert len(read(file)[1][0][0]) == 200_000


def test_a_file_without_lines_has_no_columns(tmp_path):
    assert read(written(tmp_path / "a.csv", "")) == ([], [], {})
    assert read(written(tmp_path / "b.csv", "a,b\n")) == (["a", "b"], [], {})


def test_names_that_are_empty_or_there_twice_have_their_place():
    assert safe_names(["a", "", "A", "a1", "_Position"]) == ["a0", "_c1", "A2", "a1", "_Position4"]
    assert safe_names(["a1", "a", "A"]) == ["a1", "a1_", "A2"]


def test_batches_are_small_and_count_on(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "ROWS_PER_BATCH", 2)
    file = written(tmp_path / "a.csv", "a,b\n1,1\n2,2\n3\n")

    batches = list(text_batches(str(file), ["a", "b"], encoding=None, delimiter=","))

    assert [batch.num_rows for batch in batches] == [2, 1]
    assert pa.Table.from_batches(batches)["_position"].to_pylist() == [0, 1, 2]
    assert batches[0].schema.names == ["a", "b", *EXTRA]


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0\r")), min_size=3, max_size=3)))
def test_what_the_module_csv_writes_is_read_back(tmp_path_factory, rows):
    file = tmp_path_factory.mktemp("csv") / "a.csv"
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([["a", "b", "c"], *rows])
    file.write_bytes(buffer.getvalue().encode())

    assert read(file)[1:] == ([tuple(value or None for value in row) for row in rows], {})
