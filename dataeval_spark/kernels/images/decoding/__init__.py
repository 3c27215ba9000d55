"""Pixels of files, with the faults of files named."""
