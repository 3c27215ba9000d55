"""Labels and metadata: how they are spread."""
