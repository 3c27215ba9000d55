from __future__ import annotations

import pytest

from dataeval_spark.verbs.text import clean, listed, number, plural, shorten, shown, size


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "–"),
        (True, "yes"),
        (1234567, "1,234,567"),
        (2.0, "2"),
        (0.123456, "0.123"),
        (1e-9, "1.0e-09"),
        (150.26, "150.3"),
        (12345.6, "12,346"),
        (float("nan"), "not a number"),
        (float("-inf"), "−∞"),
        (1e300, "1.0e+300"),
    ],
)
def test_numbers_show_the_digits_that_matter(value: float, expected: str) -> None:
    assert number(value) == expected


def test_the_middle_of_a_long_text_is_left_out() -> None:
    assert shorten("abcdefghij", 7) == "abc…hij"
    assert shorten("abcdefg", 7) == "abcdefg"


def test_invisible_characters_become_visible() -> None:
    assert clean("a\u202eb\x00c\ud800d\u2028e\tf") == "a\ufffdb\ufffdc\ufffdd\ufffde f"


def test_joiners_stay_because_scripts_need_them() -> None:
    assert clean("می\u200cخواهم") == "می\u200cخواهم"


def test_a_tower_of_marks_is_cut() -> None:
    assert clean("a" + "\u0301" * 50) == "a" + "\u0301" * 4


def test_a_note_tells_how_much_is_shown() -> None:
    assert shown(12, 340) == "12 of 340 shown"
    assert shown(2, 1, "groups") == "2 of 2 groups shown"
    assert shown(0, 0) == ""


def test_lists_are_read_as_a_sentence() -> None:
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert listed([]) == ""


def test_sizes_and_plurals() -> None:
    assert [size(None), size(90), size(73_400), size(2e9)] == ["–", "90 bytes", "73.4 kB", "2 GB"]
    assert [plural(1, "image"), plural(1200, "box", "boxes")] == ["1 image", "1,200 boxes"]
