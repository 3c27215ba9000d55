"""The verb `ingest`: images, labels and metadata of a source become tables."""
