"""Difference of one dataset from another."""
