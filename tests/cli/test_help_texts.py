"""What help shows below the options agrees with the code, which help does not load."""

from __future__ import annotations

import inspect
import re
from typing import get_type_hints

import pytest

from dataeval_spark.analyses.quality.image_findings import RULES
from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.cli.help_texts import EXAMPLES, OPERATION_FORMS, STEP_CHOICES, below_options, examples
from dataeval_spark.cli.main import parser
from dataeval_spark.option_checks.types import choices
from dataeval_spark.verbs.config import options_of
from dataeval_spark.verbs.select.operations import OPERATIONS
from dataeval_spark.verbs.select.recipe import check, from_words

FORMS = {line.split()[0]: line for line in OPERATION_FORMS.splitlines() if re.match(r"  \w", line)}


def test_the_choices_of_steps_are_those_of_their_functions_with_the_default_first():
    there = {}
    for step in (*STEPS, *COMPARISONS):
        hints = get_type_hints(step.function)
        for option, default in options_of(step.function).items():
            allowed = choices(hints[option])
            if len(allowed) > 1:
                there[f"{step.name}.{option}"] = (default, set(allowed))

    assert {name: (values[0], set(values)) for name, values in STEP_CHOICES.items()} == there


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_form_of_an_operation_has_its_options_and_brackets_round_those_with_a_default(name):
    parameters = [p for p in inspect.signature(OPERATIONS[name]).parameters.values() if p.name != "selection"]
    form = FORMS[name].split("   ")[0] if name not in ("drop_outliers", "drop_findings") else FORMS[name]

    needed = re.findall(r" (\w+)=", form)
    optional = re.findall(r"\[(\w+)=", form)

    assert needed == [p.name for p in parameters if p.default is inspect.Parameter.empty]
    assert optional == [p.name for p in parameters if p.default is not inspect.Parameter.empty]


def test_help_lists_every_rule_of_drop_findings():
    assert set(RULES) <= set(re.findall(r"\w+", OPERATION_FORMS))


@pytest.mark.parametrize("line", EXAMPLES.strip().splitlines())
def test_every_example_can_be_parsed(line):
    args = parser().parse_args(line.split()[1:])

    if args.verb == "select":
        check([from_words(words, str if words[0] == "classes" else int) for words in args.operation])


def test_examples_of_a_verb_and_the_first_of_each():
    assert examples("search").splitlines() == [
        "  dataeval-spark search --workspace my_audit photos/cat.jpg",
        "  dataeval-spark search --workspace my_audit photos/cat.jpg -k 3 --metric euclidean",
    ]
    assert examples().splitlines()[1] == "  dataeval-spark profile --workspace my_audit --encoder hog_color"


def test_choices_are_shown_where_they_are_given():
    assert "outliers.method                         calibrated, zscore" in below_options("analyze")
    assert "outliers.method" not in below_options("compare")
