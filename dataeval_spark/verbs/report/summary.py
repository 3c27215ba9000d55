"""Summary of a report in a few lines, and the report itself as a notebook shows it."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

from dataeval_spark.verbs.report import ReportData
from dataeval_spark.verbs.report.attention import matters
from dataeval_spark.verbs.text import plural


@dataclass(frozen=True)
class Report:
    """A report that was written; a notebook shows it inline."""

    path: Path | str
    page: str

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{html.escape(self.page)}" style="width:100%;height:80vh;border:0"></iframe>'

    def __str__(self) -> str:
        return str(self.path)


def summary_lines(data: ReportData) -> list[str]:
    """Findings in plain language, worst first."""
    readable = data.count("readable_images")
    lines = [f"{plural(data.count('live_images'), 'image')}, {readable:,} of them measured."]
    return lines + [f"{matter.sentence}" for matter in matters(data)]


def next_command(data: ReportData, location: str) -> str:
    """The command that a user would run next."""
    if "images" not in data.present:
        return 'audit.ingest("photos/")'
    if "image_stats" not in data.present:
        return "audit.profile()"
    if "duplicate_groups" not in data.present:
        return "audit.analyze()"
    return 'audit.report("report.html")'
