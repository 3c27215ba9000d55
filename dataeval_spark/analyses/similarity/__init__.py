"""Similarity: nearest neighbours of embeddings, clusters, and scores of images that follow from them."""
