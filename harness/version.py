"""The version of this package, for whatever may not import the package's own names, and all that these bring along."""

__version__ = "0.1.0"
