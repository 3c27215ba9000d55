"""The registry of steps: their order, those that are asked for, and what decides a result besides tables."""

from __future__ import annotations

import pytest

from dataeval_spark.analyses.steps import STEPS, Step, chosen, decisive, levels, unasked
from dataeval_spark.errors import ConfigError
from dataeval_spark.tables.contract import Column, Table

A, B, C = (Table(name, "", ("id",), (Column("id", "string", ""),)) for name in "abc")


def step(name, reads, writes, **others):
    def function():
        raise AssertionError("nothing is computed here")

    function.__name__ = name
    return Step(function, tuple(reads), tuple(writes), **others)


def names(steps):
    return {each.name for each in steps}


def test_a_step_follows_the_writers_of_what_it_reads_and_uses():
    last, first, between = step("last", [C], []), step("first", [A], [B]), step("between", [A], [C], uses=(B, C))

    assert [names(level) for level in levels([last, first, between])] == [{"first"}, {"between"}, {"last"}]


def test_steps_that_do_not_read_one_another_are_of_one_level():
    assert [names(level) for level in levels([step("one", [A], [B]), step("two", [A], [C])])] == [{"one", "two"}]


def test_steps_that_read_what_the_others_write_are_refused_by_name():
    with pytest.raises(ConfigError, match=r"in a circle: .*(one -> two|two -> one)"):
        list(levels([step("one", [C], [B]), step("two", [B], [C])]))


def test_every_step_of_the_package_comes_after_the_writers_of_its_tables():
    place = {each.name: at for at, level in enumerate(levels(STEPS)) for each in level}
    writers = {table.name: each for each in STEPS for table in each.writes if table.scope is None}
    reads = [(each, writers[table.name]) for each in STEPS for table in each.inputs if table.name in writers]

    assert len(place) == len(STEPS)
    assert all(place[writer.name] < place[each.name] for each, writer in reads)


def test_the_own_earlier_result_decides_nothing():
    assert step("grows", [A], [B], uses=(B, C)).inputs == (A, C)


def test_a_step_that_asks_for_a_file_waits_for_it_unless_it_is_named():
    asking = step("asking", [A], [B], asks=("truth", "mapping"))

    assert unasked(asking, {"truth": None}, []) == "no truth or mapping is given"
    assert unasked(asking, {"mapping": "m.toml"}, []) is None
    assert unasked(asking, {}, ["asking"]) is None
    assert unasked(step("plain", [A], [B]), {}, []) is None


def test_the_contents_of_a_file_decide_and_not_its_name_alone(tmp_path):
    reading, file = step("reading", [A], [B], files=("truth",)), tmp_path / "truth.csv"
    file.write_text("a,b")
    before = decisive(reading, {"truth": str(file), "k": 3})
    file.write_text("a,c")
    after = decisive(reading, {"truth": str(file), "k": 3})

    assert before.keys() == {"truth", "k", "truth content"}
    assert before["truth content"] != after["truth content"]
    assert {**before, "truth content": ""} == {**after, "truth content": ""}


def test_a_file_that_is_not_there_is_left_to_the_step_to_report(tmp_path):
    reading = step("reading", [A], [B], files=("truth",))

    assert decisive(reading, {"truth": str(tmp_path / "none.csv")})["truth content"] == "unreadable"
    assert "truth content" not in decisive(reading, {})


def test_chosen_steps_keep_their_order_and_none_named_are_all():
    steps = (step("one", [A], [B]), step("two", [B], [C]))

    assert chosen(["two", "one"], steps) == chosen([], steps) == steps
    assert chosen(["two"], steps) == steps[1:]
    with pytest.raises(ConfigError, match="unknown step 'tow'; expected one of one, two"):
        chosen(["tow"], steps)
