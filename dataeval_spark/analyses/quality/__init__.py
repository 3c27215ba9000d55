"""Duplicates, outliers, and images that are broken or odd."""
