"""Bias: how classes and metadata are distributed, and how much of the labels the metadata reveal."""
