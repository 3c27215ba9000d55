"""Array kernels: numpy, SciPy and Pillow only, one metric family per file, images as (height, width, channels)."""
