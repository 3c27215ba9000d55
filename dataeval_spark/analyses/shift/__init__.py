"""Drift: comparisons of a reference with the current data."""
