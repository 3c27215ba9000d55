"""Libraries keep to one thread within a block, and have theirs back after it."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from dataeval_spark.audit import Audit
from dataeval_spark.session.threads import one_thread_each


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2):
        yield


def test_within_the_block_a_product_of_matrices_is_made_by_one_thread():
    with one_thread_each():
        assert blas_threads() == {1}

    assert blas_threads() == {2}


def test_an_error_gives_the_threads_back():
    with pytest.raises(ValueError, match="within"), one_thread_each():
        raise ValueError("within")

    assert blas_threads() == {2}


def test_a_verb_works_in_one_thread_for_each_task(spark, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr("dataeval_spark.audit.ingest", lambda *_: seen.append(blas_threads()) or "done")
    Audit(str(tmp_path / "audit"), spark, echo=lambda line: None).ingest("photos/")

    assert seen == [{1}]
    assert blas_threads() == {2}
