"""Recipes: the operations of a selection in order. They are checked, applied, and applied to labels again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, get_origin, get_type_hints

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from dataeval_spark.errors import ConfigError, OptionError
from dataeval_spark.kernels.images.custom_statistics import PREFIX
from dataeval_spark.option_checks.types import expected
from dataeval_spark.verbs.select.operations import KNOWN_VALUES, LABEL_OPERATIONS, OPERATIONS
from dataeval_spark.verbs.select.state import Selection
from dataeval_spark.workspace.workspace import Checkpoint

Recipe = Sequence[Mapping[str, Any]]


def check(recipe: Recipe) -> list[dict[str, Any]]:
    """The operations as plain dictionaries.

    Raises
    ------
    ConfigError
        An operation or one of its options is unknown; the message gives the nearest name.
    OptionError
        An operation has no name, lacks an option, or has a value that it cannot have.

    Examples
    --------
    >>> check([{"operation": "limit", "n": 10}])
    [{'operation': 'limit', 'n': 10}]
    """
    checked = []
    for place, step in enumerate(recipe):
        options = dict(step)
        name = options.pop("operation", None)
        if not isinstance(name, str):
            raise OptionError(
                f"select: entry {place + 1} of the recipe is {dict(step)!r}; expected operation = 'NAME' in it."
            )
        if name not in OPERATIONS:
            raise ConfigError.unknown("operation", name, OPERATIONS, "select")
        params = {
            p.name: p
            for p in inspect.signature(OPERATIONS[name]).parameters.values()
            if p.kind is inspect.Parameter.KEYWORD_ONLY
        }
        for option, value in options.items():
            if option not in params:
                raise ConfigError.unknown("option", option, params, f"select: {name}")
            _check_value(name, option, value)
        missing = [o for o, p in params.items() if p.default is inspect.Parameter.empty and o not in options]
        if missing:
            example = f"{name} {' '.join(f'{option}=...' for option in missing)}"
            raise OptionError(f"select: operation {name} lacks {', '.join(missing)}.\nHint: --operation {example}")
        checked.append({"operation": name, **options})
    return checked


def _check_value(name: str, option: str, value: Any) -> None:
    """Check the type of an option's value, and names that are known without any table."""
    hint = get_type_hints(OPERATIONS[name])[option]
    if words := expected(value, hint):
        example = f" such as [{value!r}]" if isinstance(value, str) and get_origin(hint) is Sequence else ""
        raise OptionError(f"select: {name}.{option} is {value!r}; expected {words}{example}.")
    if known := KNOWN_VALUES.get((name, option)):
        for each in value:
            if not each.startswith(PREFIX):
                OptionError.unless_one_of(f"select.{name}.{option}", each, known)


def parts_in(recipe: Recipe) -> list[tuple[str, str]]:
    """Splits and parts that a recipe takes, except those of the source."""
    return [(step["name"], step["part"]) for step in recipe if step["operation"] == "split" and step["name"] != "given"]


def from_words(words: Sequence[str], value_of: Callable[[str], Any]) -> dict[str, Any]:
    """An operation as a command line gives it: its name, then ``OPTION=VALUE``; lists with commas.

    Parameters
    ----------
    words : sequence of str
        Name and options.
    value_of : callable
        Returns the value of a text.

    Raises
    ------
    OptionError
        A word is no option.

    Examples
    --------
    >>> from_words(["classes", "keep=cat,dog"], str)
    {'operation': 'classes', 'keep': ['cat', 'dog']}
    """
    name, *options = words
    params = inspect.signature(OPERATIONS[name]).parameters if name in OPERATIONS else {}
    operation: dict[str, Any] = {"operation": name}
    for word in options:
        option, equals, text = word.partition("=")
        if not equals:
            raise OptionError(f"--operation {name}: {word!r} is no option; expected OPTION=VALUE, such as n=100.")
        value = text if option in params and str(params[option].annotation).startswith("str") else value_of(text)
        if option in params and _is_list(params[option]) and not isinstance(value, list):
            value = _list(params[option], text, value_of)
        operation[option] = value
    return operation


def _list(parameter: inspect.Parameter, text: str, value_of: Callable[[str], Any]) -> list[Any]:
    """Values of a list; names stay text, even those that look like numbers."""
    return [each if "str" in str(parameter.annotation) else value_of(each) for each in text.split(",")]


def _is_list(parameter: inspect.Parameter) -> bool:
    return str(parameter.annotation).startswith("Sequence")


def apply(recipe: Recipe, tables: Mapping[str, DataFrame], checkpoint: Checkpoint | None = None) -> list[Selection]:
    """Select by a recipe: the selection before the first operation, and after each of them.

    Parameters
    ----------
    recipe : sequence of mappings
        Operations in order: ``{"operation": "classes", "keep": ["cat"]}``. See
        `dataeval_spark.verbs.select.operations`.
    tables : mapping of str to DataFrame
        ``images`` (live rows), ``targets``, and those that the operations need.
    checkpoint : callable, optional
        Stores the members that an operation left under a name, and reads them back.
    """
    selections = [Selection.of_everything(tables)]
    for place, step in enumerate(check(recipe), start=1):
        options = {name: value for name, value in step.items() if name != "operation"}
        after = OPERATIONS[step["operation"]](replace(selections[-1], reasons=None), **options)
        if checkpoint is not None:
            after = after.with_members(checkpoint(after.members, f"selection_{place}"))
        selections.append(after)
    return selections


def targets_of(recipe: Recipe, members: DataFrame, tables: Mapping[str, DataFrame]) -> DataFrame:
    """Rows of ``targets`` of a selection's images, with the labels that its recipe leaves and their new names."""
    # Only of the chosen images: a relabelling need not know the labels of others.
    everything = Selection.of_everything(tables)
    selection = everything.with_members(members).with_labels(
        everything.labels.join(members.select("image_id"), on="image_id", how="left_semi")
    )
    for step in check(recipe):
        if step["operation"] in LABEL_OPERATIONS:
            options = {name: value for name, value in step.items() if name != "operation"}
            selection = OPERATIONS[step["operation"]](selection, **options)
    labels = selection.labels.withColumnRenamed("class_name", "new_name")
    # (image_id, target_index) is unique on both sides.
    joined = tables["targets"].join(labels, on=["image_id", "target_index"], how="inner")
    of_members = joined.join(members.select("image_id"), on="image_id", how="left_semi")
    return of_members.select(
        *("image_id", "target_index", F.col("new_name").alias("class_name"), "box", "is_crowd", "source", "attributes")
    )
