"""The verb `split`: named assignments of the images to parts."""
