"""``python -m dataeval_spark.cli``: the command line without an installed command."""

from dataeval_spark.cli.main import command

command()
