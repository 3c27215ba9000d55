"""Formats of datasets: reading and writing their files."""
