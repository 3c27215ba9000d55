"""The sections of a report: each module of this folder has one, with its queries, its values, and its template."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dataeval_spark.verbs.report.section import Section

SECTIONS: tuple[Section, ...] = tuple(
    sorted(
        (import_module(module.name).SECTION for module in iter_modules(__path__, f"{__name__}.")),
        key=lambda section: section.order,
    )
)
