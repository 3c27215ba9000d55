"""Pairs of perceptual hashes, and groups of them."""
