"""Splits: their making, what leaks through them, and how their parts differ."""
