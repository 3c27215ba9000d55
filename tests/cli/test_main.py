"""The command line: verbs, exit codes, and messages that say what to do."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dataeval_spark.analyses.steps import COMPARISONS, STEPS
from dataeval_spark.cli.help_texts import EXAMPLES
from dataeval_spark.cli.main import CANCELLED, DONE, TERMINATED, VERBS, _is_shown, main, parser
from dataeval_spark.cli.parsing import USAGE
from dataeval_spark.kernels.encoders.registry import BUILT_IN
from dataeval_spark.options import COMPARISON_NAMES, ENCODER_FORMS, STEP_NAMES
from dataeval_spark.session.cancellation import Terminated
from dataeval_spark.verbs.select.operations import OPERATIONS
from dataeval_spark.workspace.version import __version__
from tests.jobs.conftest import picture

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"pyspark", "torch", "numpy", "scipy", "pandas", "pyarrow", "numba", "PIL", "deltalake", "matplotlib", "pysail"}


@pytest.fixture(autouse=True)
def one_session(spark):
    """The verbs take the active session."""


def run(capsys, *words):
    code = main([str(word) for word in words])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_help_has_examples(capsys):
    code, out, _ = run(capsys, "ingest", "--help")

    assert code == DONE
    assert "dataeval-spark ingest --workspace my_audit photos/" in out


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_its_own_examples_and_no_others(capsys, verb):
    _, out, _ = run(capsys, verb, "--help")

    shown = [line for line in EXAMPLES.splitlines() if line and line in out.splitlines()]
    assert shown
    assert {line.split()[1] for line in shown} == {verb}


def test_the_help_of_the_program_has_one_example_of_each_verb(capsys):
    _, out, _ = run(capsys, "--help")

    shown = [line.split()[1] for line in out.splitlines() if line in EXAMPLES.splitlines() and line]
    assert shown == list(dict.fromkeys(line.split()[1] for line in EXAMPLES.split("\n") if line))
    assert set(shown) == set(VERBS)


def test_the_version_is_that_of_the_package(capsys):
    assert run(capsys, "--version") == (DONE, f"dataeval-spark {__version__}\n", "")


def test_every_verb_has_a_job_file_or_needs_none():
    verbs = set(next(a for a in parser()._actions if a.dest == "verb").choices)

    assert {path.stem for path in (ROOT / "jobs").glob("*.py")} == verbs - {"run", "demo", "doctor"}


def test_an_unknown_verb_is_wrong_usage(capsys):
    assert run(capsys, "frobnicate")[0] == USAGE


@pytest.mark.parametrize(
    "words",
    [
        ("profile",),
        ("analyze",),
        ("compare", "--reference", "split=train", "--current", "split=test"),
        ("split", "--name", "main"),
        ("select", "--name", "all", "--operation", "shuffle"),
        ("export", "--to", "out"),
        ("snapshot", "list"),
        ("snapshot", "create", "s"),
        ("search", "a.jpg"),
        ("views",),
        ("report", "--out", "report.html"),
    ],
)
def test_a_misspelt_workspace_is_refused_with_the_nearest_name(audited, capsys, words):
    verb, *more = words
    name = audited.workspace.location.rpartition("/")[2]

    code, _, err = run(capsys, verb, "--workspace", f"{audited.workspace.location}s", *more)

    assert code == USAGE
    assert f"Hint: did you mean {name!r}?" in err
    assert not Path(f"{audited.workspace.location}s").exists()


def test_search_prints_the_nearest_images(audited, capsys):
    image_id = audited.table("embeddings").orderBy("image_id").first()["image_id"]

    code, out, _ = run(capsys, "search", "--workspace", audited.workspace.location, image_id, "-k", "3")

    lines = [line.split() for line in out.splitlines()]
    assert code == DONE
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert image_id not in {line[2] for line in lines}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("analyze", "outlier"), r"unknown step 'outlier'"),
        (("analyze", "--set", "outliers.metod=iqr"), "did you mean 'method'"),
        (("analyze", "--set", "outliers.method=Zscore"), "Hint: outliers.method = 'zscore'"),
        (("export", "--to", "x", "--format", "cocoo"), "Hint: export.format = 'coco'"),
        (("split", "--name", "x", "--dry-run", "--method", "groups"), "Hint: split.method = 'group'"),
        (("split", "--name", "x", "--fractions", "train"), "train: expected PART=SHARE, such as train=0.7."),
        (("analyze", "--conf", "/nowhere.toml"), "/nowhere.toml cannot be read"),
        (("search", "nothing.jpg"), "there is no such file"),
        (("snapshot", "create"), "snapshot create takes one name; found none."),
        (("snapshot", "diff", "first"), "Hint: dataeval-spark snapshot --workspace WS diff NAME_A NAME_B"),
        (("snapshot", "show", "nothing"), "there are first"),
        (("compare", "--reference", "dataset=x", "--current", "dataset=demo"), "here: dataset=demo, dataset=later"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_to_do(audited, capsys, words, message):
    verb, *others = words

    code, _, err = run(capsys, verb, "--workspace", audited.workspace.location, *others)

    assert code == USAGE
    assert message in err


def test_a_source_that_does_not_exist_is_wrong_usage(tmp_path, capsys):
    code, _, err = run(capsys, "ingest", "--workspace", tmp_path / "audit", tmp_path / "nothing")

    assert (code, "cannot be listed: No such file or directory" in err) == (USAGE, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("ingest", "--workspace", "w", "phtos"), "did you mean 'photos'?"),
        (("ingest", "--workspace", "w", "photos", "--annotations", "instance.json"), "did you mean 'instances.json'?"),
        (("select", "--workspace", "w", "--name", "s", "--recipe", "instance.json"), "did you mean 'instances.json'?"),
        (("run", "audit.tml"), "did you mean 'audit.toml'?"),
        (("compare", "--workspace", "w", "--reference", "datset=a", "--current", "b"), "did you mean 'dataset=a'?"),
    ],
)
def test_a_misspelt_path_or_part_gets_the_nearest_before_an_engine_starts(words, hint, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    picture(0).save(tmp_path / "photos" / "0.png")
    (tmp_path / "instances.json").write_text("[]")
    (tmp_path / "audit.toml").write_text("")
    monkeypatch.setattr("dataeval_spark.audit.Audit.__init__", None)

    code, _, err = run(capsys, *words)

    assert (code, err.splitlines()[1]) == (USAGE, f"Hint: {hint}")


def test_a_folder_without_images_is_wrong_usage(tmp_path, capsys):
    (tmp_path / "empty").mkdir()

    code, _, err = run(capsys, "ingest", "--workspace", tmp_path / "audit", tmp_path / "empty")

    assert (code, "has no images" in err) == (USAGE, True)


def test_profile_before_ingest_names_the_command_that_comes_first(tmp_path, capsys):
    code, _, err = run(capsys, "profile", "--workspace", tmp_path / "audit")

    assert code == USAGE
    assert "dataeval-spark ingest --workspace" in err


def test_what_was_not_measured_is_said_first_and_the_report_goes_into_the_workspace(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    picture(0).save(tmp_path / "photos" / "0.png")
    workspace = tmp_path / "audit"
    run(capsys, "ingest", "--workspace", workspace, tmp_path / "photos")

    code, out, _ = run(capsys, "analyze", "--workspace", workspace)
    assert code == DONE
    assert out.startswith("No image has been measured: steps that need statistics, hashes or vectors are skipped.")
    code, _, err = run(capsys, "search", "--workspace", workspace, tmp_path / "photos" / "0.png")
    assert (code, f"Hint: dataeval-spark profile --workspace {workspace} --encoder hog_color" in err) == (USAGE, True)
    code, out, _ = run(capsys, "report", "--workspace", workspace)
    assert (code, out.splitlines()[-1]) == (DONE, f"Report: {workspace / 'report.html'}")


def test_a_name_that_is_taken_by_another_source_needs_replace(tmp_path, capsys):
    for number, place in enumerate(("one", "two")):
        (tmp_path / place / "photos").mkdir(parents=True)
        picture(number).save(tmp_path / place / "photos" / f"{number}.png")
    workspace = tmp_path / "audit"
    assert run(capsys, "ingest", "--workspace", workspace, tmp_path / "one" / "photos")[0] == DONE

    code, _, err = run(capsys, "ingest", "--workspace", workspace, tmp_path / "two" / "photos")
    replaced = run(capsys, "ingest", "--workspace", workspace, tmp_path / "two" / "photos", "--replace")

    assert (code, "--dataset NAME for another name, or --replace" in err) == (USAGE, True)
    assert (replaced[0], "1 new, 0 changed, 1 deleted" in replaced[1]) == (DONE, True)


def test_help_names_the_formats_and_operations_there_are(capsys):
    export, select = (" ".join(run(capsys, verb, "--help")[1].split()) for verb in ("export", "select"))

    assert "One of folder, coco, yolo, voc, parquet, webdataset. Default: coco." in export
    assert f"One of {', '.join(OPERATIONS)}." in select


def test_help_names_the_steps_and_encoders_there_are(capsys):
    analyze, compare, profile = (
        " ".join(run(capsys, v, "--help")[1].split()) for v in ("analyze", "compare", "profile")
    )

    assert set(STEP_NAMES) == {step.name for step in STEPS}
    assert set(COMPARISON_NAMES) == {step.name for step in COMPARISONS}
    assert f"One of {', '.join(STEP_NAMES)}." in analyze
    assert f"One of {', '.join(COMPARISON_NAMES)}." in compare
    assert ", ".join(ENCODER_FORMS) in profile
    assert set(BUILT_IN) == {form for form in ENCODER_FORMS if ":" not in form}


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("snpashot",), "did you mean 'snapshot'?"),
        (("snapshot", "--workspace", "w", "dif"), "did you mean 'diff'?"),
        (("split", "--workspace", "w", "--name", "s", "--sede", "3"), "did you mean '--seed'?"),
        (("split", "--workspace", "w", "--name", "s", "--xyz"), "dataeval-spark split --help"),
        (("split",), "dataeval-spark split --help"),
        (("profile", "--workspce", "w"), "did you mean '--workspace' by '--workspce'?"),
        (
            ("compare", "--workspace", "w", "--refernce=a", "--current", "b"),
            "did you mean '--reference' by '--refernce'?",
        ),
        (("demo", "photos"), "dataeval-spark demo --help"),
        (("search", "--workspace", "w", "q", "-k", "many"), "dataeval-spark search --help"),
    ],
)
def test_a_misspelt_word_gets_the_nearest_name_in_two_lines(words, hint, capsys):
    code, _, err = run(capsys, *words)

    assert code == USAGE
    message, following = err.splitlines()
    assert message.startswith("error: ")
    assert following == f"Hint: {hint}"


def test_operations_are_given_one_by_one_or_in_a_file(audited, tmp_path, capsys):
    place = ("select", "--workspace", audited.workspace.location, "--name", "few", "--dry-run")
    (tmp_path / "recipe.toml").write_text('[[recipe]]\noperation = "limit"\nn = 5\n')

    words = run(capsys, *place, "--operation", "classes", "keep=1,2", "--operation", "limit", "n=5")
    file = run(capsys, *place, "--recipe", tmp_path / "recipe.toml")
    both = run(capsys, *place, "--recipe", tmp_path / "recipe.toml", "--operation", "drop_duplicates")
    wrong = run(capsys, *place, "--operation", "limits", "n=5")

    assert '[{"operation": "classes", "keep": ["1", "2"]}, {"operation": "limit", "n": 5}]' in words[1]
    assert '[{"operation": "limit", "n": 5}]' in file[1]
    assert (both[0], "not both" in both[2]) == (USAGE, True)
    assert (wrong[0], "did you mean 'limit'" in wrong[2]) == (USAGE, True)


def test_a_dry_run_prints_the_plan_and_changes_nothing(audited, capsys):
    before = audited.workspace.states()
    place = audited.workspace.location

    profile = run(capsys, "profile", "--workspace", place, "--encoder", "thumbnail", "--dry-run")
    analyze = run(capsys, "analyze", "--workspace", place, "--dry-run", "--set", "outliers.method=iqr")

    assert "profile            skip" in profile[1]
    assert "outliers           run" in analyze[1]
    assert "duplicates         skip" in analyze[1]
    assert audited.workspace.states() == before


def test_snapshot_list_show_verify_and_diff(audited, capsys):
    place = ("snapshot", "--workspace", audited.workspace.location)

    assert "first" in run(capsys, *place, "list")[1]
    assert "VERSION AS OF" in run(capsys, *place, "show", "first")[1]
    assert run(capsys, *place, "verify", "first")[:2] == (
        DONE,
        "snapshot first: every pinned version can be read\n",
    )
    (same,) = run(capsys, *place, "diff", "first", "first")[1].splitlines()
    assert re.fullmatch(r"\d+ tables are the same in both", same)


def test_a_report_on_a_snapshot(audited, capsys, tmp_path):
    out = tmp_path / "report.html"

    code, text, _ = run(
        capsys, "report", "--workspace", audited.workspace.location, "--snapshot", "first", "--out", out
    )

    assert (code, text.splitlines()[-1]) == (DONE, f"Report: {out}")
    assert "VERSION AS OF" in out.read_text()


def test_a_configuration_file_runs_all_verbs(tmp_path, capsys):
    (tmp_path / "photos" / "a").mkdir(parents=True)
    for number in range(4):
        picture(number).save(tmp_path / "photos" / "a" / f"{number}.png")
    conf = tmp_path / "audit.toml"
    conf.write_text(
        f'workspace = "{tmp_path}/audit"\nsteps = ["outliers"]\n[ingest]\nsource = "{tmp_path}/photos"\n'
        f'split = "train"\n[outliers]\nmethod = "iqr"\n[report]\nout = "{tmp_path}/report.html"\n'
    )

    code, out, _ = run(capsys, "run", conf)

    assert code == DONE
    # What a step says besides stands on indented lines below it.
    steps = [line.split()[0] for line in out.splitlines() if line.strip() and not line.startswith(" ")]
    assert steps[:3] == ["ingest", "profile", "outliers"]
    assert (tmp_path / "report.html").is_file()


@pytest.mark.parametrize(("stop", "code"), [(KeyboardInterrupt, CANCELLED), (Terminated, TERMINATED)])
def test_a_cancelled_verb_says_what_it_leaves_and_has_the_exit_code_of_the_signal(
    monkeypatch, capsys, tmp_path, stop, code
):
    def interrupted(args):
        raise stop(*words)

    monkeypatch.setitem(main.__globals__["VERBS"], "report", interrupted)
    command = ["report", "--workspace", str(tmp_path), "--out", "x"]

    words = ["two steps are kept"]
    assert main(command) == code
    words = []
    assert main(command) == code
    assert capsys.readouterr().err.splitlines() == [
        "cancelled: two steps are kept.",
        "cancelled: no table was changed. Run the same command again.",
    ]
    assert (CANCELLED, TERMINATED) == (130, 143)


@pytest.mark.parametrize(
    ("stop", "path", "is_shown"),
    [
        (KeyboardInterrupt, "lib/other.py", False),
        (Terminated, "lib/other.py", False),
        (OSError, "lib/other.py", True),
        (OSError, "site-packages/py4j/java_gateway.py", False),
    ],
)
def test_the_stack_of_an_interrupt_or_of_what_py4j_raises_is_not_logged(stop, path, is_shown):
    record = logging.LogRecord("root", logging.ERROR, path, 0, "while sending command", (), (stop, stop(), None))

    assert _is_shown(record) is is_shown


@pytest.mark.parametrize("verb", [None, *VERBS])
def test_help_imports_nothing_that_takes_long(verb):
    """Help takes a tenth of a second; the import of Spark alone would take longer than anybody waits for help."""
    words = [*([verb] if verb else []), "--help"]
    code = (
        f"import sys; from dataeval_spark.cli.main import main; assert main({words}) == 0; "
        f"assert not {HEAVY} & set(sys.modules), {HEAVY} & set(sys.modules)"
    )

    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0
