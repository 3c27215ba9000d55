"""The page: one HTML file without scripts, requests or anything else from outside."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dataeval_spark.report import text
from dataeval_spark.report.attention import Matter, matters
from dataeval_spark.report.comparison import drift
from dataeval_spark.report.content import CONTENT, TONES, slug
from dataeval_spark.report.data import Provenance, ReportData
from dataeval_spark.report.listing import Column, Listing, listing
from dataeval_spark.report.sections import SECTIONS, Section

MAX_RUNS = 40
# Tables whose absence of findings means that something was looked at.
ANALYSED = {"image_stats", "duplicate_groups", "image_findings", "outliers", "label_stats", "drift_metrics"}


@dataclass(frozen=True)
class Tile:
    """A headline number; ``value`` is a dash where nothing was analysed yet."""

    label: str
    value: str
    section: str
    note: str = ""
    tone: str = ""


def render_report(data: ReportData, provenance: Provenance) -> str:
    """Render a report as one self-contained HTML page; the same input gives the same text.

    Parameters
    ----------
    data : ReportData
        What `collect_report_data` returned, or literal values.
    provenance : Provenance
        Where the data come from.

    Returns
    -------
    str
        HTML5, in UTF-8 when written.

    Examples
    --------
    >>> html = render_report(collect_report_data(workspace.read), provenance)
    """
    sections = [section for section in SECTIONS if section.id != "demo" or provenance.demo_scores is not None]
    datasets = list(dict.fromkeys(row["dataset"] for row in data.of("composition")))
    return _template().render(
        title=text.listed(datasets) or "no images yet",
        provenance=provenance,
        sections=[_section(section, data, provenance) for section in sections],
        tiles=tiles(data),
        matters=matters(data),
        demo=_demo(provenance),
        runs=_runs(provenance),
        composition=_composition(data),
        analysed=bool(data.present & ANALYSED),
        waiting=[section for section in sections if not data.present.issuperset(section.tables)],
        css=Markup(_source("report.css")),
        tones=TONES,
    )


def _section(section: Section, data: ReportData, provenance: Provenance) -> Mapping[str, Any]:
    missing = not data.present.issuperset(section.tables)
    build: Callable[[ReportData], Mapping[str, Any]] | None = {**CONTENT, "drift": drift}.get(section.id)
    return {
        "id": section.id,
        "title": section.title,
        "intro": section.intro,
        "command": section.command.replace("WORKSPACE", shlex.quote(text.clean(provenance.workspace))),
        "missing": missing,
        "content": build(data) if build and not missing else {},
        "sql": [] if missing else shown_sql(section, data, provenance),
    }


def shown_sql(section: Section, data: ReportData, provenance: Provenance) -> list[str]:
    """The SQL of a section's queries with the names that a reader can run it by."""
    names = {name: provenance.sql_name(name) for name in data.present}
    return [data.sql[query].format_map(names) for query in section.queries if query in data.sql]


def tiles(data: ReportData) -> list[Tile]:
    """The headline numbers."""
    groups, compared = data.counts("duplicate_groups"), data.of("drift")
    removable, leaks = data.count("removable_images"), data.count("spanning_groups")
    deleted = data.count("deleted_images")

    def tile(table: str, label: str, count: int, section: str, note: str = "", bad: str = "") -> Tile:
        if table not in data.present:
            return Tile(label, "–", section, "not analysed yet")
        return Tile(label, f"{count:,}", section, note, (bad if count else "ok") if bad else "")

    gone = f"and {deleted:,} deleted" if deleted else ""
    return [
        tile("images", "Images", data.count("live_images"), "overview", gone),
        tile("image_stats", "Readable", data.count("readable_images"), "statistics"),
        tile("unreadable_images", "Unreadable", data.count("unreadable_images"), "unreadable", "", "bad"),
        tile("targets", "Labels", data.count("targets"), "labels"),
        tile("targets", "Classes", data.count("classes"), "labels"),
        tile(
            "duplicate_groups",
            "Exact duplicate groups",
            groups.get("exact", 0),
            "duplicates",
            f"{text.plural(removable, 'image')} could be removed" if removable else "",
            "warn",
        ),
        tile("duplicate_groups", "Near-duplicate groups", groups.get("near", 0), "duplicates", "", "calm"),
        tile("duplicate_groups", "Groups across splits", leaks, "duplicates", "", "bad"),
        tile("outliers", "Outlier images", data.count("outlier_images"), "outliers", "", "calm"),
        tile("image_findings", "Image findings", data.count("image_findings"), "findings", "", "warn"),
        tile("ingest_findings", "Annotation findings", data.count("ingest_findings"), "annotations", "", "bad"),
        tile(
            "drift_metrics",
            "Drifted statistics",
            sum(bool(row["drift_detected"]) for row in compared),
            "drift",
            f"of {len(compared):,} compared",
            "warn",
        ),
    ]


