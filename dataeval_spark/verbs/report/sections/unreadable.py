"""Section on files that could not be read: the reader's messages."""

from __future__ import annotations

from dataeval_spark.tables.images import IMAGES
from dataeval_spark.tables.profile import UNREADABLE_IMAGES
from dataeval_spark.verbs.report.data import ReportData
from dataeval_spark.verbs.report.listing import Column, listing
from dataeval_spark.verbs.report.needs import IMAGES as INGESTED
from dataeval_spark.verbs.report.needs import PROFILE
from dataeval_spark.verbs.report.section import Content, Query, Section, live
from dataeval_spark.verbs.text import plural, shown, size


def unreadable_query(present: frozenset[str]) -> str:
    return (
        "SELECT t.image_id, t.stage, t.error_class, t.message, t.content_length\n"
        f"FROM {live('unreadable_images', present)}\nORDER BY t.stage, t.error_class, t.image_id LIMIT 50"
    )


def unreadable(data: ReportData) -> Content:
    rows = data.rows_of("unreadable")
    columns = (
        Column("Image", "image_id", style="code"),
        Column("Stage", "stage"),
        Column("Error", "error_class"),
        Column("Message of the reader", "message", most=260, style="wide"),
        Column("File size", "content_length", size),
    )
    note = shown(len(rows), data.count("unreadable_images"))
    return {"tables": [listing(rows, columns, caption="Unreadable images", note=note)] if rows else []}


def all_read(data: ReportData) -> str:
    rest = data.count("live_images") - data.count("readable_images")
    more = f"; {plural(rest, 'image has', 'images have')} not been opened yet" if rest > 0 else ""
    images = plural(data.count("readable_images"), "image")
    return f"Every image that was opened could be read: {images}, by profile{more}."


SECTION = Section(
    40,
    "unreadable",
    "Unreadable images",
    intro="Files that could not be read, with the message of the reader. No statistic covers them.",
    tables=(UNREADABLE_IMAGES,),
    command=PROFILE,
    needs=(INGESTED,),
    tests="files that cannot be read",
    queries=(Query("unreadable", unreadable_query, (UNREADABLE_IMAGES,), (IMAGES,)),),
    content=unreadable,
    otherwise=all_read,
)
