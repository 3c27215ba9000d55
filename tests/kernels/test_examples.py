"""Examples in the docstrings of kernels give what they show."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import numpy as np
import pytest

from dataeval_spark import kernels

EXAMPLES = [
    examples
    for module in pkgutil.walk_packages(kernels.__path__, f"{kernels.__name__}.")
    for examples in doctest.DocTestFinder().find(importlib.import_module(module.name), extraglobs={"np": np})
    if examples.examples
]


@pytest.mark.parametrize("examples", EXAMPLES, ids=lambda examples: examples.name)
def test_an_example_gives_what_it_shows(examples):
    output: list[str] = []

    result = doctest.DocTestRunner().run(examples, out=output.append)

    assert result.failed == 0, "".join(output)
