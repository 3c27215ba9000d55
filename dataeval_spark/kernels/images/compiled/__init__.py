"""The statistics of 8-bit images, compiled."""
