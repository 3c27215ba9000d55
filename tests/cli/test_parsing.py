"""Errors of the parser: one line, and a hint with the nearest name."""

from __future__ import annotations

import pytest

from dataeval_spark.cli.parsing import USAGE, Parser


@pytest.fixture
def parser() -> Parser:
    parser = Parser(prog="program")
    parser.add_argument("--workspace", required=True, help="Place of the photos.")
    parser.add_argument("--engine", choices=("auto", "spark"))
    parser.add_argument("kind")
    return parser


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--workspce", "w", "x"], "did you mean '--workspace' by '--workspce'?"),
        (["--workspce=w", "x"], "did you mean '--workspace' by '--workspce'?"),
        (["--nothing", "x"], "program --help"),
        (["--workspace", "w", "x", "--engin", "sparc"], "did you mean 'spark'?"),
        (["--workspace", "w", "x", "--engnie", "spark"], "did you mean '--engine'?"),
        # A word of a text of help is no name.
        (["--workspace", "w", "x", "photos"], "program --help"),
    ],
)
def test_the_hint_is_the_nearest_name_or_the_command_for_help(parser, words, hint, capsys):
    with pytest.raises(SystemExit) as stop:
        parser.parse_args(words)

    message, following = capsys.readouterr().err.splitlines()
    assert stop.value.code == USAGE
    assert message.startswith("error: ")
    assert following == f"Hint: {hint}"


def test_credentials_are_not_shown(parser, capsys):
    with pytest.raises(SystemExit):
        parser.parse_args(["--workspace", "w", "x", "s3://name:secret@bucket/key"])

    assert "secret" not in capsys.readouterr().err
