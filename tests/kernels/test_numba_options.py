"""Options of compiled functions: the cache is used only where it can be written."""

from __future__ import annotations

import numba

from dataeval_spark.kernels import numba_options


def test_code_is_compiled_without_a_cache_where_nothing_can_be_written(monkeypatch):
    def refuse(**options: object) -> object:
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(numba_options, "njit", refuse)

    assert numba_options._is_cacheable() is False
    assert numba.njit(lambda: 1)() == 1
