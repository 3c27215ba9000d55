"""Readers of sources, one for each format."""
