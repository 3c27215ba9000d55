"""The workspace: the only reader and writer of Delta tables."""
