"""The ordered bucket pass: statistics of values in order, for any number of groups and rows of a group."""
