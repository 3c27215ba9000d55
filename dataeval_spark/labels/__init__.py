"""Are the labels right: errors found by models, by neighbours, by the boxes themselves, and by asking people."""
