"""`Audit`: the face for notebooks and the command line, one method per verb.

The report draws with matplotlib, which takes a fifth of a second to load: the methods that need it import it.
"""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dataeval_spark.errors import ConfigError, spark_needed

with spark_needed():
    from pyspark.sql import DataFrame, SparkSession

from dataeval_spark.kernels.storage.uris import refuse_credentials
from dataeval_spark.options import (
    ExportOptions,
    IngestOptions,
    PredictionOptions,
    ProfileOptions,
    RatingOptions,
    SearchOptions,
    SelectOptions,
    SplitOptions,
    changed,
    options_from,
)
from dataeval_spark.session.cancellation import Cancellation, Result, interruptible
from dataeval_spark.session.choice import is_given, session_for
from dataeval_spark.session.engines import TaskCounter, cores_of
from dataeval_spark.session.progress import Progress
from dataeval_spark.session.settings import SMALL_SETTINGS, accepted_settings, settings_for
from dataeval_spark.session.threads import one_thread_each
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.images import IMAGES, TARGETS
from dataeval_spark.verbs.analyze.analyze import analyze, unmeasured
from dataeval_spark.verbs.compare import compare
from dataeval_spark.verbs.config import checked, pipeline_steps
from dataeval_spark.verbs.export.export import export
from dataeval_spark.verbs.export.maite_dataset import MaiteDataset, images_of
from dataeval_spark.verbs.ingest.ingest import ingest, ingest_maite
from dataeval_spark.verbs.ingest.labels import ingest_predictions, ingest_ratings
from dataeval_spark.verbs.ingest.readers.maite import MapStyle
from dataeval_spark.verbs.outcomes import Outcomes
from dataeval_spark.verbs.profile import run_profile
from dataeval_spark.verbs.search import Query, search_workspace
from dataeval_spark.verbs.select.recipe import Recipe
from dataeval_spark.verbs.select.select import select
from dataeval_spark.verbs.split import split_workspace
from dataeval_spark.workspace import holdout, presence, runs, snapshots
from dataeval_spark.workspace.delta_local import images_here
from dataeval_spark.workspace.failures import failures_of
from dataeval_spark.workspace.locations import absolute, is_directory_here, is_local, local_path
from dataeval_spark.workspace.runs import Run, StepRun
from dataeval_spark.workspace.workspace import Workspace

if TYPE_CHECKING:
    from dataeval_spark.verbs.report.inline_gallery import Gallery
    from dataeval_spark.verbs.report.report import Report

logger = logging.getLogger("dataeval_spark")

Options = TypeVar("Options")
# Verbs that record their steps themselves, or have none.
OF_STEPS = ("analyze", "compare", "snapshot")
# Verbs that write no table, so that they work on a workspace that cannot be written.
ONLY_READING = ("export", "maite")


