from __future__ import annotations

import pytest

from tests.verbs.select.scene import tables_of_scene


@pytest.fixture(scope="package")
def tables(frame):
    """Tables of the ten images, by name."""
    return tables_of_scene(frame)
