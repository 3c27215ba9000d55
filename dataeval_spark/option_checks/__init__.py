"""Types and ranges of options, which are checked before an engine starts."""
