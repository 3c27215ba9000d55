"""Labels: how many, whether they are right, and who disagrees about them."""
