import ast
import inspect
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql.pandas.types import to_arrow_schema
from pyspark.sql.types import StructType

import dataeval_spark
from dataeval_spark.errors import SchemaError
from dataeval_spark.tables import ALL_TABLES
from dataeval_spark.tables.arrow import arrow_schema, arrow_type, sql_type, with_validity_of_parents
from dataeval_spark.tables.bias import BALANCE

PACKAGE = Path(dataeval_spark.__file__).parent
TYPES = sorted({column.type for table in ALL_TABLES for column in table.columns})


def schema_of_spark(ddl: str) -> pa.Schema:
    # Spark 4.2 asks for the time zone, before it was always UTC.
    has_timezone = "timezone" in inspect.signature(to_arrow_schema).parameters
    return to_arrow_schema(StructType.fromDDL(ddl), **({"timezone": "UTC"} if has_timezone else {}))


def spelled(schema: pa.Schema) -> str:
    """Names of nested fields and nullability, which pyarrow's own comparison passes over in lists and maps."""
    return "\n".join(f"{field} {field.type}" for field in schema)


@pytest.mark.parametrize("text", [*TYPES, "map<string, array<struct<x: binary NOT NULL, y: map<int, float>>>>"])
def test_a_type_is_that_of_spark(spark, text):
    ddl = f"optional {text}, required {text} NOT NULL, `od``d, name` {text}"
    expected = schema_of_spark(ddl)
    assert arrow_schema(ddl).equals(expected)
    assert spelled(arrow_schema(ddl)) == spelled(expected)


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_the_schema_of_a_contract_is_that_of_spark(spark, table):
    expected = schema_of_spark(table.ddl(comments=False))
    assert spelled(table.arrow_schema) == spelled(expected)


def test_some_columns_of_a_contract_may_be_null():
    assert BALANCE.ddl_of("n", "kind") == "`n` bigint, `kind` string"
    others = [name for name in BALANCE.result_names if name not in ("n", "kind")]
    assert BALANCE.ddl_without(*others) == "`kind` string, `n` bigint"


def test_an_empty_text_has_no_columns():
    assert arrow_schema("") == pa.schema([])


def test_a_type_that_is_not_used_is_refused():
    with pytest.raises(SchemaError, match="Type interval has no Arrow type here; expected one of string, "):
        arrow_schema("lasting interval")


def test_decimals_dates_and_small_numbers_have_types_and_the_way_back_is_the_same():
    types = ["decimal(10, 2)", "date", "tinyint", "timestamp_ntz", "map<string, array<struct<`a b`: smallint>>>"]

    assert [sql_type(arrow_type(type_)) for type_ in types] == types
    assert arrow_schema("price decimal(10, 2), n int NOT NULL").types == [pa.decimal128(10, 2), pa.int32()]


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (pa.uint32(), "bigint"),
        (pa.date64(), "date"),
        (pa.duration("s"), "bigint"),
        (pa.binary(4), "binary"),
        (pa.large_binary(), "binary"),
        (pa.string_view(), "string"),
        (pa.time64("us"), "string"),
        (pa.decimal256(50, 2), "string"),
        (pa.list_(pa.large_string(), 2), "array<string>"),
        (pa.fixed_shape_tensor(pa.float32(), [2, 2]), "array<float>"),
    ],
)
def test_other_arrow_types_have_the_type_that_holds_their_values(type_, expected):
    assert sql_type(type_) == expected


def test_no_other_module_declares_an_arrow_schema():
    """Each schema is a text in Spark SQL or follows from a contract: a second declaration could differ from it."""
    declared = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("pa.schema", "pa.struct", "pa.field")
    }
    assert declared == {"tables/arrow.py"}


def box(values, mask):
    """A struct array that holds values where it is null, as engines hand them over."""
    return pa.StructArray.from_arrays([pa.array(values)], ["x"], mask=pa.array(mask))


def fields_of(array):
    """Every ``x`` at any depth, read as an engine does that does not look at the struct."""
    if pa.types.is_struct(array.type):
        return array.field("x").to_pylist()
    return fields_of(array.items if pa.types.is_map(array.type) else array.values)


BOXES = box([1, 2, 3, 4], [False, True, False, False])
OFFSETS = pa.array([0, 1, 3, 4], pa.int32())
# The second list is null and holds two structs, one of them null.
NULL_HOLDS = pa.array([False, True, False])
LISTS = pa.ListArray.from_arrays(OFFSETS, BOXES, mask=NULL_HOLDS)
MAPS = pa.array(
    [[("a", {"x": 1}), ("b", None)], None, [("c", {"x": 3})], []], pa.map_(pa.string(), pa.struct({"x": pa.int64()}))
)
NESTED = pa.StructArray.from_arrays([BOXES], ["x"], mask=pa.array([False, False, True, False]))
ARRAYS = {"struct": BOXES, "list": LISTS, "map": MAPS, "struct of struct": NESTED}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
@pytest.mark.parametrize(("start", "length"), [(0, 4), (1, 4), (2, 1), (1, 1), (3, 1), (0, 0), (4, 0)])
def test_rows_stay_as_they_are_slices_and_empty_ones_too(array, start, length):
    rows = pa.RecordBatch.from_arrays([array, pa.array(range(len(array)))], ["array", "n"]).slice(start, length)

    found = with_validity_of_parents(rows)

    assert found.schema == rows.schema
    assert found.to_pylist() == rows.to_pylist()
    found.validate(full=True)


def test_fields_of_null_structs_are_null_at_any_depth():
    def valid(array):
        return with_validity_of_parents(pa.RecordBatch.from_arrays([array], ["array"]))["array"]

    assert fields_of(valid(BOXES)) == [1, None, 3, 4]
    assert fields_of(valid(LISTS)) == [1, None, 3, 4]
    assert fields_of(valid(MAPS)) == [1, None, 3]
    assert valid(NESTED).field("x").field("x").to_pylist() == [1, None, None, 4]
    assert valid(pa.ListArray.from_arrays(pa.array([0, 3], pa.int32()), LISTS)).values.to_pylist() == LISTS.to_pylist()


def test_tables_in_chunks_are_taken_too():
    table = pa.table({"array": pa.chunked_array([BOXES, BOXES.slice(1), BOXES.slice(0, 0)])})

    assert with_validity_of_parents(table)["array"].to_pylist() == table["array"].to_pylist()
