"""Configuration: everything that is written is checked, and a wrong name gets the nearest right one."""

from __future__ import annotations

import tomllib

import pytest

from dataeval_spark.analyses.steps import COMPARISONS, STEPS, chosen
from dataeval_spark.errors import ConfigError
from dataeval_spark.verbs import config
from dataeval_spark.verbs.config import default_toml, load, options_of


def ingest(source, *, glob: str | None = None, limit: int | None = None, keep_bytes: bool = False):
    """Read a source.

    More is said here.
    """


def outliers(stats, *, method: str = "iqr", threshold: float = 1.5, names: tuple = ("a", 'b"c'), top: int = 3):
    r"""Find outliers: $\sqrt{x}$."""


def drift(old, new, *, reference_name: str, window: tuple, alpha: float = 0.05):
    pass


FUNCTIONS = {"ingest": ingest, "outliers": outliers, "drift": drift}


@pytest.fixture
def file(tmp_path):
    def write(text):
        (tmp_path / "conf.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(tmp_path / "conf.toml")

    return write


def test_options_are_the_keyword_only_parameters_but_those_that_callers_fill_in():
    assert options_of(outliers) == {"method": "iqr", "threshold": 1.5, "names": ("a", 'b"c'), "top": 3}
    assert options_of(drift) == {"alpha": 0.05}


def test_a_file_and_overrides_are_merged_and_the_override_wins(file):
    path = file(
        'workspace = "w"\nsteps = ["outliers"]\n[outliers]\nmethod = "zscore"\ntop = 5\n[report]\nout = "r.html"\n'
    )

    assert load(path, ["outliers.method=mad", "ingest.limit=10"], FUNCTIONS) == {
        "workspace": "w",
        "steps": ["outliers"],
        "outliers": {"method": "mad", "top": 5},
        "ingest": {"limit": 10},
        "report": {"out": "r.html"},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("outliers.method=iqr", "iqr"),
        ('outliers.method="i q"', "i q"),
        ("outliers.method=a=b", "a=b"),
        ("outliers.threshold=2", 2),
        ("outliers.threshold=2.5", 2.5),
        ("outliers.names=['x', 'y']", ["x", "y"]),
        ("ingest.keep_bytes=true", True),
        ("ingest.glob=**/*.png", "**/*.png"),
        ("ingest.source=/data/photos", "/data/photos"),
        ("compare.reference=split=train", "split=train"),
    ],
)
def test_an_override_is_a_toml_value_or_a_bare_word(text, value):
    (section,) = load(None, [text], FUNCTIONS).values()

    assert list(section.values()) == [value]


