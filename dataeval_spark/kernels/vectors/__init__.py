"""Nearest neighbours, clusters and moments of vectors."""
