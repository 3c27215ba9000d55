"""Splits: how they are made, leaks between their parts, and how the parts differ."""
