"""Recipes: what is refused, how a command line writes one, and the labels that one leaves."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.verbs.config import value_of
from dataeval_spark.verbs.select.recipe import apply, check, from_words, parts_in, targets_of


def test_a_relabeled_class_is_what_later_operations_see(tables):
    relabel = {"operation": "relabel", "classes": {"cat": "pet", "dog": "pet"}}
    recipe = [relabel, {"operation": "classes", "keep": ["pet"]}, {"operation": "limit", "n": 2}]
    chosen = apply(recipe, tables)[-1]
    targets = targets_of(recipe, chosen.members, tables)

    assert {(row.image_id, row.target_index, row.class_name, row.attributes) for row in targets.collect()} == {
        ("a0", 0, "pet", '{"at": 0}'),
        ("a1", 0, "pet", '{"at": 0}'),
        ("a1", 1, "pet", '{"at": 1}'),
    }


def test_the_members_after_each_operation_are_stored_on_their_own(tables):
    stored = []

    def checkpoint(frame, name):
        stored.append((name, frame.count()))
        return frame

    recipe = [{"operation": "datasets", "names": ["a"]}, {"operation": "limit", "n": 2}]
    selections = apply(recipe, tables, checkpoint)

    assert stored == [("selection_1", 5), ("selection_2", 2)]
    assert [each.members.count() for each in selections] == [10, 5, 2]


def test_labels_of_other_classes_go_or_stay_as_is_said(tables):
    for keeps, expected in ((True, {"dog"}), (False, {"cat", "dog"})):
        recipe = [{"operation": "classes", "keep": ["dog"], "filter_targets": keeps}]
        targets = targets_of(recipe, apply(recipe, tables)[-1].members, tables)

        assert {row.class_name for row in targets.collect()} == expected


@pytest.mark.parametrize(
    ("recipe", "error", "message"),
    [
        ([{"operation": "limti", "n": 1}], ConfigError, "did you mean 'limit'"),
        ([{"operation": "limit", "m": 1}], ConfigError, "unknown option 'm'"),
        ([{"operation": "limit"}], OptionError, "limit lacks n"),
        ([{"n": 1}], OptionError, "expected operation = 'NAME'"),
    ],
)
def test_recipes_that_cannot_be_are_refused(recipe, error, message):
    with pytest.raises(error, match=message):
        check(recipe)


def test_a_relabelling_need_know_only_the_labels_of_the_images_that_were_chosen(tables):
    recipe = [
        {"operation": "where", "condition": "image_id = 'a0'"},
        {"operation": "relabel", "classes": {"cat": "pet"}, "unmatched": "raise"},
    ]
    chosen = apply(recipe, tables)[-1]

    assert [row.class_name for row in targets_of(recipe, chosen.members, tables).collect()] == ["pet"]


@pytest.mark.parametrize(
    ("words", "operation"),
    [
        (["limit", "n=100"], {"operation": "limit", "n": 100}),
        (
            ["classes", "keep=cat,7", "filter_targets=false"],
            {"operation": "classes", "keep": ["cat", "7"], "filter_targets": False},
        ),
        (["indices", "positions=3,1"], {"operation": "indices", "positions": [3, 1]}),
        (["split", "name=1", "part=test"], {"operation": "split", "name": "1", "part": "test"}),
    ],
)
def test_words_of_a_command_line_become_values_of_the_type_that_the_operation_takes(words, operation):
    assert from_words(words, value_of) == operation


def test_a_word_without_a_value_is_refused_with_an_example():
    with pytest.raises(OptionError, match="'100' is no option; expected OPTION=VALUE, such as n=100"):
        from_words(["limit", "100"], int)


def test_a_text_in_place_of_a_list_is_refused_with_the_list():
    with pytest.raises(OptionError, match=r"classes.keep is 'cat'; expected a list of texts such as \['cat'\]"):
        check([{"operation": "classes", "keep": "cat"}])


def test_the_splits_that_a_recipe_takes_are_known_before_it_is_applied_but_for_those_of_the_source():
    recipe = [
        {"operation": "split", "name": "main", "part": "test"},
        {"operation": "split", "name": "given", "part": "train"},
        {"operation": "limit", "n": 5},
    ]

    assert parts_in(recipe) == [("main", "test")]
