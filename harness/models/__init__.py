"""Models: Keras 3 networks built from variants. Importing this imports Keras."""

from harness.models.build import build_model

__all__ = ["build_model"]