class Audit:
    """An image dataset and all that is known about it.

    Parameters
    ----------
    workspace : str
        Directory, or ``"catalog.schema"``.
    spark : SparkSession, optional
        Spark session; default the present one, else a local one.
    scratch, table_location : str, optional
        See `Workspace`.
    engine : {"auto", "embedded", "spark"}, optional
        Engine to make a session of, where none is given: see `session_for`.
    settings : mapping, optional
        Settings for a session of Spark that is made on this machine.
    verbose : bool
        Show Spark's own messages.
    echo : callable, optional
        Function that takes each line of progress; default ``print``.

    Examples
    --------
    >>> audit = Audit("my_audit")
    >>> audit.ingest("photos/").run().report()
    """

    def __init__(
        self,
        workspace: str,
        spark: SparkSession | None = None,
        *,
        scratch: str | None = None,
        table_location: str | None = None,
        engine: str | None = None,
        settings: Mapping[str, str] | None = None,
        verbose: bool = False,
        echo: Callable[[str], None] = print,
    ) -> None:
        refuse_credentials(workspace, scratch, table_location)
        self.spark = spark or _session(workspace, engine, settings, scratch, verbose=verbose)
        self._is_given = is_given(self.spark)
        self.workspace = Workspace(self.spark, workspace, scratch=scratch, table_location=table_location)
        logger.info("engine: %s", self.workspace.engine)
        self._echo = echo
        self._progress = Progress(TaskCounter(self.spark))
        self._open_run: Run | None = None
        self._cancellation = Cancellation()

    # Verbs

    def ingest(self, source: str, **options: Any) -> Audit:
        """Bring in images, labels and metadata; only new and changed files are read.

        Options are those of :class:`dataeval_spark.options.IngestOptions`.
        """
        request = _options(IngestOptions, options)
        return self._do("ingest", {"source": source, **options}, lambda run: [ingest(run, source, request)])

    def ingest_maite(self, data: MapStyle, *, name: str, split: str | None = None, replace: bool = False) -> Audit:
        """Bring in a MAITE data set: an object with ``len`` and indices that give image, target and metadata."""
        request = IngestOptions(split=split, replace=replace)
        return self._do(
            "ingest",
            {"source": f"maite:{name}", **changed(request)},
            lambda run: [ingest_maite(run, data, name, request)],
        )

    def ingest_predictions(self, source: str, **options: Any) -> Audit:
        """Bring in a model's predictions; options are those of :class:`dataeval_spark.options.PredictionOptions`."""
        request = _options(PredictionOptions, options)
        return self._do(
            "ingest", {"predictions": source, **options}, lambda run: [ingest_predictions(run, source, request)]
        )

    def ingest_ratings(self, source: str, **options: Any) -> Audit:
        """Bring in labels by several people; options are those of :class:`dataeval_spark.options.RatingOptions`."""
        request = _options(RatingOptions, options)
        return self._do("ingest", {"ratings": source, **options}, lambda run: [ingest_ratings(run, source, request)])

    def profile(self, **options: Any) -> Audit:
        """Decode each new or changed image once: statistics, hashes, embedding.

        Options are those of :class:`dataeval_spark.options.ProfileOptions`.
        """
        request = _options(ProfileOptions, options)
        expect = self._progress.expect_images
        return self._do("profile", options, lambda run: [run_profile(run, request, on_pending=expect)])

    def analyze(
        self, *steps: str, options: Mapping[str, Mapping[str, Any]] | None = None, open_guarded: str | None = None
    ) -> Audit:
        """Run the analyses that are not up to date; all of them, or those named."""
        analyses = checked(options)

        def work(run: Run) -> Iterable[StepRun | str]:
            steps_run = analyze(run, analyses, steps, open_guarded=open_guarded, during=self._progress.step)
            return chain(unmeasured(run.workspace), steps_run)

        return self._do("analyze", analyses, work)

    def compare(
        self,
        reference: str,
        current: str,
        *steps: str,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        open_guarded: str | None = None,
    ) -> Audit:
        """Compare two parts: ``dataset=NAME``, ``split=NAME``, ``assigned=SPLIT/PART`` or a snapshot's name."""
        comparisons = checked(options)
        return self._do(
            "compare",
            {"reference": reference, "current": current, **comparisons},
            lambda run: compare(run, reference, current, comparisons, steps, open_guarded, self._progress.step),
        )

    def split(self, name: str, **options: Any) -> Audit:
        """Assign the images to parts; options are those of :class:`dataeval_spark.options.SplitOptions`."""
        request = _options(SplitOptions, options)
        return self._do("split", {"name": name, **options}, lambda run: [split_workspace(run, name, request)])

    def select(self, name: str, recipe: Recipe | None = None, **options: Any) -> Audit:
        """Save a selection of the images: operations in order, or its last recipe applied to the present data.

        Operations are those of :mod:`dataeval_spark.verbs.select.operations`, options those of
        :class:`dataeval_spark.options.SelectOptions`.

        Examples
        --------
        >>> audit.select("clean", [{"operation": "drop_duplicates"}, {"operation": "shuffle", "seed": 1}])
        """
        request = _options(SelectOptions, options)
        return self._do("select", {"name": name, "recipe": recipe}, lambda run: [select(run, name, recipe, request)])

    def export(self, to: str | Path, **options: Any) -> Audit:
        """Write images and labels as a dataset; options are those of :class:`dataeval_spark.options.ExportOptions`."""
        request = _options(ExportOptions, options)
        return self._do("export", {"to": str(to), **options}, lambda run: [export(run, str(to), request)])

    def run(
        self,
        *,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        steps: Sequence[str] = (),
        open_guarded: str | None = None,
    ) -> Audit:
        """Profile, then analyze."""
        sections = checked(options)
        presence.require_there(self.workspace)
        with self.one_run("run", sections):
            self.profile(**sections.get("profile", {}))
            analyses = {k: v for k, v in sections.items() if k in pipeline_steps()}
            self.analyze(*steps, options=analyses, open_guarded=open_guarded)
        return self

    def snapshot(self, name: str, note: str | None = None) -> Audit:
        """Pin the present version of every table under a name."""
        return self._do(
            "snapshot",
            {"create": name},
            lambda run: [f"snapshot {name}: {len(snapshots.create(run, name, note))} tables pinned"],
        )

    def restore(self, name: str) -> Audit:
        """Bring every table that a snapshot pins back to its version."""
        return self._do(
            "snapshot",
            {"restore": name},
            lambda run: [f"snapshot {name}: {len(snapshots.restore(self.workspace, name))} tables restored"],
        )

    def report(
        self,
        out: str | Path | None = None,
        *,
        snapshot: str | None = None,
        demo_scores: Sequence[Any] | None = None,
        announce: bool = True,
    ) -> Report:
        """Write the HTML report and print what was found; with ``announce``, the path of the report last.

        By default it is ``report.html`` in the workspace, or in the current folder where the workspace is a catalog, on
        object storage, or cannot be written.
        """
        from dataeval_spark.verbs.report import save_report
        from dataeval_spark.verbs.report.report import Report, default_place, page_of, summary_lines

        out = default_place(self.workspace.location) if out is None else out
        refuse_credentials(str(out))
        presence.require_there(self.workspace)
        with failures_of("report", self.workspace.location), self._progress.running("report"), self._suited():
            data, page = self._interruptible(lambda: page_of(self.workspace, snapshot, demo_scores))
            path = save_report(page, out)
        for line in summary_lines(data):
            self._echo(line)
        if announce:
            self._echo(f"Report: {path}")
        return Report(path, page)

    # Reading

    def search(self, query: Query, **options: Any) -> DataFrame:
        """Find the images most like a given one: its id, its file, its bytes, or a vector.

        Options are those of :class:`dataeval_spark.options.SearchOptions`.
        """
        return search_workspace(self.workspace, query, _options(SearchOptions, options))

    def gallery(self, rows: DataFrame, *, most: int = 24) -> Gallery:
        """Pictures of the first rows of a DataFrame with ``image_id``, its other columns written below each.

        Examples
        --------
        >>> audit.gallery(audit.table("outliers").where("statistic = 'sharpness'").orderBy("value"))
        Gallery of 24 images
        """
        from dataeval_spark.verbs.report.inline_gallery import gallery_of

        images, targets = (self.workspace.read_or_none(table) for table in (IMAGES, TARGETS))
        return gallery_of(rows, images, targets, most=most)

    def table(self, name: str) -> DataFrame:
        """A table of the workspace by name."""
        tables = {table.name: table for table in ALL_TABLES}
        if name not in tables:
            raise ConfigError.unknown("table", name, tables, "Audit.table")
        return self.workspace.read(tables[name])

    def maite(self, *, open_guarded: str | None = None, **options: Any) -> MaiteDataset:
        """The images and labels as a MAITE (and PyTorch) data set, decoded when they are asked for.

        Options are those of :class:`dataeval_spark.verbs.export.maite_dataset.MaiteDataset`.
        ``open_guarded`` is the reason for reading images of a hold-out; without it they are refused before any is read.
        """
        if holdout.parts(self.workspace):
            chosen = {name: options.get(name) for name in ("dataset", "split", "selection", "version")}
            with self.one_run("maite", {"open_guarded": open_guarded}) as run:
                images = images_of(self.workspace, **chosen)
                for line in holdout.open_among(run, images, open_guarded):
                    self._echo(line)
        return MaiteDataset(self.workspace, **options)

    def __repr__(self) -> str:
        return f"Audit({self.workspace.location!r})"

    def _repr_html_(self) -> str:
        from dataeval_spark.verbs.report import collect_report_data
        from dataeval_spark.verbs.report.report import next_command, summary_lines

        data = collect_report_data(self.workspace.read_or_none, max_thumbnails=0)
        items = "".join(f"<li>{html.escape(line)}</li>" for line in summary_lines(data))
        following = html.escape(next_command(data))
        return f"<b>{html.escape(repr(self))}</b><ul>{items}</ul><p>Next: <code>{following}</code></p>"

    def _do(self, job: str, options: Mapping[str, Any], work: Callable[[Run], Iterable[StepRun | str]]) -> Audit:
        """Do the work of a verb, with a live line and ready to be cancelled, and print each result when it is there."""
        outcomes = Outcomes(job, self._say)

        def in_run() -> None:
            if job != "ingest":
                presence.require_there(self.workspace)
            with self._suited(), self.one_run(job, options) as run, self._cancellation.unwind():
                refuse_credentials(options)
                with nullcontext() if job in OF_STEPS else run.step(job, options):
                    outcomes.extend(work(run))
                run.record()  # the next verb of the same run may ask what was done
                if not run.is_recorded:
                    outcomes.extend([f"not recorded in the table runs: {self.workspace.read_only_reason()}"])

        try:
            with failures_of(job, self.workspace.location), self._progress.running(job):
                self._interruptible(in_run, outcomes.tell)
        finally:
            outcomes.close()
        return self

    def _say(self, line: str) -> None:
        logger.info("%s", line)
        self._progress.clear()
        self._echo(line)

    def _suited(self) -> AbstractContextManager[None]:
        """Settings that suit the tables, for the time of a verb, in a session that was made elsewhere."""
        if not self._is_given:
            return nullcontext()
        # To ask for the size is the first query, for which Delta's default alone is 50 tasks.
        with accepted_settings(self.spark, SMALL_SETTINGS):
            size = self.workspace.bytes_of(IMAGES)
        return accepted_settings(self.spark, settings_for(size, cores_of(self.spark)))

    def _interruptible(self, work: Callable[[], Result], meanwhile: Callable[[], object] = lambda: None) -> Result:
        self._cancellation, stop = Cancellation(), self.spark.interruptAll
        with one_thread_each():
            return interruptible(work, self._cancellation, stop, meanwhile, may_end=not self._is_given)

    @contextmanager
    def one_run(self, job: str, options: Mapping[str, Any]) -> Iterator[Run]:
        """Make all verbs called in the block one run of the workspace, the one that is open where there is one."""
        if self._open_run is not None:
            yield self._open_run
            return
        with runs.start(self.workspace, job, options, only_reads=job in ONLY_READING) as run:
            logger.info("run %s: %s on %s", run.run_id, job, self.workspace.location)
            self._open_run = run
            try:
                yield run
            finally:
                self._open_run = None


def _session(
    workspace: str, engine: str | None, settings: Mapping[str, str] | None, scratch: str | None, *, verbose: bool
) -> SparkSession:
    presence.require_catalog(workspace, settings or {})
    (images, size), here = images_here(workspace), is_directory_here(workspace)
    temporary = str(local_path(absolute(scratch))) if scratch and is_local(scratch) else None
    return session_for(
        images, size, engine=engine, is_local=here, settings=settings, scratch=temporary, verbose=verbose
    )


def _options(kind: type[Options], options: Mapping[str, Any]) -> Options:
    """Options of a verb; credentials among them are refused before an error can show them."""
    refuse_credentials(options)
    return options_from(kind, options)
