"""Metrics of predictions that several analyses need, per group, from counts and from ordered passes."""
