"""Selections: which images and labels of a workspace, in which order, and their export."""
