"""Flags made of the options that a verb declares."""

from __future__ import annotations

import argparse

import pytest

from dataeval_spark.cli.flags import add_flags, flags_of
from dataeval_spark.options import ExportOptions, IngestOptions, ProfileOptions, SearchOptions, SplitOptions


def parsed(kind, *words):
    parser = argparse.ArgumentParser()
    add_flags(parser, kind)
    return flags_of(parser.parse_args(words), kind)


@pytest.mark.parametrize(
    ("kind", "words", "options"),
    [
        (ExportOptions, "", {}),
        (ExportOptions, "--samples-per-shard 5 --replace", {"samples_per_shard": 5, "replace": True}),
        (IngestOptions, "--format coco --limit 3 --keep-bytes", {"format": "coco", "limit": 3, "keep_bytes": True}),
        (SearchOptions, "-k 3", {"k": 3}),
        (SplitOptions, "--no-shuffle --no-duplicates", {"shuffle": False, "duplicates": False}),
        (SplitOptions, "--fractions train=0.5 test=0.5", {"fractions": {"train": 0.5, "test": 0.5}}),
        (SplitOptions, "--group-by patient site --stratify-by", {"group_by": ["patient", "site"], "stratify_by": []}),
        (SplitOptions, "--horizon 1.5", {"horizon": 1.5}),
        (ProfileOptions, "--encoder thumbnail", {"encoder": "thumbnail"}),
    ],
)
def test_only_options_that_are_given_come_back_with_their_types(kind, words, options):
    assert parsed(kind, *words.split()) == options


@pytest.mark.parametrize("words", ["--fractions train", "--fractions =1", "--fractions train=x", "--group-by"])
def test_what_is_no_value_is_wrong_usage(words, capsys):
    with pytest.raises(SystemExit) as stop:
        parsed(SplitOptions, *words.split())

    assert stop.value.code == 2


def test_help_tells_the_default_and_the_choices_in_words():
    parser = argparse.ArgumentParser()
    add_flags(parser, SplitOptions)

    text = " ".join(parser.format_help().split())

    assert "Shuffle the images first; otherwise they are taken in the order of their ids" in text
    assert "as scikit-learn does. Default: yes." in text
    assert "Default: stratified_group." in text
    assert "equal in all parts. Default: class_name." in text


def test_a_setting_has_no_flag(capsys):
    with pytest.raises(SystemExit):
        parsed(ProfileOptions, "--max-pixels", "5")
