"""Credentials in URIs are refused wherever they are given, and stand in nothing that is printed or written."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataeval_spark.audit import Audit
from dataeval_spark.cli.main import DONE, USAGE, main
from dataeval_spark.demo.demo import run_demo
from dataeval_spark.errors import OptionError, SnapshotError, WorkspaceError
from dataeval_spark.verbs import config, doctor
from dataeval_spark.verbs.config import FUNCTIONS
from dataeval_spark.verbs.report import save_report
from dataeval_spark.workspace import snapshots
from dataeval_spark.workspace.workspace import Workspace
from tests.kernels.s3_server import ENVIRONMENT, serve
from tests.kernels.storage.test_uris import uris_with_secrets
from tests.verbs.ingest.readers.pictures import png, tree

WS = ("--workspace", "WORKSPACE")
# Every place of the command line that takes a location or a text; URI stands for the one with secrets.
COMMANDS = (
    ("ingest", *WS, "URI"),
    ("ingest", *WS, "photos", "--annotations", "URI"),
    ("ingest", *WS, "photos", "--metadata=URI"),
    ("ingest", *WS, "photos", "--format", "URI"),
    ("ingest", *WS, "--predictions", "URI", "--model", "m"),
    ("ingest", *WS, "--predictions", "p.npy", "--ids", "URI", "--class-names", "URI"),
    ("ingest", *WS, "--ratings", "URI"),
    ("ingest", "--workspace", "URI", "photos"),
    ("profile", *WS, "--encoder", "URI"),
    ("profile", *WS, "--conf", "URI"),
    ("profile", *WS, "--set", "profile.encoder=URI"),
    ("analyze", *WS, "URI"),
    ("analyze", *WS, "--set", 'outliers.method="URI"'),
    ("compare", *WS, "--reference", "URI", "--current", "URI"),
    ("split", *WS, "--name", "URI"),
    ("select", *WS, "--name", "n", "--operation", "where", "condition=uri = 'URI'"),
    ("select", *WS, "--name", "n", "--recipe", "URI"),
    ("export", *WS, "--to", "URI"),
    ("export", *WS, "--to=out", "--open-guarded", "see URI"),
    ("snapshot", *WS, "export", "s", "--out", "URI"),
    ("snapshot", *WS, "create", "s", "--note", "URI"),
    ("search", *WS, "URI"),
    ("views", "--workspace", "URI", "--scratch", "URI"),
    ("report", *WS, "--out", "URI"),
    ("report", *WS, "--out", "report.html", "--table-location", "URI"),
    ("run", "URI"),
    ("run", "conf.toml", "--set", "report.out=URI"),
    ("demo", "--images", "URI"),
    ("demo", "--out", "URI", "--unknown", "URI"),
    ("doctor", "--workspace", "URI"),
)
SECTIONS = ("ingest.source", "ingest.annotations", "ingest.metadata", "report.out", "export.to", "workspace", "scratch")
QUICK = settings(suppress_health_check=list(HealthCheck), deadline=None)


@QUICK
@given(uris_with_secrets(quotes=True), st.sampled_from(COMMANDS), st.booleans())
def test_no_verb_takes_or_shows_credentials(capsys, found, command, is_dry):
    words, uri = found
    given_words = [word.replace("URI", uri) for word in command]

    code = main([*given_words, *(["--dry-run"] if is_dry and command[0] != "doctor" else [])])

    shown = capsys.readouterr()
    assert code == USAGE
    assert "credentials" in shown.err
    assert not [word for word in words if word in shown.out + shown.err]
    assert not Path("WORKSPACE").exists()


@QUICK
@given(uris_with_secrets(quotes=True), st.sampled_from(SECTIONS), st.booleans())
def test_no_configuration_takes_or_shows_credentials(tmp_path, capsys, found, place, is_dry):
    words, uri = found
    section, dot, option = place.partition(".")
    text = json.dumps(uri, ensure_ascii=False)
    lines = [f"[{section}]", f"{option} = {text}"] if dot else [f"{section} = {text}"]
    (tmp_path / "conf.toml").write_text("\n".join(["# a configuration", *lines]))

    code = main(["run", str(tmp_path / "conf.toml"), *(["--dry-run"] if is_dry else [])])

    shown = capsys.readouterr()
    assert code == USAGE
    assert not [word for word in words if word in shown.out + shown.err]
    with pytest.raises(OptionError, match="credentials"):
        config.load(None, [f"report.out={uri}"], FUNCTIONS)


@QUICK
@given(uris_with_secrets(quotes=True))
def test_no_workspace_is_at_a_uri_with_credentials(spark, found):
    for attempt in (lambda: Workspace(spark, found[1]), lambda: Audit(found[1], spark)):
        with pytest.raises(OptionError, match="credentials") as error:
            attempt()
        assert not [word for word in found[0] if word in str(error.value)]


def test_an_option_that_takes_names_shows_no_credentials_of_a_uri(spark, tmp_path):
    audit = Audit(str(tmp_path / "audit"), spark)

    with pytest.raises(OptionError, match="credentials") as error:
        audit.ingest("photos", format="s3://key:secret@bucket/photos")

    assert "secret" not in str(error.value)


def everything_below(folder):
    """All that is written below a folder: names, bytes, and the values of parquet files, which are compressed."""
    for path in sorted(folder.rglob("*")):
        yield str(path).encode()
        if path.is_file():
            yield path.read_bytes()
        if path.suffix == ".parquet":
            yield str(pq.ParquetFile(path).read().to_pylist()).encode()


def test_a_workspace_holds_no_secret_of_all_that_it_was_given(spark, tmp_path, capsys, monkeypatch):
    secrets = ["QXZJKVWA", "QXZJKVWB", "QXZJKVWC", "QXZJKVWD", "QXZJKVWE", "QXZJKVWF"]
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "QXZJKVWF")
    images = tree(tmp_path / "photos", {"a/1.png": 1, "b/2.png": 2})
    signed = [
        f"{tmp_path}/photos/a/1.png",
        "https://me:QXZJKVWA@127.0.0.1:9/a.png",
        "https://127.0.0.1:9/b.png?X-Amz-Signature=QXZJKVWB&X-Amz-Date=1",
        "s3://key:QXZJ/QXZJKVWC@box/c.png",
    ]
    table = pa.table({"path": signed, "label": ["a", "b", "a", "b"]})
    pq.write_table(table, tmp_path / "signed.parquet")
    (tmp_path / "about.csv").write_text(f"path,camera\n1.png,x\n{signed[2]},y\nhttps://h/x.png?key=QXZJKVWD,z\n")
    workspace = tmp_path / "audit"
    common = ("--workspace", str(workspace))

    codes = [
        main(["ingest", *common, "--format", "table", str(tmp_path / "signed.parquet")]),
        main(["ingest", *common, images, "--metadata", str(tmp_path / "about.csv"), "--dataset", "named"]),
        main(["ingest", *common, "s3://key:QXZJ/QXZJKVWE@box/set"]),
        main(["report", *common, "--out", f"{tmp_path}/report.html"]),
    ]
    audit = Audit(str(workspace), spark, echo=lambda line: None)
    with pytest.raises(OptionError, match="credentials"):
        audit.ingest("s3://key:QXZJ/QXZJKVWE@box/set", metadata="https://host/?code=QXZJKVWE")

    shown = capsys.readouterr()
    assert codes == [DONE, DONE, USAGE, DONE]
    assert audit.table("images").where("dataset = 'signed.parquet'").count() == 4
    assert audit.table("ingest_findings").count() >= 2
    written = [*everything_below(workspace), (tmp_path / "report.html").read_bytes(), (shown.out + shown.err).encode()]
    assert not [secret for secret in secrets if any(secret.encode() in text for text in written)]


@pytest.fixture
def server(tmp_path, monkeypatch):
    (tmp_path / "server" / "box").mkdir(parents=True)
    with serve(tmp_path / "server") as running:
        for name, value in {**ENVIRONMENT, "AWS_ENDPOINT_URL": running.endpoint}.items():
            monkeypatch.setenv(name, value)
        yield running


def test_a_report_is_written_to_object_storage(server, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert save_report("<html>", "s3://box/reports/a.html") == "s3://box/reports/a.html"

    assert (server.root / "box" / "reports" / "a.html").read_text() == "<html>"
    assert os.listdir(tmp_path) == ["server"]


def test_a_report_that_cannot_be_written_is_refused_in_words(server, tmp_path):
    for out in ("s3://nothing/a.html", "unheard-of://box/a.html", str(tmp_path)):
        with pytest.raises(OptionError, match=r"^report\.out is .*\nHint: --out"):
            save_report("<html>", out)


def test_the_doctor_does_not_check_a_workspace_on_object_storage():
    found = doctor.checks("s3://box/audit")[-1]

    assert (found.name, found.status, found.result) == ("workspace", "warning", "s3://box/audit is not checked")


def test_what_cannot_be_on_object_storage_is_refused_in_words(spark, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    audit = Audit(str(tmp_path / "audit"), spark, echo=lambda line: None)
    audit.ingest(tree(tmp_path / "photos", {"a/1.png": png(1)})).snapshot("now")

    with pytest.raises(OptionError, match="demo puts files beside its workspace"):
        run_demo(lambda: audit, "s3://box/demo")
    hint = "Hint: (--engine spark|Spark reads and writes)"
    with pytest.raises(SnapshotError, match=rf"(?s)cannot be copied to s3://box/copy.*{hint}"):
        snapshots.export(audit.workspace, "now", "s3://box/copy")
    with pytest.raises(WorkspaceError, match=rf"(?s)orkspace s3://box/audit.*{hint}"):
        Audit("s3://box/audit", spark, echo=lambda line: None).ingest(str(tmp_path / "photos"))
    assert sorted(os.listdir(tmp_path)) == ["audit", "photos"]
