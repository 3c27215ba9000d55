"""Sections of a configuration: the dataclass or function that declares the options of each, and checks of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dataeval_spark.config import options_of
from dataeval_spark.errors import ConfigError
from dataeval_spark.options import CONFIGURED
from dataeval_spark.steps import COMPARISONS, STEPS

FUNCTIONS: dict[str, Callable[..., Any]] = {
    **CONFIGURED,
    **{step.name: step.function for step in (*STEPS, *COMPARISONS)},
}


def pipeline_steps() -> tuple[str, ...]:
    return tuple(step.name for step in STEPS)


def checked(options: Mapping[str, Mapping[str, Any]] | None) -> Mapping[str, Mapping[str, Any]]:
    for name, given in (options or {}).items():
        check(name, given)
    return options or {}


def check(section: str, options: Mapping[str, Any]) -> None:
    if section not in FUNCTIONS:
        raise ConfigError.unknown("step", section, FUNCTIONS, "options")
    allowed = options_of(FUNCTIONS[section])
    for option in options:
        if option not in allowed:
            raise ConfigError.unknown("option", option, allowed, section)
