"""Parts of a comparison: each names something, and they differ."""

from __future__ import annotations

import pytest

from dataeval_spark.errors import OptionError
from dataeval_spark.option_checks.parts import require_parts


def test_parts_of_known_kinds_and_names_of_snapshots_are_taken():
    require_parts({"reference": "dataset=a=b", "current": "before-cleaning"})


def test_a_kind_that_there_is_not_gets_the_nearest_one():
    with pytest.raises(OptionError, match=r"compare\.current is 'datset=b'.*\nHint: did you mean 'dataset=b'"):
        require_parts({"reference": "dataset=a", "current": "datset=b"})


@pytest.mark.parametrize("part", ["dataset=", "split= ", ""])
def test_a_part_without_a_name_is_refused(part):
    with pytest.raises(OptionError, match=r"compare\.current is '.*', which names nothing\.\nHint: --current dataset="):
        require_parts({"reference": "dataset=a", "current": part})


def test_a_part_is_not_compared_with_itself():
    with pytest.raises(OptionError, match=r"compare\.reference and compare\.current are both 'dataset=a'"):
        require_parts({"reference": "dataset=a", "current": "dataset=a"})
