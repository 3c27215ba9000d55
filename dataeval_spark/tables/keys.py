"""Columns and types that mean the same in every table."""

from dataeval_spark.tables.contract import Column

IMAGE_ID = Column("image_id", "string", "Image: the source's id, else <dataset>/<path relative to the source>")
TARGET_INDEX = Column.optional("target_index", "int", "Labelled thing in the image, from 0; null for the whole image")
FINGERPRINT = Column("fingerprint", "string", "Hash of the file, boxes and options this row was computed from")
LABELED = Column("target_index", "int", "Labelled thing in the image, from 0")
MODEL = Column("model", "string", "Model that predicted")
RUN_ID = Column("run_id", "string", "Run that wrote the row")
WINDOW_TYPE = "struct<start: timestamp, end: timestamp>"
CORNERS = ("x0", "y0", "x1", "y1")
BOX_TYPE = "struct<x0: double, y0: double, x1: double, y1: double>"
