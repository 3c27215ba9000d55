"""What the pipeline gives to the function of a step, and which rows it lets it write."""

from dataeval_spark.analyses.steps import Step
from dataeval_spark.tables.bias import DIVERSITY
from dataeval_spark.tables.images import TARGETS
from dataeval_spark.tables.labels import LABEL_COVERAGE, LABEL_STATS
from dataeval_spark.tables.profile import HASHES
from dataeval_spark.tables.runs import DATASET_FINDINGS
from dataeval_spark.verbs.analyze import analyze as pipeline
from dataeval_spark.verbs.analyze import plan
from dataeval_spark.workspace import runs
from dataeval_spark.workspace.delta import Writer
from dataeval_spark.workspace.workspace import Workspace

FINDING = "step string, rule string, subject string, value double, threshold double, severity string, message string"


def analyze(workspace, steps, monkeypatch, options=None, only=()):
    monkeypatch.setattr(pipeline, "STEPS", steps)
    with runs.start(workspace, "analyze", {}) as run:
        return {done.step: done.status for done in pipeline.analyze(run, options or {}, only)}


def finding(frame, step):
    return frame(FINDING, [(step, "rule", "all", 1.0, None, "info", "A sentence")])


def test_a_step_gets_the_tables_it_uses_where_they_exist_and_places_for_temporary_files(
    spark, frame, tmp_path, monkeypatch
):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    workspace.create([TARGETS, LABEL_STATS])
    seen = {}

    def checking(targets, label_stats, hashes, own_findings, *, checkpoint=None, scratch=None, limit=1):
        seen.update(label_stats=label_stats, hashes=hashes, own=own_findings, scratch=scratch, limit=limit)
        return checkpoint(finding(frame, "checking"))

    step = Step(checking, (TARGETS,), (DATASET_FINDINGS,), uses=(LABEL_STATS, HASHES, DATASET_FINDINGS))
    assert analyze(workspace, (step,), monkeypatch) == {"checking": "done"}
    assert seen["label_stats"] is not None
    assert seen["hashes"] is None
    assert seen["own"] is None  # it has written nothing yet
    assert seen["scratch"].startswith(str(tmp_path / "audit" / "_scratch"))
    assert seen["limit"] == 1
    # What it wrote itself is no reason to run again.
    assert analyze(workspace, (step,), monkeypatch) == {"checking": "skipped"}


def test_steps_that_share_a_table_replace_their_own_rows_only(spark, frame, tmp_path, monkeypatch):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    workspace.create([TARGETS])

    def first(targets):
        return finding(frame, "first")

    def second(targets):
        return finding(frame, "second")

    steps = tuple(Step(function, (TARGETS,), (DATASET_FINDINGS,)) for function in (first, second))
    analyze(workspace, steps, monkeypatch)
    raised = tuple(Step(step.function, step.reads, step.writes, version=2) for step in steps)
    assert analyze(workspace, raised[:1], monkeypatch) == {"first": "done"}
    assert sorted(row["step"] for row in workspace.read(DATASET_FINDINGS).collect()) == ["first", "second"]
    assert analyze(workspace, (raised[0], steps[1]), monkeypatch) == {"first": "skipped", "second": "skipped"}


def test_a_step_that_asks_for_a_file_waits_for_it_and_runs_again_when_the_file_has_changed(
    spark, frame, tmp_path, monkeypatch
):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    workspace.create([TARGETS])

    def asking(targets, *, file=None):
        return finding(frame, "asking")

    steps = (Step(asking, (TARGETS,), (DATASET_FINDINGS,), asks=("file",), files=("file",)),)
    options = {"asking": {"file": str(tmp_path / "names.toml")}}
    (tmp_path / "names.toml").write_text("a = 1")
    assert analyze(workspace, steps, monkeypatch) == {"asking": "skipped"}
    assert analyze(workspace, steps, monkeypatch, options) == {"asking": "done"}
    assert analyze(workspace, steps, monkeypatch, options) == {"asking": "skipped"}
    (tmp_path / "names.toml").write_text("a = 2")
    assert analyze(workspace, steps, monkeypatch, options) == {"asking": "done"}
    assert analyze(workspace, steps, monkeypatch, only=["asking"]) == {"asking": "done"}


def test_a_step_run_by_name_says_when_what_it_reads_is_older_than_what_that_was_made_from(
    spark, frame, tmp_path, monkeypatch
):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    workspace.create([TARGETS])
    coverage = {c.name: c.type for c in LABEL_COVERAGE.result_columns}

    def counting(targets):
        return (
            targets.selectExpr("'all' AS kind", "class_name AS concept")
            .limit(0)
            .selectExpr(*(f"CAST(NULL AS {type}) AS {name}" for name, type in coverage.items()))
        )

    def reading(counts):
        return finding(frame, "reading")

    steps = (Step(counting, (TARGETS,), (LABEL_COVERAGE,)), Step(reading, (LABEL_COVERAGE,), (DATASET_FINDINGS,)))
    messages = []

    def run(*only):
        monkeypatch.setattr(pipeline, "STEPS", steps)
        with runs.start(workspace, "analyze", {}) as started:
            messages.append([done.message for done in pipeline.analyze(started, {}, only)])

    run()
    run("reading")
    rows = frame(TARGETS, [("a", 0, "cat", None, None, None, None, "r")])
    workspace.write(TARGETS, rows, Writer("r", "ingest", "w", "0"), images=rows.select("image_id"))
    run("reading")
    run("counting", "reading")
    assert "older" not in str(messages[:2])
    (message,) = messages[2]
    assert message.startswith("up to date: ")
    assert message.endswith("; label_coverage is older than targets: analyze counting brings it up to date")
    assert "older" not in str(messages[3])


def test_what_a_plan_says_is_what_the_run_does(spark, frame, tmp_path, monkeypatch):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    workspace.create([TARGETS])
    values = {"string": "'all'", "double": "0D", "int": "0", "bigint": "0L", "boolean": "true"}
    columns = [f"{values.get(c.type, f'CAST(array() AS {c.type})')} AS `{c.name}`" for c in DIVERSITY.result_columns]

    def counting(targets, *, limit=1):
        return spark.range(limit).selectExpr(*columns)

    def reading(counts):
        return finding(frame, "reading")

    steps = (Step(counting, (TARGETS,), (DIVERSITY,)), Step(reading, (DIVERSITY,), (DATASET_FINDINGS,)))
    monkeypatch.setattr(plan, "STEPS", steps)
    told = []

    def compare(options=None, only=()):
        planned = plan.plan_analyze(workspace, options or {}, only)
        told.append({step.step: "done" if step.will_run else "skipped" for step in planned})
        assert analyze(workspace, steps, monkeypatch, options, only) == told[-1]

    compare()
    compare()
    rows = frame(TARGETS, [("a", 0, "cat", None, None, None, None, "r")])
    workspace.write(TARGETS, rows, Writer("r", "ingest", "w", "0"), images=rows.select("image_id"))
    compare(only=["reading"])
    compare()
    compare({"counting": {"limit": 2}})

    both = {"counting": "done", "reading": "done"}
    assert told == [both, dict.fromkeys(both, "skipped"), {"reading": "skipped"}, both, both]