@pytest.mark.parametrize("text", ["outliers", "outliers.method", "method=iqr", ".method=iqr", "outliers.=iqr", "=", ""])
def test_an_override_of_another_form_shows_the_form(text):
    with pytest.raises(
        ConfigError, match=r"(?s)--set .*: expected STEP\.OPTION=VALUE.*Hint: --set outliers\.method=iqr"
    ):
        load(None, [text], FUNCTIONS)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[outlier]\ntop = 1",
            r"conf\.toml: unknown section 'outlier'; expected one of .*Hint: did you mean 'outliers'\?",
        ),
        ("[outliers]\nmetod = 'x'", r"\[outliers\]: unknown option 'metod'; expected one of .*did you mean 'method'\?"),
        ("[report]\nouts = 'x'", r"\[report\]: unknown option 'outs'; .*did you mean 'out'\?"),
        ("[drift]\nwindow = 1", r"\[drift\]: unknown option 'window'; expected one of alpha"),
        ("workspac = 'x'", r"unknown section 'workspac'; .*did you mean 'workspace'\?"),
        ("qqq = 1", r"unknown section 'qqq'; expected one of [^?]*$"),
        ("workspace = 5", r"workspace is 5; expected a text\."),
        ("steps = 'outliers'", r"steps is 'outliers'; expected a list\."),
        ("outliers = 5", r"outliers is 5; expected a section \[outliers\]\."),
        ("[outliers]\nmethod = 5", r'outliers\.method is 5; expected a text such as "iqr"\.'),
        ("[outliers]\ntop = 1.5", r"outliers\.top is 1\.5; expected a whole number such as 3\."),
        ("[outliers]\ntop = true", r"outliers\.top is True; expected a whole number such as 3\."),
        ("[outliers]\nthreshold = '3'", r"outliers\.threshold is '3'; expected a number such as 1\.5\."),
        ("[outliers]\nnames = 'a'", r'outliers\.names is \'a\'; expected a list such as \["a", "b\\"c"\]\.'),
        ("[ingest]\nkeep_bytes = 1", r"ingest\.keep_bytes is 1; expected true or false\."),
        ("[report]\nout = 5", r"report\.out is 5; expected a text such as out = .report\.html"),
        ("[compare]\nsteps = 'drift'", r"compare\.steps is 'drift'; expected a list such as steps = "),
        ("[outliers\ntop = 1", r"conf\.toml is not valid TOML: "),
        ("top = 1\ntop = 2", r"conf\.toml is not valid TOML: "),
        (b"a = '\xff'", r"conf\.toml is not valid TOML: "),
    ],
)
def test_what_a_file_has_wrong_is_named_with_what_was_expected(file, text, message):
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        load(file(text), [], FUNCTIONS)


def test_a_text_whose_default_is_none_must_be_a_text():
    with pytest.raises(ConfigError, match=r"report\.snapshot is 3; expected a text\."):
        load(None, ["report.snapshot=3"], config.FUNCTIONS)
    assert load(None, ["report.snapshot=last"], config.FUNCTIONS) == {"report": {"snapshot": "last"}}


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"Configuration file .*nothing\.toml cannot be read: No such file"):
        load(str(tmp_path / "nothing.toml"), [], FUNCTIONS)


def test_a_wrong_override_is_named_as_it_was_typed():
    with pytest.raises(ConfigError, match=r"--set outliers\.tops=1: \[outliers\]: unknown option 'tops'"):
        load(None, ["outliers.tops=1"], FUNCTIONS)


def test_a_whole_number_is_a_number_and_an_option_without_default_takes_any_type(file):
    assert load(file("[outliers]\nthreshold = 3\n[ingest]\nlimit = 7"), [], FUNCTIONS)["outliers"] == {"threshold": 3}


def test_the_default_file_lists_every_option_and_is_a_configuration(file):
    text = default_toml(FUNCTIONS)

    assert tomllib.loads(text) == {
        "ingest": {"keep_bytes": False},
        "outliers": {"method": "iqr", "threshold": 1.5, "names": ["a", 'b"c'], "top": 3},
        "drift": {"alpha": 0.05},
        **{section: {} for section in ("split", "select", "compare", "export", "report", "session", "spark")},
    }
    assert '\n[ingest]\n# Read a source.\n# source = "photos"\n# glob =\n# limit =\nkeep_bytes = false\n' in text
    load(file(text), [], FUNCTIONS)


def test_the_default_file_of_the_real_steps_is_a_configuration_that_changes_nothing(file):
    functions = {step.name: step.function for step in (*STEPS, *COMPARISONS)}

    found = load(file(default_toml(functions)), [], functions)

    for name, function in functions.items():
        defaults = {option: value for option, value in options_of(function).items() if value is not None}
        assert {option: list(value) if isinstance(value, tuple) else value for option, value in defaults.items()} == (
            found[name]
        )


def test_an_unknown_step_gets_the_nearest_name_and_steps_keep_their_order():
    names = [step.name for step in STEPS]

    assert [step.name for step in chosen(names[::-1], STEPS)] == names
    assert chosen([], STEPS) == STEPS
    with pytest.raises(
        ConfigError, match=r"(?s)unknown step 'duplicate'; expected one of .*did you mean 'duplicates'\?"
    ):
        chosen(["duplicate"], STEPS)
