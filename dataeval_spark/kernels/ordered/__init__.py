"""Statistics of values in order: numpy on one bucket of a group, with results that are merged exactly."""
