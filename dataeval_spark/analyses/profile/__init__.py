"""Measuring images in one decode of each, and the statistics of a whole dataset that follow."""
