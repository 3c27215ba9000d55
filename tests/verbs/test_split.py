"""The verb `split` on a workspace: its tables, what it keeps, and hold-outs that are opened with a reason."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.audit import Audit
from dataeval_spark.errors import ConfigError, HoldoutError, OptionError
from dataeval_spark.tables.images import FACTORS, IMAGES, TARGETS
from dataeval_spark.tables.profile import IMAGE_STATS
from dataeval_spark.tables.quality import DUPLICATE_PAIRS
from dataeval_spark.tables.splits import SPLITS
from dataeval_spark.workspace import holdout, runs
from dataeval_spark.workspace.delta import Writer
from tests.analyses.bias.rows import image_labels, images, table
from tests.analyses.profile.rows import image_stats

COUNT = 60
OPTIONS = {
    "fractions": {"train": 0.5, "test": 0.5},
    "group_by": ["patient"],
    "target": "dataset=field",
    "guard": ["test"],
}


@pytest.fixture(scope="module")
def workspace(spark, frame, tmp_path_factory):
    """Sixty images of twenty patients and two classes, twelve of them elsewhere; i000 and i003 are copies."""
    audit = Audit(str(tmp_path_factory.mktemp("split") / "audit"), spark, echo=lambda line: None)
    ids = [f"i{n:03d}" for n in range(COUNT)]
    start = datetime(2024, 1, 1, tzinfo=UTC)
    dataset = ["field" if n >= 48 else "lab" for n in range(COUNT)]
    place, writer = audit.workspace, Writer("r", "test", "w", "0")
    given = images(frame, ids, dataset=dataset, captured_at=[start + timedelta(days=n) for n in range(COUNT)])
    # In the field a quarter of the images are dogs, in the lab a half.
    classes = {i: "dog" if (n % 4 == 0 if n >= 48 else n % 2) else "cat" for n, i in enumerate(ids)}
    place.write(IMAGES, given, writer)
    place.write(TARGETS, image_labels(frame, classes), writer)
    factors = frame(
        "image_id string, target_index int, patient string, run_id string",
        [(i, None, f"p{n // 3:02d}", "r") for n, i in enumerate(ids)],
    )
    place.write(FACTORS, factors, writer)
    pair = {"image_id_a": "i000", "image_id_b": "i003", "kind": "phash", "distance": 3.0}
    place.write(DUPLICATE_PAIRS, table(frame, DUPLICATE_PAIRS, [pair]), writer)
    place.write(IMAGE_STATS, image_stats(frame, [{"image_id": i, "mean": float(n)} for n, i in enumerate(ids)]), writer)
    return audit


def rows(audit, name, split):
    return audit.table(name).where(f"split_name = '{split}'").collect()


def test_a_split_keeps_patients_and_copies_together_and_meets_the_target(workspace):
    workspace.split("main", **OPTIONS)
    found = rows(workspace, "split_assignments", "main")
    part = {row.image_id: row.split for row in found}
    (summary,) = rows(workspace, "splits", "main")

    assert len(part) == 48
    assert all(len({part[f"i{n:03d}"] for n in range(3 * p, 3 * p + 3)}) == 1 for p in range(16))
    assert part["i000"] == part["i003"]
    test = Counter(row.stratum for row in found if row.split == "test")
    assert test["class_name=dog"] / test.total() == pytest.approx(0.4, abs=0.1)  # whole patients: of 3 images each
    assert (summary.images, summary.units, summary.guarded) == (48, 15, ["test"])
    assert {row.split_b for row in rows(workspace, "split_representativeness", "main")} == {"dataset=field"}
    cells = {(row.split, row.stratum): row for row in rows(workspace, "split_strata", "main")}
    assert cells["test", "class_name=dog"].got == test["class_name=dog"]


def test_the_same_split_again_is_skipped_and_other_options_keep_the_parts(workspace):
    lines = []
    workspace._echo = lines.append
    before = {row.image_id: row.split for row in rows(workspace, "split_assignments", "main")}
    workspace.split("main", **OPTIONS)
    workspace.split("main", **{**OPTIONS, "target": None})
    after = {row.image_id: row.split for row in rows(workspace, "split_assignments", "main")}

    assert [re.sub(r" +", " ", line).split(" ")[2] for line in lines] == ["skipped", "done"]
    assert {image: after[image] for image in before} == before
    assert len(after) == COUNT
    assert Counter(after.values()) == {"train": 30, "test": 30}


def test_a_hold_out_is_opened_with_a_reason_and_each_time_is_counted(workspace):
    lines = []
    workspace._echo = lines.append
    sides = ("assigned=main/train", "assigned=main/test", "drift_univariate")
    with pytest.raises(HoldoutError, match=r"never opened so far[^$]*--open-guarded REASON"):
        workspace.compare(*sides)
    workspace.compare(*sides, open_guarded="final check")
    with runs.start(workspace.workspace, "test", {}) as run:
        assert holdout.open_part(run, "main", "train") is None
        assert holdout.open_part(run, "main", "test", "again") == 2

    assert holdout.openings(workspace.workspace, "main", "test") == 2
    assert "hold-out main/test opened once" in lines[0]


def test_labels_of_a_hold_out_are_analyzed_and_compared_with_a_reason_and_all_else_without(workspace):
    lines = []
    workspace._echo = lines.append
    steps = ("label_stats", "box_findings", "split_leakage", "split_differences")
    with pytest.raises(HoldoutError, match=r"were not run: box_findings, label_stats\.\nHint: --open-guarded"):
        workspace.analyze(*steps)
    assert {line.split()[0]: line.split()[1] for line in lines[-4:]} == {
        "label_stats": "skipped",
        "box_findings": "skipped",
        "split_leakage": "done",
        "split_differences": "done",
    }
    with pytest.raises(HoldoutError, match="label_parity, null_model"):
        workspace.compare("dataset=lab", "dataset=field", "label_parity", "null_model")
    before = holdout.openings(workspace.workspace, "main", "test")

    workspace.analyze(*steps, open_guarded="before the release")
    opened = f"hold-out main/test {holdout.opened(before + 1)}"
    assert [opened in line for line in lines[-4:]] == ["label_stats" in line or "box" in line for line in lines[-4:]]
    workspace.analyze(*steps)  # up to date: nothing is read
    assert holdout.openings(workspace.workspace, "main", "test") == before + 1


def test_steps_about_labels_are_marked():
    unmarked = {step.name: {table.name for table in step.inputs} for step in (*STEPS, *COMPARISONS) if not step.labels}
    # What they find does not depend on the labels that they may read.
    known = {
        *("normalization", "duplicates", "duplicate_evaluation", "outliers", "image_findings", "factor_bins"),
        *("factor_predictors", "embedding_health", "neighbors", "clusters", "embedding_scores"),
        *("split_leakage", "split_differences", "part_bias", "drift_univariate", "feature_distance"),
    }
    assert known <= set(unmarked)
    of_labels = {table.name for step in (*STEPS, *COMPARISONS) if step.labels for table in step.writes}
    of_labels |= {"targets", "factor_bins", "predictions", "annotations"}
    of_labels -= {"dataset_findings"}
    assert {name for name, inputs in unmarked.items() if inputs & of_labels} <= known


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group_by": ["pateint"]}, "patient"),
        ({"test_value": "site=B"}, "--test-value site=B"),
        ({"method": "group"}, "--group-by patient"),
        ({"gap": 3}, "split.gap is an option of method 'time'"),
        ({"target": "field"}, "expected dataset=NAME"),
        ({"target": "dataset=field", "method": "random"}, "method 'random' balances no classes"),
        ({"combined": True, "method": "group", "group_by": ["patient"]}, "method 'group' balances nothing"),
        ({"method": "hash", "repeats": 3}, "method 'hash' gives the same result each time"),
        ({"folds": 3, "repeats": 3, "shuffle": False}, "without shuffle gives the same result each time"),
        ({"method": "time", "shuffle": False}, "method 'time' shuffles nothing"),
        ({"method": "test_value", "test_value": "site=B", "folds": 3}, "follow from the groups"),
        ({"method": "test_value"}, "--test-value site=B"),
        ({"method": "random", "guard": ["tset"]}, r"split\.guard is 'tset'; expected one of \['test', 'train'"),
    ],
)
def test_options_that_cannot_be_are_refused(workspace, options, message):
    with pytest.raises(OptionError, match=message):
        workspace.split("refused", **options)

    assert "refused" not in {row["split_name"] for row in workspace.workspace.rows(SPLITS, ("split_name",))}


def test_an_unknown_option_is_refused_with_the_nearest_name(workspace):
    with pytest.raises(ConfigError, match="did you mean 'method'"):
        workspace.split("refused", metod="random")


def test_a_hold_out_stays_one_until_the_split_is_made_anew(workspace):
    def holdouts():
        return [row["guarded"] for row in workspace.workspace.rows(SPLITS, ("guarded",), split_name="kept")]

    options = {"method": "random", "fractions": {"train": 0.5, "test": 0.5}}
    workspace.split("kept", **options, guard=["test"])
    workspace.split("kept", **options)
    assert holdouts() == [["test"]]
    workspace.split("kept", **options, renew=True)
    assert holdouts() == [[]]


def test_a_target_without_labels_is_refused_instead_of_wanting_nothing(spark, frame, tmp_path):
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    ids = [f"i{n}" for n in range(12)]
    given = images(frame, ids, dataset=["field" if n < 4 else "lab" for n in range(12)])
    audit.workspace.write(IMAGES, given, Writer("r", "test", "w", "0"))
    lab = {image: "cat" if n % 2 else "dog" for n, image in enumerate(ids) if n >= 4}
    audit.workspace.write(TARGETS, image_labels(frame, lab), Writer("r", "test", "w", "0"))

    with pytest.raises(OptionError, match="no image of it has a value of class_name"):
        audit.split("main", target="dataset=field", duplicates=False)


def test_leaving_one_group_out_makes_its_folds_anew_when_a_group_comes(spark, frame, tmp_path):
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    writer = Writer("r", "test", "w", "0")

    def add(*sites):
        ids = [f"{site}{n}" for site in sites for n in range(3)]
        audit.workspace.write(IMAGES, images(frame, ids), writer, images=images(frame, ids).select("image_id"))
        rows = frame(
            "image_id string, target_index int, site string, run_id string", [(i, None, i[0], "r") for i in ids]
        )
        audit.workspace.write(FACTORS, rows, writer, images=rows.select("image_id"))
        audit.workspace.write(TARGETS, image_labels(frame, {}), writer)
        audit.split("sites", method="leave_one_group_out", group_by=["site"], duplicates=False, stratify_by=[])
        found = audit.table("split_assignments").collect()
        return {(row["image_id"][0], row["split"]) for row in found}

    assert len({fold for _, fold in add("a", "c")}) == 2
    writer = Writer("r2", "test", "w2", "0")
    after = add("b")

    assert len(after) == len({site for site, _ in after}) == len({fold for _, fold in after}) == 3


def test_times_that_the_source_does_not_give_are_those_of_the_files(spark, frame, tmp_path):
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    writer, start = Writer("r", "test", "w", "0"), datetime(2024, 1, 1, tzinfo=UTC)
    ids = [f"i{n}" for n in range(10)]
    stats = [{"image_id": i, "captured_at": start + timedelta(days=9 - n)} for n, i in enumerate(ids)]
    audit.workspace.write(IMAGES, images(frame, ids), writer)
    audit.workspace.create([TARGETS])
    with pytest.raises(OptionError, match="no image has a capture time, in its metadata or in its file"):
        audit.split("main", method="time", fractions={"train": 0.7, "test": 0.3})

    audit.workspace.write(IMAGE_STATS, image_stats(frame, stats), writer)
    audit.split("main", method="time", fractions={"train": 0.7, "test": 0.3})

    assert {row.image_id for row in rows(audit, "split_assignments", "main") if row.split == "test"} == {
        "i0",
        "i1",
        "i2",
    }
