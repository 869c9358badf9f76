"""The version of this package: a module that imports nothing, so that every room may import it."""

__version__ = "0.1.0"
