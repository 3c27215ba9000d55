"""Contracts as texts: the declaration of a table, its comments, and its page in the data dictionary."""

from __future__ import annotations

import pyarrow as pa

from dataeval_spark.tables.contract import Column, Table, identifier, sql_string

TABLE = Table(
    name="prices",
    doc="What fruit costs.",
    key=("fruit",),
    columns=(
        Column("fruit", "string", "Fruit"),
        Column("price", "double", "Price", "euro", "[0, inf)"),
        Column.share("off", "Share that is taken off", nullable=True),
        Column.optional("it's", "array<int>", "Grower's numbers"),
        Column("run_id", "string", "Run"),
    ),
    scope="fruit",
)


def test_a_comment_is_the_meaning_then_the_unit_and_the_range():
    assert [column.comment for column in TABLE.columns[:3]] == [
        "Fruit",
        "Price [euro] in [0, inf)",
        "Share that is taken off in [0, 1]",
    ]


def test_a_share_is_a_number_and_an_optional_column_may_be_null():
    assert Column.share("off", "Off") == Column("off", "double", "Off", "", "[0, 1]", nullable=False)
    assert Column.optional("n", "int", "N", "rows") == Column("n", "int", "N", "rows", "", nullable=True)


def test_a_table_is_declared_with_comments_and_without():
    assert TABLE.columns[0].ddl() == "`fruit` string NOT NULL COMMENT 'Fruit'"
    assert TABLE.columns[3].ddl() == "`it's` array<int> COMMENT 'Grower\\'s numbers'"
    assert TABLE.ddl(comments=False) == (
        "`fruit` string NOT NULL, `price` double NOT NULL, `off` double, `it's` array<int>, `run_id` string NOT NULL"
    )


def test_a_result_has_all_columns_but_the_run():
    assert TABLE.result_names == ("fruit", "price", "off", "it's")
    assert TABLE.result_ddl == "`fruit` string NOT NULL, `price` double NOT NULL, `off` double, `it's` array<int>"
    assert TABLE.nullable_ddl == "`fruit` string, `price` double, `off` double, `it's` array<int>"
    assert TABLE.ddl_without("off", "it's") == TABLE.ddl_of("fruit", "price") == "`fruit` string, `price` double"


def test_the_arrow_schema_keeps_what_may_be_null():
    assert TABLE.arrow_schema == pa.schema(
        [
            pa.field("fruit", pa.string(), nullable=False),
            pa.field("price", pa.float64(), nullable=False),
            pa.field("off", pa.float64()),
            pa.field("it's", pa.list_(pa.field("element", pa.int32()))),
            pa.field("run_id", pa.string(), nullable=False),
        ]
    )


def test_only_tables_that_are_written_image_by_image_are_of_images():
    columns = (Column("image_id", "string", "Image"),)

    assert Table("a", "A", ("image_id",), columns, write="upsert").is_of_images
    assert not Table("a", "A", ("image_id",), columns).is_of_images
    assert not TABLE.is_of_images


def test_the_page_of_a_table_names_its_key_and_how_it_is_written():
    assert TABLE.markdown() == (
        "### `prices`\n\nWhat fruit costs. Key: `fruit`. Write mode: replace of one `fruit`.\n\n"
        "| column | type | meaning |\n|---|---|---|\n"
        "| `fruit` | `string` | Fruit |\n"
        "| `price` | `double` | Price [euro] in [0, inf) |\n"
        "| `off` | `double` (nullable) | Share that is taken off in [0, 1] |\n"
        "| `it's` | `array<int>` (nullable) | Grower's numbers |\n"
        "| `run_id` | `string` | Run |\n"
    )


def test_quotes_and_backslashes_in_texts_and_names_are_escaped():
    assert sql_string("it's a \\") == "'it\\'s a \\\\'"
    assert identifier("a`b c") == "`a``b c`"
