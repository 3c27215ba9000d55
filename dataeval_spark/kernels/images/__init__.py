"""Statistics and hashes of one image."""
