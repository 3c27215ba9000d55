"""Nearest neighbours of embeddings, clusters, and what they tell of each image."""
