"""What DataEval 1.1.4 answers for a few arrays (data/README.md), and how to compare with it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_DATA = Path(__file__).parent / "data"
EXPECTED: dict[str, Any] = json.loads((_DATA / "dataeval_expected.json").read_text())
with np.load(_DATA / "dataeval_inputs.npz") as _inputs:
    INPUTS = {name: _inputs[name] for name in _inputs.files}

BOXES = [pytest.param(case, id=f"{case['image']}-{number}") for number, case in enumerate(EXPECTED["boxes"])]
VALID_BOXES = [box for box in BOXES if not box.values[0]["expected"]["invalid_box"]]  # the others have no pixels
CHANNELS = [pytest.param(case, id=f"{case['image']}-{case['channel']}") for case in EXPECTED["channels"]]

HASHES_WHERE_DATAEVAL_IS_WRONG = {
    "u12": "clipped at 255 instead of scaled by 4095: nearly every pixel is white",
    "u16": "clipped at 255 instead of scaled by 65535: unrelated images get one hash",
    "signed_f64": "the range of negative data is unknown, yet it is hashed after clipping at 0",
    "i16_signed": "the range of negative data is unknown, yet it is hashed after clipping at 0",
}


def image(name: str) -> np.ndarray:
    """Input `name` as (height, width, channels)."""
    array = INPUTS[name]
    return array[:, :, np.newaxis] if array.ndim == 2 else np.ascontiguousarray(array.transpose(1, 2, 0))


def same(actual: object, expected: object) -> bool:
    """Equality up to DataEval's rounding to float32."""
    if isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    if expected == "nan":
        return actual is None or math.isnan(actual)
    if isinstance(expected, str | bool):
        return actual == expected
    return actual == pytest.approx(expected, rel=2e-6, abs=2e-7)


def differences(actual: dict[str, Any], expected: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """{name: (ours, DataEval's)} where they differ."""
    return {name: (actual[name], expected[name]) for name in names if not same(actual[name], expected[name])}
