"""The demo: real images with known faults, all verbs run on them, and the score of found against planted faults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from dataeval_spark.audit import Audit
from dataeval_spark.demo import DemoFiles, PlantScore, format_scores, make_demo_images, read_plants, score_plants
from dataeval_spark.errors import OptionError
from dataeval_spark.kernels.encoders.registry import DEFAULT
from dataeval_spark.kernels.storage.uris import is_uri
from dataeval_spark.tables.images import INGEST_FINDINGS
from dataeval_spark.tables.labels import LABEL_ERRORS
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, IMAGE_FINDINGS
from dataeval_spark.tables.shift import DRIFT_METRICS
from dataeval_spark.verbs.ingest.readers.source import OF_THE_WHOLE, ROLES
from dataeval_spark.verbs.report.report import Report

MAIN, LATER = "demo", "later"
# The labels are those of boxes, so similar boxes are searched among the boxes.
OPTIONS = {"neighbors": {"per_target": True}}
SHIFTED_STATISTICS = ("mean", "brightness", "darkness")


def run_demo(
    open_audit: Callable[[], Audit],
    workspace: str,
    *,
    images: str | None = None,
    out: str | None = None,
    count: int = 2000,
    echo: Callable[[str], None] = print,
) -> Report:
    """Make the demo images (or take a folder of the user's), run everything, print the findings.

    Parameters
    ----------
    open_audit : callable
        Returns the Audit, once the images are there.
    workspace : str
        Location of the workspace; images and report are put beside it.
    images : str, optional
        A folder of images to use instead.
    out : str, optional
        Path of the report; default ``report.html`` beside the workspace.
    count : int
        Number of demo images to make.
    echo : callable
        Takes each line of progress.

    Raises
    ------
    OptionError
        The workspace is a URI: files are put beside it.
    """
    if is_uri(workspace):
        raise OptionError(
            f"demo puts files beside its workspace, which is {workspace}; expected a folder of this machine.\n"
            "Hint: --workspace demo/workspace; the report may go elsewhere by --out"
        )
    beside = Path(workspace).expanduser().absolute().parent
    report = out or str(beside / "report.html")
    if images is not None:
        audit = open_audit()
        with audit.one_run("demo", {"images": images}):
            return audit.ingest(images).profile(encoder=DEFAULT).analyze().report(report)
    echo("making demo images: real photographs and digits, with known faults planted")
    # Spark starts while the images are drawn by processes of their own.
    with ThreadPoolExecutor(1) as pool:
        opened = pool.submit(open_audit)
        files = make_demo_images(beside / "images", count=count)
        audit = opened.result()
    with audit.one_run("demo", {"count": count}):
        _ingest(audit, files)
        audit.profile(encoder=DEFAULT).analyze(options=OPTIONS).compare(f"dataset={MAIN}", f"dataset={LATER}")
        scores = score(audit, files)
        echo("")
        page = audit.report(report, demo_scores=scores, announce=False)
    echo(format_scores(scores))
    echo("Faults that are weak on purpose are expected to be missed: planted.csv beside the images marks them.")
    echo("")
    echo(f"Report: {page.path}")
    return page


def _ingest(audit: Audit, files: DemoFiles) -> None:
    audit.ingest(str(files.source), annotations=str(files.annotations), metadata=str(files.metadata), dataset=MAIN)
    audit.ingest(
        str(files.later_source),
        annotations=str(files.later_annotations),
        metadata=str(files.later_metadata),
        dataset=LATER,
    )


def score(audit: Audit, files: DemoFiles) -> list[PlantScore]:
    """Score the plants by the tables. Bounded: the demo has a few thousand images."""
    rows = audit.workspace.rows
    groups = rows(DUPLICATE_GROUPS, ("image_id", "group_id"))
    finding_rows = rows(IMAGE_FINDINGS, ("image_id", "rule"), target_index=None)
    unreadable = rows(UNREADABLE_IMAGES, ("image_id",))
    found_by_ingest = rows(INGEST_FINDINGS, ("kind", "image_id", "severity"), dataset=MAIN)
    # The account of all entries, and readings of the whole, are no bad annotations.
    others = (*ROLES, *OF_THE_WHOLE)
    bad = [row for row in found_by_ingest if row["severity"] != "info" and row["kind"] not in others]
    suspects = rows(LABEL_ERRORS, ("image_id",))
    drifted = rows(DRIFT_METRICS, ("column_name",), drift_detected=True)
    findings: dict[str, set[str]] = {}
    for row in filter(_is_main, finding_rows):
        findings.setdefault(row["rule"], set()).add(_path(row))
    return score_plants(
        read_plants(files.planted),
        duplicate_group_of={_path(row): row["group_id"] for row in filter(_is_main, groups)},
        findings=findings,
        unreadable={_path(row) for row in filter(_is_main, unreadable)},
        ingest_findings=[(row["kind"], row["image_id"] and _path(row)) for row in bad],
        label_errors={_path(row) for row in filter(_is_main, suspects)} if suspects else None,
        drift_detected=any(row["column_name"] in SHIFTED_STATISTICS for row in drifted),
    )


def _is_main(row: Mapping[str, Any]) -> bool:
    return bool(row["image_id"].startswith(f"{MAIN}/"))


def _path(row: Mapping[str, Any]) -> str:
    return str(row["image_id"].removeprefix(f"{MAIN}/"))
