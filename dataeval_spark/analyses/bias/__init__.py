"""How classes and metadata are spread, and what of the labels the metadata give away."""
