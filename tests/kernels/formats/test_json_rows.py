"""JSON lines and arrays: types from all values, rows that fit them, and texts that are no objects."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats import json_rows
from dataeval_spark.kernels.formats.json_rows import JsonSchema, infer_schema, is_json_array, json_batches


def read(path, encoding=None):
    is_array = is_json_array(str(path), encoding)
    schema = JsonSchema.of_text(infer_schema(str(path), encoding=encoding, is_array=is_array).to_text())
    batches = list(json_batches(str(path), schema, encoding=encoding, is_array=is_array))
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row.pop("_position") for row in rows] == list(range(len(rows)))
    broken = [text for row in rows if (text := row.pop("_corrupt_record")) is not None]
    assert len(broken) == schema.broken
    return {name: type_ for name, _, type_ in schema.columns}, rows, broken


def test_lines_have_columns_sorted_by_name_and_null_where_a_key_is_missing(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"b": 1, "a": "x"}\n\n{"c": {"z": [1], "y": null}, "b": 2.5}\n')

    types, rows, broken = read(tmp_path / "a.jsonl")

    assert types == {"a": "string", "b": "double", "c": {"struct": {"y": "string", "z": {"array": "bigint"}}}}
    assert rows == [{"a": "x", "b": 1.0, "c": None}, {"a": None, "b": 2.5, "c": {"y": None, "z": [1]}}]
    assert broken == []


def test_lines_that_are_no_objects_are_texts_and_an_array_in_a_line_is_its_objects(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a":\n[{"a": 2}, {"a": 3}]\n5\n"t"\n[]\n{"a": 4} x\n')

    types, rows, broken = read(tmp_path / "a.jsonl")

    assert types == {"a": "bigint"}
    assert [row["a"] for row in rows] == [1, None, 2, 3, None, None, None, None]
    assert broken == ['{"a":', "5", '"t"', "[]", '{"a": 4} x']


def test_a_comma_at_the_end_of_a_line_does_no_harm(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1},\n{"a": 2} ,\n{"a": 3}\n')

    assert [row["a"] for row in read(tmp_path / "a.jsonl")[1]] == [1, 2, 3]


def test_values_of_several_types_are_texts_as_they_are_written(tmp_path):
    lines = ['{"a": "x"}', '{"a": 1.50}', '{"a": true}', '{"a": {"b": "é"}}', '{"a": 1}', '{"a": null}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))

    _, rows, _ = read(tmp_path / "a.jsonl")

    assert [row["a"] for row in rows] == ["x", "1.50", "true", '{"b": "é"}', "1", None]


def test_an_empty_text_among_other_values_is_null_and_among_texts_a_text(tmp_path):
    lines = ['{"n": 1, "s": "x", "l": [1], "o": {"p": 1}}', '{"n": "", "s": "", "l": "", "o": ""}']
    (tmp_path / "a.jsonl").write_text("\n".join(lines))

    assert read(tmp_path / "a.jsonl")[1][1] == {"n": None, "s": "", "l": None, "o": None}


def test_long_integers_are_decimals_and_longer_ones_doubles(tmp_path):
    (tmp_path / "a.jsonl").write_text(f'{{"a": {2**64}, "b": 1{"0" * 400}, "c": NaN}}\n{{"a": 1, "b": 2, "c": 1}}\n')

    types, rows, _ = read(tmp_path / "a.jsonl")

    assert types == {"a": "decimal(20, 0)", "b": "double", "c": "double"}
    assert (rows[0]["a"], rows[0]["b"], rows[1]["b"]) == (Decimal(2**64), float("inf"), 2.0)


def test_keys_that_differ_in_case_alone_are_columns_with_their_place(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1, "A": 2, "": 3}\n')

    assert read(tmp_path / "a.jsonl")[1] == [{"_c0": 3, "A1": 2, "a2": 1}]


def test_half_a_surrogate_pair_is_marked(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": "x\\ud800", "b": [{"c": "\\udfff"}]}\n')

    assert read(tmp_path / "a.jsonl")[1] == [{"a": "x?", "b": [{"c": "?"}]}]


def test_a_line_nested_too_deeply_is_broken(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"a": ' + "[" * 100_000 + "\n")

    _, rows, broken = read(tmp_path / "a.jsonl")

    assert (len(rows), len(broken), len(broken[0])) == (2, 1, 1000)


@pytest.mark.parametrize("chunk", [1, 7, 2**20])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_array_is_read_piece_by_piece(tmp_path, monkeypatch, chunk, encoding):
    monkeypatch.setattr(json_rows, "CHUNK", max(chunk, 4))
    text = ' [\n{"a": 12345, "b": "é]"},\r\n {"a": 6} ,5, {"a": 7}\n] '
    (tmp_path / "a.json").write_bytes(text.encode(encoding))

    _, rows, broken = read(tmp_path / "a.json", None if encoding.startswith("utf-8") else encoding)

    assert [row["a"] for row in rows] == [12345, 6, None, 7]
    assert (rows[0]["b"], broken) == ("é]", ["5"])


@pytest.mark.parametrize("rest", ['{"a": 2', "", "}", '{"a" 2}]'])
def test_an_array_that_breaks_off_has_the_objects_before_that_place(tmp_path, rest):
    (tmp_path / "a.json").write_text(f'[{{"a": 1}}, {rest}')

    _, rows, broken = read(tmp_path / "a.json")

    assert (rows[0], broken) == ({"a": 1}, [rest])


def test_batches_are_small(tmp_path, monkeypatch):
    monkeypatch.setattr(json_rows, "ROWS_PER_BATCH", 2)
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n' * 5)
    schema = infer_schema(str(tmp_path / "a.jsonl"), encoding=None, is_array=False)

    batches = list(json_batches(str(tmp_path / "a.jsonl"), schema, encoding=None, is_array=False))

    assert [batch.num_rows for batch in batches] == [2, 2, 1]


@given(
    st.lists(st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(-9, 9) | st.none(), min_size=1), min_size=1)
)
def test_an_array_and_lines_of_the_same_objects_are_the_same_rows(tmp_path_factory, objects):
    folder = tmp_path_factory.mktemp("json")
    (folder / "a.json").write_text(json.dumps(objects, indent=1))
    (folder / "a.jsonl").write_text("\n".join(map(json.dumps, objects)))

    assert read(folder / "a.json") == read(folder / "a.jsonl")
