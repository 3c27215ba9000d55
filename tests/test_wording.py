"""What users read: no phrase that made a reader stop, in help, report, messages and docs; and the glossary."""

from __future__ import annotations

import argparse
import ast
import re
from pathlib import Path

import pytest

from dataeval_spark.cli.main import parser

ROOT = Path(__file__).resolve().parents[1]
PHRASES = (
    r"No factor tells the label",
    r"factors? tells? the label",
    r"No images lie together",
    r"No image is in a part of a split",
    r"Who is in which part",
    r"times the labels of the rarest",
    r"Look at them\b",
    r"Make sure that they are",
    r"what is to be seen",
    r"objects cannot be told",
    r"without colou?r",
    r"Like a better one",
    r"\bWhich one\"",
    r"lists are too short to tell \(",
    r"have length 0",
    r"times longer or shorter than the median, by powers of two",
    r"could not be taken as written",
    r"could be taken as written",
    r"score is 0\.00",
    r"(?-i:Not there yet)",
    r"what had a part",
    r"with a reason only",
    r"do its last one again",
    r"let the dataset's images",
    r"do all that a configuration",
    r"that is to be written",
    r"tells less about new data",
    r"opened 1 times",
    r"files skipped: no images",
    r"has no image of it",
    r"a folder per class holds none without",
    r"is not a class and numbers",
    r"are written as\s+after",
    r"are\s+doubted too",
    r"beyond doubt",
    r"as few as can be",
    r"classes in classes",
    r"stand in the order of the ids",
)
# Saved selections were called views, and checkpoints stages.
OLDER_WORDS = (r"\bview_members\b", r"\bview_name\b", r"\bk-means cells?\b", r"\brun\.stage\b")
NOT_READ = ("dataeval_spark/tables/selections.py",)  # has the older names, for migration


def texts_of(path):
    """String literals of a module, docstrings too."""
    tree = ast.parse(path.read_text())
    return "\n".join(
        node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and type(node.value) is str
    )


def parsers(top):
    yield top
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for verb in action.choices.values():
                yield from parsers(verb)


def pages():
    for path in sorted((ROOT / "dataeval_spark").rglob("*.py")):
        if path.relative_to(ROOT).as_posix() not in NOT_READ:
            yield path, texts_of(path)
    for folder, pattern in (("dataeval_spark", "*.j2"), ("docs", "*.md"), ("notebooks", "*.py"), ("conf", "*.toml")):
        for path in sorted((ROOT / folder).rglob(pattern)):
            yield path, path.read_text()
    yield ROOT / "README.md", (ROOT / "README.md").read_text()
    for each in parsers(parser()):
        yield Path(each.prog), each.format_help()


PAGES = [(path, re.sub(r"\s+", " ", text)) for path, text in pages()]


@pytest.mark.parametrize("phrase", [*PHRASES, *OLDER_WORDS])
def test_a_phrase_that_made_a_reader_stop_is_written_nowhere(phrase):
    wording = re.compile(phrase.replace(r"\s+", " "), re.IGNORECASE)
    assert [str(path) for path, text in PAGES if wording.search(text)] == []


def test_the_help_of_every_verb_is_searched():
    assert {"dataeval-spark ingest", "dataeval-spark select", "dataeval-spark doctor"} <= {
        str(path) for path, _ in PAGES
    }


def test_the_glossary_has_at_most_forty_terms_in_alphabetical_order():
    lines = (ROOT / "docs" / "glossary.md").read_text().splitlines()
    terms = [line.split("|")[1].strip() for line in lines if line.startswith("| ")][1:]

    assert len(terms) <= 40
    assert terms == sorted(terms)


# The generated pages have names of columns and values of options in their text.
WRITTEN_PAGES = sorted({path.name for path in (ROOT / "docs").glob("*.md")} - {"tables.md", "options.md"})


@pytest.mark.parametrize("page", ["README.md", *(f"docs/{name}" for name in WRITTEN_PAGES)])
def test_prose_of_the_docs_has_british_spelling(page):
    code = r"```.*?```|`[^`\n]*`|\]\([^)]*\)|https?://\S+"
    prose = re.sub(code, "", (ROOT / page).read_text(), flags=re.DOTALL)
    assert re.findall(r"(?i)\b(?:colors?|colorful|neighbors?|gray|grayscale)\b", prose) == []
