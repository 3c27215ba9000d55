"""Profile: measurements of images, each decoded once, and the statistics of a whole dataset that follow."""
