"""Comparisons of a reference with the current data."""