def _composition(data: ReportData) -> Listing | None:
    rows = data.of("composition")
    columns = (
        Column("Dataset", "dataset", most=60),
        Column("Split", "split", most=40),
        Column("Images", "images", text.number, "num"),
    )
    return listing(rows, columns, caption="Images per dataset and split") if rows else None


def _demo(provenance: Provenance) -> Listing | None:
    if provenance.demo_scores is None:
        return None
    names = ("kind", "planted", "found", "missed", "extra", "status")
    rows = [{name: getattr(score, name) for name in names} for score in provenance.demo_scores]
    for row, score in zip(rows, provenance.demo_scores, strict=True):
        row["paths"] = text.listed(getattr(score, "missed_paths", None) or (), 5) or None
    columns = (
        Column("Kind", "kind", text.words),
        Column("Planted", "planted", text.number, "num"),
        Column("Found", "found", text.number, "num"),
        Column("Missed", "missed", text.number, lambda row: "num bad" if row["missed"] else "num"),
        Column("Extra", "extra", text.number, "num"),
        Column("Status", "status", style=lambda row: f"pill {'warn' if row['missed'] else 'ok'}"),
        Column("Missed files", "paths", most=120, style="code"),
    )
    return listing(rows, columns, caption="Planted and found faults")


def _runs(provenance: Provenance) -> Listing | None:
    names = ("started_at", "job", "step", "status", "seconds", "rows_written", "code_version", "message", "run_id")
    rows = [{name: run.get(name) for name in names} for run in provenance.runs]
    tone = {"failed": "bad", "died": "bad", "cancelled": "warn", "done": "ok"}
    columns = (
        Column("Started (UTC)", "started_at", text.time, "when"),
        Column("Job", "job"),
        Column("Step", "step"),
        Column("Status", "status", style=lambda row: f"pill {tone.get(row['status'], 'calm')}"),
        Column("Seconds", "seconds", text.number, "num"),
        Column("Rows written", "rows_written", text.number, "num"),
        Column("Message", "message", most=80, style="wide"),
        Column("Version", "code_version", most=20),
        Column("Run", "run_id", style="code", most=20),
    )
    note = text.shown(len(rows[:MAX_RUNS]), len(rows))
    return listing(rows[:MAX_RUNS], columns, caption="Runs", note=note) if rows else None


def section_of(matter: Matter) -> str:
    """Id of the heading that a matter leads to."""
    return slug(matter.section)


def span_of(cards: list[Any]) -> str:
    """Width of a panel by its pictures: small groups stand side by side."""
    return "few" if len(cards) <= 2 else ""


def _harmless(value: Any) -> Any:
    """What the template writes, without characters that hide or reorder text. Escaping comes after it."""
    return text.clean(value, lines=True) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _environment() -> Environment:
    loader = PackageLoader("dataeval_spark.report", ".")
    environment = Environment(
        loader=loader,
        autoescape=True,
        finalize=_harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        clean=text.clean,
        shorten=text.shorten,
        number=text.number,
        time=text.time,
        svg=Markup,
        anchor=section_of,
        span=span_of,
    )
    return environment


def _source(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0]


@cache
def _template() -> Template:
    return _environment().get_template("template.html.j2")
