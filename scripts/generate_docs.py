"""Write docs/tables.md and conf/default.toml from the contracts and signatures they document."""

from __future__ import annotations

from pathlib import Path

from dataeval_spark import config
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.verb_options import FUNCTIONS

ROOT = Path(__file__).resolve().parents[1]


def tables_page() -> str:
    """The text of docs/tables.md."""
    head = (
        "# Tables\n\nGenerated from `dataeval_spark/tables` by `make docs`. Every result is a Delta table; "
        "the same text is in the tables' own comments.\n\n"
    )
    names = "\n".join(f"- [`{table.name}`](#{table.name}): {table.doc}" for table in ALL_TABLES)
    return head + names + "\n\n" + "\n".join(table.markdown() for table in ALL_TABLES)


if __name__ == "__main__":
    (ROOT / "docs" / "tables.md").write_text(tables_page())
    (ROOT / "conf" / "default.toml").write_text(config.default_toml(FUNCTIONS))
