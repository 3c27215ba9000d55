"""Top of the report: matters that need attention first, and analyses that have not run yet."""

from __future__ import annotations

from dataeval_spark.verbs.report.attention import matters
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import TONES
from dataeval_spark.verbs.report.section import Content, Section
from dataeval_spark.verbs.text import slug

# Tables whose absence of findings means that something was looked at.
ANALYSED = {"image_stats", "duplicate_groups", "image_findings", "outliers", "label_stats", "drift_metrics"}


def attention(data: ReportData) -> Content:
    """Matters that need attention, and whether anything has been analysed at all."""
    return {
        "matters": [{**vars(matter), "anchor": slug(matter.section)} for matter in matters(data)],
        "analysed": bool(data.present & ANALYSED),
        "tones": TONES,
    }


SECTION = Section(
    20,
    "attention",
    "What needs attention first",
    intro="The worst comes first; each line leads to its section.",
    content=attention,
    template="sections/attention.html.j2",
)
