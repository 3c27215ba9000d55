"""Named SQL views over the tables of a workspace: questions that have one answer, as text or in a catalog."""

from __future__ import annotations

from dataclasses import dataclass

from dataeval_spark.errors import WorkspaceError
from dataeval_spark.locations import quoted
from dataeval_spark.tables import DUPLICATE_GROUPS, IMAGES, Table
from dataeval_spark.workspace import Workspace


@dataclass(frozen=True)
class View:
    """A query over ``reads``; ``{images}`` in it stands for the table ``images``."""

    name: str
    doc: str
    reads: tuple[Table, ...]
    query: str


VIEWS = (
    View(
        "v_dataset_without_duplicates",
        "Live images, and of each group of duplicate images the one that is kept",
        (IMAGES, DUPLICATE_GROUPS),
        "SELECT i.* FROM {images} AS i LEFT ANTI JOIN {duplicate_groups} AS g\n"
        "  ON g.image_id = i.image_id AND g.target_index IS NULL AND NOT g.is_kept\n"
        "WHERE i.deleted_at IS NULL",
    ),
)


def query(view: View, workspace: Workspace) -> str:
    """The query of a view with the names that the workspace's tables have in SQL."""
    return view.query.format_map({table.name: workspace.name(table) for table in view.reads})


def statements(workspace: Workspace) -> dict[str, str]:
    """By name, the statement that makes each view whose tables exist.

    In a catalog a view is made for everyone, beside the tables; over a directory for the session that runs the
    statement, because there is no place to keep it.

    Examples
    --------
    >>> print(statements(Workspace(spark, "main.audit"))["v_dataset_without_duplicates"])
    CREATE OR REPLACE VIEW `main`.`audit`.`v_dataset_without_duplicates`
      COMMENT 'Live images, and of each group of duplicate images the one that is kept' AS
    SELECT i.* FROM ...
    """
    states = workspace.states(dict.fromkeys(table for view in VIEWS for table in view.reads))
    made = {}
    for view in VIEWS:
        if all(table.name in states for table in view.reads):
            place = f"VIEW {quoted(workspace.location)}." if workspace.is_catalog else "TEMPORARY VIEW "
            head = f"CREATE OR REPLACE {place}`{view.name}`\n  COMMENT '{view.doc}' AS\n"
            made[view.name] = head + query(view, workspace)
    return made


def create_views(workspace: Workspace) -> list[str]:
    """Make the views in the workspace's catalog; the names of those that were made.

    Raises
    ------
    WorkspaceError
        The workspace is a directory, which keeps no views.
    """
    if not workspace.is_catalog:
        raise WorkspaceError(
            f"Workspace {workspace.location} is a directory, which keeps no views.\n"
            f"Hint: dataeval-spark views --workspace {workspace.location} prints statements for a session"
        )
    made = statements(workspace)
    for statement in made.values():
        workspace.spark.sql(statement)
    return list(made)
