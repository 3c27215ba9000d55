"""Splits without leaks: assigning images to parts, and finding what leaks between them."""
