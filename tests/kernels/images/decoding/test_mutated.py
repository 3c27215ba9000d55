"""Damaged images of every format: measured or unreadable, and nothing else."""

from __future__ import annotations

from collections import Counter

from benchmarks.mutations import mutants, originals
from dataeval_spark.kernels.images.decoding.decode import UnreadableImage, decode
from tests.kernels.images.decoding.profiling import Profiling

STAGES = {"measured", "header", "decode"}


def test_undamaged_they_are_all_read():
    for name, data in originals().items():
        assert decode(data).pixels.size, name


def test_the_same_seed_gives_the_same_damage():
    assert list(mutants(60)) == list(mutants(60))
    assert list(mutants(60)) != list(mutants(60, seed=1))


def test_each_damaged_image_is_measured_or_unreadable_and_kills_nothing():
    profiling = Profiling(seconds=20, memory=2**30)
    outcomes, lost = Counter(), {}
    names, files = zip(*mutants(300, seed=2), strict=True)
    for name, found in zip(names, profiling.of(files), strict=True):
        if isinstance(found, UnreadableImage):
            outcomes[found.stage] += 1
            if found.error_class in ("DecoderCrashed", "DecoderTimeout", "MemoryLimit"):
                lost[name] = str(found)
        else:
            outcomes["measured"] += 1
            assert found.image.hashes["content_hash"]
    profiling.close()

    assert lost == {}
    assert set(outcomes) == STAGES
    assert sum(outcomes.values()) == 300
