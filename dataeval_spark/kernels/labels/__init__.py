"""Statistics of labels, raters and predictions."""
