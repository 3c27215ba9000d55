"""Rows of text files in the encodings that people use, and tables by path or name."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import IngestError
from dataeval_spark.verbs.ingest.readers.text_rows import encoding_of, open_table, read_text_rows


def rows(frame):
    return sorted(tuple(row) for row in frame.collect())


@pytest.mark.parametrize(
    ("encoding", "declared", "named"),
    [
        ("utf-8", None, None),
        ("utf-8-sig", None, None),
        ("utf-16", None, "utf-16"),
        ("cp1252", None, "cp1252"),
        ("gb18030", "gb18030", "gb18030"),
    ],
)
def test_csv_is_text_in_its_own_encoding_names_of_columns_too(spark, tmp_path, encoding, declared, named):
    file = tmp_path / "a.csv"
    file.write_bytes('path,ciudé\na.png,"Orléans, ""Sud"""\nb.png,Nîmes\n'.encode(encoding))

    found = read_text_rows(spark, str(file), encoding=declared)

    assert found.frame.columns == ["path", "ciudé"]
    assert rows(found.frame) == [("a.png", 'Orléans, "Sud"'), ("b.png", "Nîmes")]
    assert (rows(found.broken), found.encoding) == ([], named)


def test_lines_that_are_not_whole_are_apart_and_those_of_csv_keep_what_they_have(spark, tmp_path):
    (tmp_path / "a.csv").write_text("path,n\na.png,1\nb.png\n")
    (tmp_path / "a.jsonl").write_text('{"path": "a.png", "n": 1}\n{"path": \n')

    csv = read_text_rows(spark, str(tmp_path / "a.csv"))
    json = read_text_rows(spark, str(tmp_path / "a.jsonl"))

    assert rows(csv.frame.fillna("none")) == [("a.png", "1"), ("b.png", "none")]
    assert [row["path"] for row in csv.broken.collect()] == ["b.png"]
    assert rows(json.frame.select("path", "n")) == [("a.png", 1)]
    assert len(json.broken.collect()) == 1


def test_rows_are_numbered_in_the_order_of_the_file_and_names_of_columns_may_be_any(spark, tmp_path):
    lines = [f"{n},x" for n in range(10_000)]
    (tmp_path / "a.csv").write_text("\n".join(["n,,N,_position", *lines]))

    numbered = read_text_rows(spark, str(tmp_path / "a.csv")).numbered

    assert numbered.columns == ["n0", "_c1", "N2", "_position3", "_position"]
    assert numbered.where("CAST(n0 AS bigint) = _position").count() == 10_000


def test_broken_lines_are_apart_from_a_column_of_that_name(spark, tmp_path):
    (tmp_path / "a.jsonl").write_text('{"_corrupt_record": 1, "a`b.c": {"d`e": [1]}}\n?\n')

    found = read_text_rows(spark, str(tmp_path / "a.jsonl"))

    assert found.frame.columns == ["_corrupt_record0", "a`b.c"]
    assert [tuple(row) for row in found.frame.collect()] == [(1, ([1],))]
    assert [row["_corrupt_record"] for row in found.broken.collect()] == ["?"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_json_may_be_in_any_encoding_of_unicode_with_its_mark(spark, tmp_path, encoding):
    (tmp_path / "a.jsonl").write_bytes('{"a": "é"}\n{"a": "è"}\n'.encode(encoding))
    (tmp_path / "a.json").write_bytes('[{"a": "é"},{"a": "è"}]'.encode(encoding))

    for name in ("a.jsonl", "a.json"):
        assert rows(read_text_rows(spark, str(tmp_path / name)).frame) == [("è",), ("é",)]


def test_one_json_array_is_read_as_its_objects(spark, tmp_path):
    (tmp_path / "a.json").write_text('[{"path": "a.png"},\n {"path": "b.png"}]')

    assert rows(read_text_rows(spark, str(tmp_path / "a.json")).frame) == [("a.png",), ("b.png",)]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.jsonl", '{"a": "é"}'.encode("cp1252") * 9, r"a\.jsonl is JSON in cp\d+; expected UTF-8\.\nHint: iconv -f"),
        ("a.jsonl", b"", r"a\.jsonl has no rows; expected JSON objects\.\nHint: "),
    ],
)
def test_json_that_cannot_be_read_says_how_to_mend_it(spark, tmp_path, name, data, message):
    (tmp_path / name).write_bytes(data)

    with pytest.raises(IngestError, match=message):
        read_text_rows(spark, str(tmp_path / name))


def test_an_encoding_that_is_not_known_and_a_missing_file_name_the_option(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n")

    with pytest.raises(
        IngestError, match=r"a\.csv cannot be read: the encoding 'klingon' is not known.*\nHint: --encoding"
    ):
        encoding_of(str(tmp_path / "a.csv"), "klingon")
    with pytest.raises(IngestError, match=r"none\.csv cannot be read: "):
        encoding_of(str(tmp_path / "none.csv"))


def test_parquet_in_folders_of_its_own_is_one_table_and_says_that_it_is_parquet(spark, tmp_path, frame):
    for name in ("train", "test"):
        frame("x string", [(name,)]).write.parquet(str(tmp_path / "data" / name))
    frame("x string", [("delta",)]).write.format("delta").save(str(tmp_path / "delta"))

    nested, is_parquet = open_table(spark, str(tmp_path / "data"), is_nested=True)
    delta, is_parquet_too = open_table(spark, str(tmp_path / "delta"))

    assert (rows(nested), is_parquet) == ([("test",), ("train",)], True)
    assert (rows(delta), is_parquet_too) == ([("delta",)], False)
