"""Forms of names, and what they share with the path of the file that they mean."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from dataeval_spark.kernels.formats.file_names import differs_in, forms, keys, plain_path

PARTS = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0%"), min_size=1, max_size=8).filter(
    lambda text: text.strip() == text and text not in (".", "..") and not text.endswith(":")
)
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)


@given(PATHS)
def test_a_path_written_in_another_way_shares_a_key_with_the_path(path):
    for written in (path.replace("/", "\\"), f"./{path}", f"C:\\data\\{path}", unicodedata.normalize("NFD", path)):
        of_name = {(form, key) for form, _, _, key in keys(written, is_path=False)}
        wholes = {(form, key) for form, _, is_whole, key in keys(path, is_path=True) if is_whole}
        assert of_name & wholes


@given(PATHS)
def test_a_form_of_a_form_is_itself(path):
    assert forms(forms(path)[0])[0] == plain_path(path)


def test_escapes_that_are_no_utf8_are_left_as_they_are():
    assert [key for _, _, _, key in keys("%ff.png", is_path=False)][:1] == ["%ff.png"]
    assert differs_in("%ff.png", "a.png") == "percent escapes"
