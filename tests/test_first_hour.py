"""docs/first_hour.md has every command of the script that writes it, and what its mistakes still say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts import first_hour

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "first_hour.md").read_text(encoding="utf-8")
# Mistakes that are refused before an engine starts, and need none of the files but the folder of photographs.
QUICK = (
    "profil --workspace my_audit",
    "profile --workspce my_audit",
    "profile --workspace my_audit --encoder hog",
    "analyze --workspace my_audit outlier",
    "analyze --workspace my_audit --set outliers.metod=iqr",
    "ingest --workspace my_audit phtos",
    "split --workspace my_audit --name s --fractions train=0.7 test=0.2",
    "select --workspace my_audit --name s --operation drop_duplicate",
    "select --workspace my_audit --name s --operation drop_findings rules=blury",
)


def test_the_page_has_every_command_of_the_script_in_its_order():
    shown = re.findall(r"^\$ dataeval-spark (.*)$", PAGE, re.MULTILINE)
    mistakes = re.findall(r"^\| `(.*)` \| `error: ", PAGE, re.MULTILINE)

    assert shown == [each.command for part in first_hour.PARTS for each in part.commands]
    assert mistakes == list(first_hour.MISTAKES)
    assert len(mistakes) >= 10


@pytest.mark.parametrize("words", QUICK)
def test_a_mistake_says_what_the_page_says(words, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "0.png").write_bytes(b"")

    assert first_hour.mistake(words, tmp_path) in PAGE.splitlines()


def test_every_mistake_has_a_hint_and_shows_no_insides():
    rows = [line for line in PAGE.splitlines() if " | `error: " in line]

    assert [line for line in rows if "<br>`Hint: " not in line] == []
    assert len(rows) == len(first_hour.MISTAKES)
    assert "Traceback" not in PAGE


def test_the_first_and_last_lines_of_long_output_are_shown():
    text = "\n".join("abcdef")

    assert first_hour.shortened(text, first_hour.Shown("", 2, 1)) == "a\nb\n... (3 more lines)\nf"
    assert first_hour.shortened(text, first_hour.Shown("", 6)) == text
    # One line is not left out for another that says so.
    assert first_hour.shortened(text, first_hour.Shown("", 4, 1)) == text
