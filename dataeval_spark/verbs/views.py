"""Named SQL views over the tables of a workspace: questions that have one answer, as text or in a catalog."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass

from dataeval_spark.analyses.profile.box_ratios import RATIOS
from dataeval_spark.errors import WorkspaceError, filling_command
from dataeval_spark.tables.contract import Table
from dataeval_spark.tables.images import IMAGES, INGEST_FINDINGS
from dataeval_spark.tables.labels import BOX_FINDINGS, LABEL_CONSENSUS, LABEL_ERRORS, OBJECT_LABEL_ERRORS
from dataeval_spark.tables.profile import EMBEDDINGS, IMAGE_STATS, UNREADABLE_IMAGES
from dataeval_spark.tables.quality import DUPLICATE_GROUPS, IMAGE_FINDINGS, OUTLIERS
from dataeval_spark.tables.similarity import CLUSTERS, EMBEDDING_SCORES
from dataeval_spark.workspace.locations import quoted
from dataeval_spark.workspace.workspace import Workspace


@dataclass(frozen=True)
class View:
    """A query over ``reads``; ``{images}`` in it stands for the table ``images``.

    ``{branches}`` stands for the union of the queries of those tables of ``branches`` that exist, one at least.
    """

    name: str
    doc: str
    reads: tuple[Table, ...]
    query: str
    branches: tuple[tuple[Table, str], ...] = ()


def _sum_of(term: str, one: str, other: str) -> str:
    """A sum over the components x and y of two vectors, in float64."""
    for name, vector in (("x", one), ("y", other)):
        term = term.replace(name, f"CAST(get({vector}.embedding, i) AS DOUBLE)")
    return f"aggregate(sequence(0, size({one}.embedding) - 1), 0D, (s, i) -> s + {term})"


# Reasons to look at an image or a box: image_id, target_index, the reason, severity (1 error, 2 warning, 3
# info), and which rows of the table say so.
REASONS = (
    (UNREADABLE_IMAGES, "image_id, CAST(NULL AS INT), 'unreadable', 1", "stage != 'encode'"),
    (
        INGEST_FINDINGS,
        "image_id, CAST(NULL AS INT), concat('annotation: ', kind), 1",
        "image_id IS NOT NULL AND severity = 'error'",
    ),
    (
        IMAGE_FINDINGS,
        "image_id, target_index, rule, CASE severity WHEN 'error' THEN 1 WHEN 'warning' THEN 2 ELSE 3 END",
        "true",
    ),
    (
        LABEL_ERRORS,
        "image_id, target_index, concat('label looks like ', coalesce(suggested_class, 'no class in particular')), 2",
        "true",
    ),
    (OBJECT_LABEL_ERRORS, "image_id, target_index, concat('box: ', rule), 2", "true"),
    (BOX_FINDINGS, "image_id, target_index, concat('box: ', rule), 2", "true"),
    (DUPLICATE_GROUPS, "image_id, target_index, 'duplicates with different labels', 2", "label_conflict"),
    (
        LABEL_CONSENSUS,
        "image_id, target_index, concat('raters say ', consensus_class, ', the label is ', given_class), 2",
        "differs",
    ),
    (OUTLIERS, "image_id, target_index, concat('outlier: ', statistic), 3", "true"),
    (EMBEDDING_SCORES, "image_id, target_index, 'far from its nearest neighbours', 3", "is_outlier"),
    (CLUSTERS, "image_id, target_index, 'far from the middle of its cluster', 3", "is_outlier"),
)
_BOX_RATIOS = ",\n".join(f"  {ratio} AS {name}" for name, ratio in RATIOS.items())
VIEWS = (
    View(
        "v_dataset_without_duplicates",
        "Live images without copies: of images with the same bytes or pixels one is left",
        (IMAGES, DUPLICATE_GROUPS),
        "SELECT i.* FROM {images} AS i LEFT ANTI JOIN {duplicate_groups} AS g\n"
        "  ON g.image_id = i.image_id AND g.target_index IS NULL AND g.is_exact_copy\n"
        "WHERE i.deleted_at IS NULL",
    ),
    View(
        "v_dataset_without_near_duplicates",
        "Live images, and of each group of duplicates, near ones too, the image that is kept",
        (IMAGES, DUPLICATE_GROUPS),
        "SELECT i.* FROM {images} AS i LEFT ANTI JOIN {duplicate_groups} AS g\n"
        "  ON g.image_id = i.image_id AND g.target_index IS NULL AND NOT g.is_kept\n"
        "WHERE i.deleted_at IS NULL",
    ),
    View(
        "v_box_ratios",
        "The statistics of each box divided by those of its image; see analyses/profile/box_ratios.py",
        (IMAGE_STATS,),
        f"SELECT b.image_id, b.target_index,\n{_BOX_RATIOS}\n"
        "FROM {image_stats} AS b JOIN {image_stats} AS i ON b.image_id = i.image_id\n"
        "WHERE b.target_index IS NOT NULL AND i.target_index IS NULL",
    ),
    View(
        "v_similar_images",
        "Every other image (or box) of the same encoder by its distance: with a condition on image_id and ORDER BY "
        "cosine_distance LIMIT 10, an exact search",
        (EMBEDDINGS,),
        "SELECT a.encoder, a.image_id, a.target_index,\n"
        "  b.image_id AS similar_id, b.target_index AS similar_target_index,\n"
        "  greatest(0D, 1 - coalesce({dot} / nullif(sqrt({a2}) * sqrt({b2}), 0D), 0D)) AS cosine_distance,\n"
        "  sqrt({squares}) AS euclidean_distance\n"
        "FROM {{embeddings}} AS a JOIN {{embeddings}} AS b ON a.encoder = b.encoder\n"
        "  AND a.encoder_version = b.encoder_version AND (a.target_index IS NULL) = (b.target_index IS NULL)\n"
        "  AND NOT (a.image_id = b.image_id AND a.target_index <=> b.target_index)".format(
            dot=_sum_of("x * y", "a", "b"),
            a2=_sum_of("x * y", "a", "a"),
            b2=_sum_of("x * y", "b", "b"),
            squares=_sum_of("(x - y) * (x - y)", "a", "b"),
        ),
    ),
    View(
        "v_review_queue",
        "Live images and boxes that something was found about, with all reasons; ORDER BY grade, reason_count DESC",
        (IMAGES,),
        "SELECT r.image_id, r.target_index, min(r.grade) AS grade,\n"
        "  element_at(array('error', 'warning', 'info'), min(r.grade)) AS severity,\n"
        "  count(DISTINCT r.reason) AS reason_count, array_sort(collect_set(r.reason)) AS reasons\n"
        "FROM (\n  {branches}\n) AS r (image_id, target_index, reason, grade)\n"
        "LEFT SEMI JOIN {images} AS i ON i.image_id = r.image_id AND i.deleted_at IS NULL\n"
        "GROUP BY r.image_id, r.target_index",
        tuple(
            (table, f"SELECT {columns} FROM {{{table.name}}} WHERE {condition}")
            for table, columns, condition in REASONS
        ),
    ),
)


def text(view: View, present: Container[str]) -> str | None:
    """The query of a view over the tables that exist, with ``{table}`` for the name of each; None without them."""
    parts = [part for table, part in view.branches if table.name in present]
    if any(table.name not in present for table in view.reads) or (view.branches and not parts):
        return None
    return view.query.replace("{branches}", "\n  UNION ALL\n  ".join(parts))


def statements(workspace: Workspace) -> dict[str, str]:
    """Statements, by name, that make the views whose tables exist.

    In a catalog a view is made for everyone, beside the tables; over a directory for the session that runs the
    statement, because there is no place to keep it.

    Raises
    ------
    WorkspaceError
        A table is of an earlier version of the library and lacks columns.

    Examples
    --------
    >>> print(statements(Workspace(spark, "main.audit"))["v_dataset_without_duplicates"])
    CREATE OR REPLACE VIEW `main`.`audit`.`v_dataset_without_duplicates`
      COMMENT 'Live images, and of each group of duplicate images the one that is kept' AS
    SELECT i.* FROM ...
    """
    tables = dict.fromkeys(table for view in VIEWS for table in (*view.reads, *(table for table, _ in view.branches)))
    states = workspace.states(tables)
    names = {table.name: workspace.name(table) for table in tables}
    stored = {
        table: frozenset(workspace.spark.sql(f"SELECT * FROM {names[table.name]} LIMIT 0").columns)
        for table in tables
        if table.name in states
    }
    by_view = {}
    for view in VIEWS:
        query = text(view, states)
        if query is not None:
            _require_columns(workspace, view, query, stored)
            place = f"VIEW {quoted(workspace.location)}." if workspace.is_catalog else "TEMPORARY VIEW "
            head = f"CREATE OR REPLACE {place}`{view.name}`\n  COMMENT '{view.doc}' AS\n"
            by_view[view.name] = head + query.format_map(names)
    return by_view


def _require_columns(workspace: Workspace, view: View, query: str, stored: Mapping[Table, Container[str]]) -> None:
    """Require the stored columns of a view, since its readers do not see those that `Workspace.read` adds as null."""
    words = set(re.findall(r"\w+", query))
    for table, columns in stored.items():
        if f"{{{table.name}}}" not in query:
            continue
        missing = [name for name in table.column_names if name in words and name not in columns]
        if missing:
            raise WorkspaceError(
                f"Table {table.name} of workspace {workspace.location} is of an earlier version and lacks "
                f"{', '.join(missing)}, which {view.name} reads.\n"
                f"Hint: {filling_command(table.name, workspace.location)}"
            )


def create_views(workspace: Workspace) -> list[str]:
    """Make the views in the workspace's catalog; return their names.

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
    by_view = statements(workspace)
    for statement in by_view.values():
        workspace.spark.sql(statement)
    return list(by_view)
