"""The verb `analyze`: which steps run, in which order, and why."""
