"""What the verbs of the command line share."""

from __future__ import annotations

import io

import pytest

from dataeval_spark.cli.main import main
from dataeval_spark.cli.verbs import _starting
from dataeval_spark.workspace.workspace import Workspace
from tests.workspace.test_liveness import other_run


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("stream", "written"), [(Terminal(), "starting the engine\r\x1b[K"), (io.StringIO(), "")])
def test_a_terminal_shows_that_the_engine_starts_and_a_file_does_not(stream, written):
    with pytest.raises(KeyError), _starting(stream):
        raise KeyError

    assert stream.getvalue() == written


def test_the_doctor_releases_a_run_that_is_gone_and_refuses_one_that_is_alive(spark, tmp_path, capsys):
    workspace = Workspace(spark, str(tmp_path / "audit"))
    gone, alive = other_run(workspace, silent=1000), other_run(workspace, silent=1)

    codes = [main(["doctor", "--workspace", workspace.location, "--release", run]) for run in (gone, alive)]

    said = capsys.readouterr()
    assert codes == [0, 1]
    assert said.out.startswith(f"Run {gone} ")
    assert "is released: its last sign of life was 17 min ago" in said.out
    assert said.err.startswith(f"error: Run {alive} ")
    assert "is alive: its last sign of life was" in said.err


def test_the_doctor_releases_nothing_without_a_workspace(capsys):
    assert main(["doctor", "--release", "R"]) == 2
    assert capsys.readouterr().err == (
        "error: doctor --release needs the workspace of the run.\n"
        "Hint: dataeval-spark doctor --workspace WS --release R\n"
    )
