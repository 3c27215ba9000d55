"""The verb `select`: selections of images by a recipe."""
