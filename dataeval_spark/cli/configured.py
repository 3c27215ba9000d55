"""The verb `run`: every step of a configuration file, in the order of the verbs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dataeval_spark.analyses.steps import COMPARISONS
from dataeval_spark.audit import Audit
from dataeval_spark.cli import checks
from dataeval_spark.errors import ConfigError
from dataeval_spark.option_checks.parts import require_parts
from dataeval_spark.options import COMPARISON_NAMES, STEP_NAMES, SplitOptions, options_from
from dataeval_spark.verbs import config
from dataeval_spark.verbs.config import ARGUMENTS, FUNCTIONS, pipeline_steps
from dataeval_spark.verbs.select.recipe import check as check_recipe
from dataeval_spark.verbs.split import check as check_split

COMPARED = tuple(step.name for step in COMPARISONS)


def load(path: str, overrides: Sequence[str]) -> dict[str, Any]:
    """Read a configuration file for :func:`run_configured`.

    Raises
    ------
    ConfigError
        The file cannot be read, names something unknown, or lacks a required option of a section.
    OptionError, IngestError
        An option has a value that it cannot have, or a source or file is not there.
    """
    conf = config.load(path, overrides, FUNCTIONS)
    if "workspace" not in conf:
        raise ConfigError(f'{path} names no workspace.\nHint: workspace = "my_audit", above all sections')
    for section, arguments in ARGUMENTS.items():
        for argument in arguments:
            if argument.is_required and conf.get(section) and argument.name not in conf[section]:
                raise ConfigError(f"{path}: section [{section}] lacks {argument.name}.\nHint: {argument.example}")
    _check_names(conf)
    return conf


def _check_names(conf: Mapping[str, Any]) -> None:
    """Check steps, parts, operations and places before an engine starts."""
    checks.require_steps(conf.get("steps", ()), STEP_NAMES)
    ingest, compare, split = (conf.get(name, {}) for name in ("ingest", "compare", "split"))
    if ingest:
        may_be_empty = ingest.get("allow_empty", False)
        checks.require_source(ingest["source"], ingest.get("format"), may_be_empty=may_be_empty)
        checks.require_files({f"ingest.{name}": ingest.get(name) for name in ("annotations", "metadata")})
    if compare:
        checks.require_steps(compare.get("steps", ()), COMPARISON_NAMES)
        require_parts({side: compare[side] for side in ("reference", "current")})
    if split:
        options = {name: value for name, value in split.items() if name != "name"}
        check_split(split["name"], options_from(SplitOptions, options))
    check_recipe(conf.get("select", {}).get("recipe", ()))


def run_configured(conf: Mapping[str, Any], audit: Audit, open_guarded: str | None = None) -> None:
    """Ingest, profile, analyze, split, select, compare, export and report, each where its section exists.

    After a split its analyses are out of date and run again. ``open_guarded`` is the reason for reading hold-outs,
    in all verbs.
    """
    sections = {name: dict(options) for name, options in conf.items() if isinstance(options, Mapping) and options}
    steps = {name: options for name, options in sections.items() if name in (*pipeline_steps(), "profile")}
    if "ingest" in sections:
        audit.ingest(sections["ingest"].pop("source"), **sections["ingest"])
    opening = {"open_guarded": open_guarded} if open_guarded else {}
    audit.run(options=steps, steps=conf.get("steps", ()), **opening)
    if "split" in sections:
        audit.split(sections["split"].pop("name"), **sections["split"])
        audit.analyze(*conf.get("steps", ()), options={k: v for k, v in steps.items() if k != "profile"}, **opening)
    if "select" in sections:
        audit.select(sections["select"].pop("name"), **{**sections["select"], **opening})
    if "compare" in sections:
        options = {name: each for name, each in sections.items() if name in COMPARED}
        compare = sections["compare"]
        audit.compare(compare["reference"], compare["current"], *compare.get("steps", ()), options=options, **opening)
    if "export" in sections:
        audit.export(sections["export"].pop("to"), **{**sections["export"], **opening})
    if "report" in sections:
        audit.report(sections["report"].get("out"), snapshot=sections["report"].get("snapshot"))
