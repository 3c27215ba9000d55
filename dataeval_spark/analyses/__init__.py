"""Analyses: DataFrames in, DataFrames out. `steps` lists them; each file bears the name of its step."""
