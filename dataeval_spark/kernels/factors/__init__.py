"""Statistics of factors: bins, contingency, information, tests."""
