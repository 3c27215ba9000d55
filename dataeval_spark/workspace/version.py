"""Version of the package, written into every run and commit."""

__version__ = "0.1.0"
