"""Options of the verbs: each declared once, checked when they are made of names and values."""

from __future__ import annotations

import inspect

import pytest

from dataeval_spark import options
from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.options import ExportOptions, ProfileOptions, SplitOptions, changed, options_from

KINDS = [kind for name, kind in inspect.getmembers(options, inspect.isclass) if name.endswith("Options")]


def test_an_unknown_option_gets_the_nearest_name():
    with pytest.raises(ConfigError, match=r"(?s)unknown option 'fromat'.*did you mean 'format'\?"):
        options_from(ExportOptions, {"fromat": "yolo"})


def test_a_value_that_is_not_listed_gets_the_nearest_value():
    with pytest.raises(OptionError, match=r"(?s)export\.format is 'cocoo'.*Hint: export\.format = 'coco'"):
        options_from(ExportOptions, {"format": "cocoo"})


def test_none_is_a_value_of_an_option_whose_default_it_is():
    assert options_from(options.IngestOptions, {"format": None}).format is None


def test_a_list_at_its_default_is_not_changed():
    made = options_from(SplitOptions, {"stratify_by": ["class_name"], "group_by": [], "seed": 3})

    assert changed(made) == {"seed": 3}


@pytest.mark.parametrize("kind", KINDS)
def test_every_option_is_described_in_a_sentence(kind):
    texts = [field.metadata["text"] for field in options.fields(kind)]

    assert texts
    assert all(text[0] == text[0].upper() or text.split()[0] == "class_name" or text[0] == "'" for text in texts)
    assert all(text.endswith(".") for text in texts)


def test_options_are_not_changed_once_they_are_made():
    with pytest.raises(AttributeError):
        ProfileOptions().encoder = "thumbnail"


@pytest.mark.parametrize("option", ["dataset", "metadata"])
def test_an_empty_text_is_refused(option):
    with pytest.raises(OptionError, match=rf"ingest\.{option} is empty\.\nHint: leave it out"):
        options_from(options.IngestOptions, {option: " "})
