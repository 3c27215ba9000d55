"""CSV as people and programs write it."""

from __future__ import annotations

import io

import pytest

from dataeval_spark.kernels.formats.csv_rows import column_names, csv_records


@pytest.mark.parametrize(
    ("text", "records"),
    [
        ("a,b\n", [["a", "b"]]),
        ("a,b", [["a", "b"]]),
        ("a,\n,b\n", [["a", None], [None, "b"]]),
        ('a,""\n"",""\n', [["a", ""], ["", ""]]),
        ('"a, b","c ""d"""\n', [["a, b", 'c "d"']]),
        ('"a\n\nb",c\nd,e\n', [["a\n\nb", "c"], ["d", "e"]]),
        ('"a\nb\n", "c"\n', [["a\nb\n", ' "c"']]),
        ("\na,b\n\n\nc,d\n\n", [["a", "b"], ["c", "d"]]),
        ("a\nb,c,d\n", [["a"], ["b", "c", "d"]]),
        ('5" disk,a "b" c\n', [['5" disk', 'a "b" c']]),
        ('"a"b,c\n', [['"a"b', "c"]]),
        ('"a" ,c\n', [["a", "c"]]),
        ('a,"b\nc,d\n', [["a", "b\nc,d"]]),
        ("", []),
    ],
)
def test_records_are_read(text, records):
    assert [record.values for record in csv_records(io.StringIO(text))] == records


def test_a_record_keeps_its_text_over_several_lines(tmp_path):
    records = csv_records(io.StringIO('a\t"b\nc"\n'), "\t")

    assert [tuple(record) for record in records] == [(["a", "b\nc"], 'a\t"b\nc"')]


def test_an_open_quote_in_a_long_file_is_read_in_one_pass():
    rows = "".join(f"{n},x\n" for n in range(200_000))

    (record,) = csv_records(io.StringIO(f'1,"open\n{rows}'))

    assert len(record.values[1]) == len(rows) + len("open\n") - 1


def test_columns_without_a_name_or_with_the_name_of_another_are_told_apart():
    assert column_names(["path", "", None, "n", "N", "m"]) == ["path", "_c1", "_c2", "n3", "N4", "m"]
