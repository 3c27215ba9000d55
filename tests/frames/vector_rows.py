"""Columns of vectors that are cut into blocks, for the tests that make such rows."""

VECTORS = "image_id string, target_index int, embedding array<float>, roles int"
