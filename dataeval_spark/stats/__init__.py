"""Statistics, hashes and embeddings of images: what one decode yields."""
