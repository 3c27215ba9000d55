"""DataFrame building blocks shared by several subjects."""
