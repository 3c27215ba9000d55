"""Folds, quotas and parts."""
