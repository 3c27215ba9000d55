"""Configuration: a TOML file and --set overrides, checked against the signatures of the functions they call.

Defaults exist once, in the signatures; `conf/default.toml` is generated from them.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dataeval_spark.errors import ConfigError
from dataeval_spark.locations import refuse_credentials

# Keyword-only parameters that callers fill in themselves.
NOT_OPTIONS = ("reference_name", "current_name", "window", "on_pending", "checkpoint", "scratch")
TOP_LEVEL = {"workspace": str, "scratch": str, "table_location": str, "steps": list}
OWN_SECTIONS: dict[str, dict[str, type]] = {
    "compare": {"reference": str, "current": str, "steps": list},
    "report": {"out": str, "snapshot": str},
}

# What a verb is given besides options.
ARGUMENTS = {"ingest": ("source",), "split": ("name",), "select": ("name", "recipe"), "export": ("to",)}

Functions = Mapping[str, Callable[..., Any]]


def options_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Options of a function and their defaults: its keyword-only parameters."""
    return {
        parameter.name: parameter.default
        for parameter in inspect.signature(function).parameters.values()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and parameter.name not in NOT_OPTIONS
    }


def load(path: str | None, overrides: Sequence[str], functions: Functions) -> dict[str, Any]:
    """Read a configuration file and apply overrides.

    Parameters
    ----------
    path : str or None
        TOML file.
    overrides : sequence of str
        ``STEP.OPTION=VALUE`` with VALUE in TOML, or a bare word taken as a string.
    functions : mapping
        Section to the function whose keyword-only parameters are its options.

    Returns
    -------
    dict
        Top-level keys, and one dict of options per section.

    Raises
    ------
    ConfigError
        The file is missing or no TOML, or names what does not exist; the message gives the nearest name.
    OptionError
        A URI has credentials in it.

    Examples
    --------
    >>> load(None, ["outliers.method=iqr"], {"outliers": outliers})
    {'outliers': {'method': 'iqr'}}
    """
    found: dict[str, Any] = {}
    if path is not None:
        found = _parse(path)
        refuse_credentials(found)
    _check(found, functions, path or "configuration")
    for override in overrides:
        refuse_credentials(override)
        section, option, value = _split(override)
        _check({section: {option: value}}, functions, f"--set {override}")
        found.setdefault(section, {})[option] = value
    return found


def default_toml(functions: Functions) -> str:
    """The text of ``conf/default.toml``: every option of every section at its default."""
    lines = [
        "# Every option at its default. Generated from the function signatures: make docs",
        "# An option whose default is none is shown as a comment.",
        "",
        '# workspace = "my_audit"   # a directory, or catalog.schema',
        '# scratch = "/tmp/scratch" # directory for temporary files; needed when workspace is a catalog.schema',
        '# table_location = "/data" # directory for external tables of a catalog.schema',
        '# steps = ["duplicates"]   # analyses to run; default all',
    ]
    for section, function in functions.items():
        lines += ["", f"[{section}]"]
        summary = (inspect.getdoc(function) or "").splitlines()[:1]
        lines += [f"# {line}" for line in summary]
        lines += [f"# {name} =" for name in ARGUMENTS.get(section, ())]
        lines += [_assignment(name, value) for name, value in options_of(function).items()]
    lines += ["", "[compare]", '# reference = "dataset=NAME"', '# current = "dataset=NAME"']
    lines += ["", "[report]", '# out = "report.html"']
    return "\n".join(lines) + "\n"


def _assignment(name: str, value: Any) -> str:
    return f"# {name} =" if value is None or value is inspect.Parameter.empty else f"{name} = {toml(value)}"


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return repr(value)


def _parse(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(Path(path).read_text())
    except OSError as error:
        raise ConfigError(f"Configuration file {path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"Configuration file {path} is no TOML: {error}.") from None


def _check(found: Mapping[str, Any], functions: Functions, where: str) -> None:
    sections = {name: options_of(function) for name, function in functions.items()}
    for name, value in found.items():
        if name in TOP_LEVEL:
            if not isinstance(value, TOP_LEVEL[name]):
                raise ConfigError(f"{where}: {name} is {value!r}; expected a {TOP_LEVEL[name].__name__}.")
            continue
        if name not in sections and name not in OWN_SECTIONS:
            raise ConfigError.unknown("section", name, [*sections, *OWN_SECTIONS, *TOP_LEVEL], where)
        if not isinstance(value, Mapping):
            raise ConfigError(f"{where}: {name} is {value!r}; expected a section [{name}].")
        allowed = OWN_SECTIONS[name] if name in OWN_SECTIONS else sections[name]
        extra = ARGUMENTS.get(name, ())
        for option in value:
            if option not in allowed and option not in extra:
                raise ConfigError.unknown("option", option, [*allowed, *extra], f"{where}: [{name}]")
            if name in OWN_SECTIONS and not isinstance(value[option], OWN_SECTIONS[name][option]):
                expected = OWN_SECTIONS[name][option].__name__
                raise ConfigError(f"{where}: {name}.{option} is {value[option]!r}; expected a {expected}.")
        if name in sections:
            _check_types(name, value, sections[name], where)


def _check_types(section: str, given: Mapping[str, Any], defaults: Mapping[str, Any], where: str) -> None:
    for option, value in given.items():
        default = defaults.get(option)
        if default is None or default is inspect.Parameter.empty:
            continue
        expected: type | tuple[type, ...] = type(default)
        if isinstance(default, float):
            expected = (int, float)
        elif isinstance(default, tuple):
            expected = (list, tuple)
        if not isinstance(value, expected) or (isinstance(value, bool) and not isinstance(default, bool)):
            name = expected.__name__ if isinstance(expected, type) else " or ".join(t.__name__ for t in expected)
            raise ConfigError(f"{where}: {section}.{option} is {value!r}; expected {name} such as {toml(default)}.")


def _split(override: str) -> tuple[str, str, Any]:
    name, equals, text = override.partition("=")
    section, dot, option = name.partition(".")
    if not equals or not dot or not section or not option:
        raise ConfigError(f"--set {override}: expected STEP.OPTION=VALUE.\nHint: --set outliers.method=iqr")
    return section, option, value_of(text)


def value_of(text: str) -> Any:
    """A value in TOML, or a bare word taken as a string.

    Examples
    --------
    >>> value_of("3"), value_of("[1, 2]"), value_of("iqr")
    (3, [1, 2], 'iqr')
    """
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text
