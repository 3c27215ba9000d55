"""Units for the tests of splits, from aligned arrays as scikit-learn takes them."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import xxhash

from dataeval_spark.kernels.splits.units import Units, units_of


def units(groups, labels, order=None) -> Units:
    """One unit per group; ``labels[i]`` is a label of an image of ``groups[i]``, or a list of them."""
    images, labelled = Counter(), Counter()
    for group, label in zip(groups, labels, strict=True):
        each = list(label) if isinstance(label, list | tuple) else [label]
        images[group, min(each, default=None)] += 1
        labelled.update((group, one) for one in each)
    rows = [(*key, labelled[key] if key[1] is not None else None, images[key]) for key in {**images, **labelled}]
    if order is not None:
        rows = [rows[i] for i in order(len(rows))]
    ids, strata, n, images_of = zip(*rows, strict=True)
    keys = [xxhash.xxh64_intdigest(each.encode()) - 2**63 for each in ids]
    return units_of(
        pa.table(
            {
                "unit_id": pa.array(ids, pa.string()),
                "key": pa.array(keys, pa.int64()),
                "stratum": pa.array(strata, pa.string()),
                "n": pa.array(n, pa.int64()),
                "images": pa.array(images_of, pa.int64()),
            }
        )
    )


def part_of(made: Units, parts) -> dict[str, int]:
    return dict(zip(made.ids.to_pylist(), parts.tolist(), strict=True))
