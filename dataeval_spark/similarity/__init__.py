"""Which images are alike: nearest neighbours, search, values, order of importance."""
