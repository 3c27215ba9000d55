"""Assigning units to parts: whole units, wanted shares, the order of scikit-learn, earlier parts kept."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from dataeval_spark.analyses.splits.assign import assign
from dataeval_spark.errors import OptionError
from tests.analyses.splits.rows import members, parts


def grouped(n=120, group_count=30, seed=0):
    random = np.random.default_rng(seed)
    groups = random.integers(0, group_count, n)
    labels = random.integers(0, 3, n)
    return [(f"i{i:04d}", f"g{g:02d}", f"c{c}") for i, (g, c) in enumerate(zip(groups, labels, strict=True))]


def test_folds_equal_scikit_learn_on_one_partition_and_on_seven(frame):
    rows = grouped()
    labels, groups = [row[2] for row in rows], [row[1] for row in rows]
    expected = {}
    for fold, (_, test) in enumerate(StratifiedGroupKFold(4).split(np.zeros(len(rows)), labels, groups)):
        expected |= {rows[i][0]: f"fold_{fold}" for i in test}
    given = members(frame, rows)
    made = [assign(given.repartition(n), folds=4, shuffle=False).rows for n in (1, 7)]

    assert parts(made[0]) == expected
    assert parts(made[1]) == expected


def test_units_stay_whole_and_shares_are_met(frame):
    rows = grouped(400, 100)
    made = assign(members(frame, rows), fractions={"train": 0.6, "validation": 0.2, "test": 0.2})
    part = parts(made.rows)
    of_unit = {}
    for image, unit, _ in rows:
        of_unit.setdefault(unit, set()).add(part[image])

    assert all(len(found) == 1 for found in of_unit.values())
    assert made.explanations[0].largest_deviation < 0.02
    cells = {(cell.split, cell.stratum): cell for cell in made.explanations[0].cells}
    assert cells["test", "c1"].got == sum(part[image] == "test" and name == "c1" for image, _, name in rows)
    assert cells["test", None].wanted == pytest.approx(80)


@given(st.integers(0, 10**6))
@settings(max_examples=2, deadline=None)
def test_a_split_that_grows_keeps_what_it_had(frame, seed):
    rows = grouped(60, 15, seed)
    before = parts(assign(members(frame, rows[:40])).rows)
    later = [(*row, None, before.get(row[0])) for row in rows]
    made = assign(members(frame, later)).rows
    after = parts(made)

    assert {image: after[image] for image in before} == before
    unit_parts = {row[1]: before[row[0]] for row in rows[:40]}
    assert all(after[row[0]] == unit_parts[row[1]] for row in rows[40:] if row[1] in unit_parts)
    assert parts(assign(members(frame, later[::-1])).rows) == after


def test_new_units_make_up_for_what_the_old_ones_lack(frame):
    old = [(f"a{i:02d}", f"a{i:02d}", None, None, "train") for i in range(20)]
    new = [(f"b{i:02d}", f"b{i:02d}", None) for i in range(20)]
    made = assign(members(frame, old + new), method="random", fractions={"train": 0.5, "test": 0.5})

    assert Counter(parts(made.rows).values()) == {"train": 20, "test": 20}
    assert {row.reason for row in made.rows.collect()} == {"kept from before", "random"}


def test_images_that_are_tied_only_now_keep_their_parts_and_say_so(frame):
    rows = [("a", "u", "c", None, "train"), ("b", "u", "c", None, "test"), ("c", "u", "c"), ("d", "v", "c")]
    made = assign(members(frame, rows), fractions={"train": 0.5, "test": 0.5}).rows
    found = {row.image_id: (row.split, row.reason) for row in made.collect()}

    assert found["a"] == ("train", "kept from before")
    assert found["b"] == ("test", "kept; its unit ties parts together, which leaks")
    assert found["c"] == ("train", "with its unit, which had a part")


def test_what_cannot_be_had_is_said_by_name(frame):
    rows = [(f"i{i}", f"g{i}", "common") for i in range(9)] + [("x", "gx", "rare"), ("y", "gx", "rare")]
    (explanation,) = assign(members(frame, rows)).explanations
    notes = {cell.split: cell.note for cell in explanation.cells if cell.stratum == "rare"}

    (sentence,) = explanation.notes
    assert sentence == "'rare' is in 1 unit of images that stay together: 3 parts cannot all have it"
    assert sorted(note is None for note in notes.values()) == [False, False, True]


def test_parts_take_the_shares_of_other_data(frame):
    rows = [(f"i{i:04d}", f"g{i // 4:03d}", "time=day" if i // 4 % 2 else "time=night") for i in range(800)]
    made = assign(
        members(frame, rows),
        fractions={"train": 0.7, "test": 0.3},
        target={"time=day": 0.3, "time=night": 0.7},
    )
    part = parts(made.rows)
    test = [name for image, _, name in rows if part[image] == "test"]

    assert len(test) == pytest.approx(240, abs=4)
    assert test.count("time=day") / len(test) == pytest.approx(0.3, abs=0.01)
    assert all(len({part[image] for image, unit, _ in rows if unit == f"g{g:03d}"}) == 1 for g in range(200))


def test_a_target_that_asks_for_more_than_there_is_says_so(frame):
    rows = [(f"i{i}", f"i{i}", "rare" if i < 2 else "common") for i in range(40)]
    made = assign(members(frame, rows), fractions={"train": 0.5, "test": 0.5}, target={"rare": 0.5, "common": 0.5})

    assert "test should have 10 of 'rare' to be like the target; there are 2 in all" in made.explanations[0].notes


def test_repetitions_differ_and_are_reproducible(frame):
    given = members(frame, grouped())
    first, second = (assign(given, folds=3, repeats=2).rows for _ in range(2))

    assert parts(first, 0) == parts(second, 0)
    assert parts(first, 1) == parts(second, 1)
    assert parts(first, 0) != parts(first, 1)


def test_each_group_is_left_out_once(frame):
    made = assign(members(frame, grouped(30, 4)), method="leave_one_group_out").rows

    assert {(row.unit_id, row.split) for row in made.collect()} == {(f"g0{i}", f"fold_{i}") for i in range(4)}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "best"}, "split.method is 'best'"),
        ({"folds": 5, "fractions": {"a": 1, "b": 1}}, "fractions and folds"),
        ({"fractions": {"a": 0.5, "b": 0}}, "fractions of b is 0"),
        ({"fractions": {"a": 0.7, "b": 0.2}}, "sum to 0.9; expected 1.\nHint: --fractions a=0.7778 b=0.2222"),
        ({"fractions": {"a": 80, "b": 20}}, "sum to 100; expected 1.\nHint: --fractions a=0.8 b=0.2"),
        ({"folds": 5}, "5 parts are asked for, and the images form 3 units"),
        ({"max_rows": 2}, "more than 2 pairs"),
    ],
)
def test_options_that_cannot_be_are_refused(frame, options, message):
    rows = [("a", "u", "c"), ("b", "v", "c"), ("c", "w", "c")]

    with pytest.raises(OptionError, match=message):
        assign(members(frame, rows), **options)


def test_earlier_parts_of_other_names_are_refused(frame):
    rows = [("a", "u", "c", None, "fold_0"), ("b", "v", "c"), ("c", "w", "c")]

    with pytest.raises(OptionError, match="--renew"):
        assign(members(frame, rows))
