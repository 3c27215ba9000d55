"""The verb `export`: images and labels as a dataset that other tools read."""
