"""Readers: one file per source format, each a function from a place to the frames of `Source`."""
