"""The page: one HTML file without scripts, requests or anything else from outside."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dataeval_spark.verbs import text
from dataeval_spark.verbs.report.data import Provenance, ReportData
from dataeval_spark.verbs.report.section import Content, Section
from dataeval_spark.verbs.report.sections import SECTIONS

# Defaults that section.html.j2 relies on.
NOTHING: Content = {"summary": "", "chart": ""}


def render_report(data: ReportData, provenance: Provenance) -> str:
    """Render a report as one self-contained HTML page; the same input gives the same text.

    Parameters
    ----------
    data : ReportData
        Data that `collect_report_data` returned, or literal values.
    provenance : Provenance
        Workspace, versions and runs that the data come from.

    Returns
    -------
    str
        HTML5, in UTF-8 when written.

    Examples
    --------
    >>> render_report(collect_report_data(workspace.read_or_none), provenance)[:15]
    '<!doctype html>'
    """
    contents = [(section, _content(section, data, provenance)) for section in SECTIONS]
    sections = [(section, content) for section, content in contents if content is not None]
    datasets = list(dict.fromkeys(row["dataset"] for row in data.rows_of("composition")))
    return _template().render(
        title=text.listed(datasets) or "no images yet",
        provenance=provenance,
        sections=[_section(section, content, data, provenance) for section, content in sections],
        waiting=[section for section, _ in sections if section.untested(data)],
        tested=[section for section, _ in sections if section.tests and not section.untested(data)],
        css=Markup(_source("report.css")),
    )


def _content(section: Section, data: ReportData, provenance: Provenance) -> Content | None:
    """Values for the section's template; None if the section is left out."""
    if section.untested(data):
        return {}
    of_data = section.content(data) if section.content else {}
    of_origin = section.origin(provenance) if section.origin else {}
    return None if of_origin is None else {**NOTHING, **of_data, **of_origin}


def _section(section: Section, content: Content, data: ReportData, provenance: Provenance) -> Mapping[str, Any]:
    lacking = section.untested(data)
    place = shlex.quote(text.clean(provenance.workspace))
    return {
        **vars(section),
        "untested": lacking and lacking.reason,
        "commands": [command.replace("WORKSPACE", place) for command in lacking.commands] if lacking else [],
        "otherwise": "" if lacking or section.otherwise is None else section.otherwise(data),
        "content": content,
        "sql": [] if lacking else shown_sql(section, data, provenance),
    }


def shown_sql(section: Section, data: ReportData, provenance: Provenance) -> list[str]:
    """SQL of a section's queries, with names of tables that a reader can run."""
    names = {name: provenance.sql_name(name) for name in data.present}
    return [data.sql[query.name].format_map(names) for query in section.queries if query.name in data.sql]


def span_of(cards: list[Any]) -> str:
    """Width of a panel by its pictures: small groups stand side by side."""
    return "few" if len(cards) <= 2 else ""


def _harmless(value: Any) -> Any:
    """Text for the template without characters that hide or reorder text. Escaping comes after it."""
    return text.clean(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    loader = PackageLoader("dataeval_spark.verbs.report", ".")
    environment = Environment(
        loader=loader,
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,  # a section ends as its file does
    )
    environment.filters.update(
        clean=text.clean, shorten=text.shorten, number=text.number, time=text.time, svg=Markup, span=span_of
    )
    return environment


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


@cache
def _template() -> Template:
    return _environment().get_template("template.html.j2")
