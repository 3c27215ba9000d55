"""SQL that several sections of a report share.

``{images}`` in a query stands for the table ``images``: a DataFrame when the report runs the query, its SQL name when
the report shows it.
"""

from __future__ import annotations


def live(table: str, present: frozenset[str], alias: str = "t") -> str:
    """FROM clause over the rows of live images; all rows where there is no table of images."""
    if "images" not in present:
        return f"{{{table}}} AS {alias}"
    return (
        f"{{{table}}} AS {alias} LEFT SEMI JOIN {{images}} AS live\n"
        f"    ON {alias}.image_id = live.image_id AND live.deleted_at IS NULL"
    )
