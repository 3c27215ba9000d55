"""Verbs: what a user asks a workspace to do. Here analyses and workspace meet."""
