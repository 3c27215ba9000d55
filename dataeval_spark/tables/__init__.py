"""The contracts of all tables: names, types, units and meaning. No Spark is imported here."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from dataeval_spark.tables.contract import Table

# Every table that a module of this folder defines, by module and then in the order of its text.
ALL_TABLES: tuple[Table, ...] = tuple(
    value
    for module in iter_modules(__path__, f"{__name__}.")
    for value in vars(import_module(module.name)).values()
    if isinstance(value, Table)
)
# New names of the tables of older workspaces.
CURRENT_NAMES: dict[str, str] = {table.formerly: table.name for table in ALL_TABLES if table.formerly}
