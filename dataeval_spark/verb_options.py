"""Options of the verbs and steps: the function that each section of a configuration is for, and checks of options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dataeval_spark import exporting, ingestion, profiling, selecting
from dataeval_spark.config import options_of
from dataeval_spark.errors import ConfigError
from dataeval_spark.split_request import Request
from dataeval_spark.steps import COMPARISONS, STEPS

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ingest": ingestion.ingest,
    "profile": profiling.run_profile,
    "split": Request,
    "select": selecting.select,
    "export": exporting.export,
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
