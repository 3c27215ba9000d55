"""Text of files: UTF-8, what a file declares, or a guess that is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats.text import declared_by_xml, decode_text, open_text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\ufeff\0")))
def test_utf8_is_read_as_it_is_and_needs_no_word(text):
    assert decode_text(text.encode()) == (text, None)
    assert decode_text(text.encode("utf-8-sig")) == (text, None)
    assert decode_text(text.encode("utf-16")) == (text, None)


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Orléans\nNîmes\n"),
        ("cp1251", "кошка\nсобака\nмашина\n"),
        ("shift_jis", "犬\n猫\n自動車\n"),
        ("euc_kr", "고양이\n개\n"),
    ],
)
def test_other_text_is_decoded_and_the_encoding_is_named(encoding, text):
    assert decode_text(text.encode(encoding)) == (text, encoding)


def test_what_a_file_declares_comes_before_utf8():
    data = '<?xml version="1.0" encoding="GBK"?><a>猫</a>'.encode("gbk")

    text, encoding = decode_text(data, declared=declared_by_xml(data))

    assert (text[-6:], encoding) == (">猫</a>", "gbk")


@pytest.mark.parametrize("declared", ["utf-16", "no such encoding"])
def test_a_declaration_that_does_not_fit_is_an_error(declared):
    with pytest.raises(ValueError, match=r"encoding|text"):
        decode_text(b"abc", declared=declared)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_opened_without_its_mark_and_with_marks_for_bytes_that_do_not_fit(tmp_path, encoding):
    (tmp_path / "a.txt").write_bytes("é\r\n".encode(encoding))
    (tmp_path / "b.txt").write_bytes(b"a\xff")

    with open_text(str(tmp_path / "a.txt"), None if encoding.startswith("utf-8") else encoding) as text:
        assert text.read() == "é\n"
    with open_text(str(tmp_path / "b.txt"), None) as text:
        assert text.read() == "a\ufffd"
