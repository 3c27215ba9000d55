"""Checks of a command before an engine starts."""

from __future__ import annotations

import pytest

from dataeval_spark.cli import checks, verbs
from dataeval_spark.cli.main import USAGE, main
from dataeval_spark.errors import ConfigError, IngestError, OptionError


def test_a_source_that_is_there_or_elsewhere_is_left_to_the_engine(tmp_path):
    (tmp_path / "a.png").write_bytes(b"x")

    checks.require_source(str(tmp_path), None)
    checks.require_source(str(tmp_path / "a.png"), None)
    checks.require_source(f"file://{tmp_path}", "coco")
    checks.require_source("s3://bucket/photos", None)
    checks.require_source("no_such_table", "table")


def test_a_source_that_is_not_there_or_empty_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()

    with pytest.raises(IngestError, match="nothing cannot be listed: No such file or directory"):
        checks.require_source(str(tmp_path / "nothing"), None)
    with pytest.raises(IngestError, match="is an empty folder"):
        checks.require_source(str(tmp_path / "empty"), "folder")


def test_a_file_that_is_not_there_is_refused_by_its_flag(tmp_path):
    checks.require_files({"--metadata": str(tmp_path), "--annotations": None, "--other": "s3://bucket/file"})

    with pytest.raises(IngestError, match=r"--annotations .*gone\.json cannot be read: .*\nHint: --annotat"):
        checks.require_files({"--metadata": None, "--annotations": str(tmp_path / "gone.json")})


def test_a_folder_is_no_query(tmp_path):
    checks.require_query("photos/1.png")
    checks.require_query("s3://bucket/1.png")

    with pytest.raises(OptionError, match="a folder"):
        checks.require_query(str(tmp_path))


def test_steps_and_parts_get_the_nearest_name():
    checks.require_steps(["outliers"], ["outliers", "neighbors"])
    checks.require_parts({"reference": "dataset=a=b", "current": "before-cleaning"})

    with pytest.raises(ConfigError, match="did you mean 'outliers'"):
        checks.require_steps(["outlier"], ["outliers", "neighbors"])
    with pytest.raises(OptionError, match=r"compare\.current is 'datset=b'.*\n.*mean 'dataset=b'"):
        checks.require_parts({"reference": "dataset=a", "current": "datset=b"})


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("analyze outlier", "did you mean 'outliers'"),
        ("analyze --set neighbors.k=-1", "Hint: neighbors.k = 1"),
        ("analyze --set neighbors.k=many", "expected a whole number"),
        ("analyze --set outliers.method=Zscore", "Hint: outliers.method = 'zscore'"),
        ("profile --set profile.value_range=[2,1]", "profile.value_range is [2, 1]"),
        ("profile --encoder thumbnial", "thumbnail"),
        ("compare --reference dataset=a --current datset=b", "Hint: did you mean 'dataset=b'?"),
        ("compare --reference dataset=a --current dataset=b drift", "unknown step 'drift'"),
        ("split --name s --fractions train=0.7 test=0.2", "split.fractions sum to 0.9"),
        ("split --name s --folds 1", "Hint: split.folds = 2"),
        ("select --name s --operation drop_findings rules=blury", "Hint: select.drop_findings.rules = 'blurry'"),
        ("select --name s --operation limit n=many", "expected a whole number"),
        ("export --to out --samples-per-shard 0", "Hint: export.samples_per_shard = 1"),
        ("search 1.png -k 0", "Hint: search.k = 1"),
        ("ingest {place}/nothing", "cannot be listed"),
        ("ingest {place} --annotations {place}/gone.json", "gone.json cannot be read"),
        ("ingest {place} --limit 0", "Hint: ingest.limit = 1"),
    ],
)
def test_wrong_usage_is_refused_before_an_engine_starts(words, message, tmp_path, monkeypatch, capsys):
    (tmp_path / "a.png").write_bytes(b"x")
    monkeypatch.setattr(verbs, "_audit", lambda *args: pytest.fail("an engine would start"))
    verb, *more = words.format(place=tmp_path).split()

    assert main([verb, "--workspace", str(tmp_path), *more]) == USAGE
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = ['outlier']", "did you mean 'outliers'"),
        ("[ingest]\nsource = '{place}/nothing'", "cannot be listed"),
        (
            "[ingest]\nsource = '{place}'\nmetadata = '{place}/gone.csv'",
            "ingest.metadata {place}/gone.csv cannot be read",
        ),
        ("[compare]\nreference = 'datset=a'\ncurrent = 'dataset=b'", "Hint: did you mean 'dataset=a'?"),
        ("[split]\nname = 's'\nfractions = {{train = 0.7, test = 0.2}}", "split.fractions sum to 0.9"),
        ("[select]\nname = 's'\nrecipe = [{{operation = 'drop_findings', rules = ['blury']}}]", "'blurry'"),
    ],
)
def test_a_wrong_configuration_is_refused_before_an_engine_starts(text, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(verbs, "_audit", lambda *args: pytest.fail("an engine would start"))
    (tmp_path / "conf.toml").write_text("workspace = 'w'\n" + text.format(place=tmp_path))

    assert main(["run", str(tmp_path / "conf.toml")]) == USAGE
    assert message.format(place=tmp_path) in capsys.readouterr().err
