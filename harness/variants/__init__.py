"""Variants: what is compared. Nothing here imports Keras or NumPy."""

from harness.variants.rules import RULES
from harness.variants.variant import BASELINE, DEFAULTS, Backbone, Pooling, PrecisionPolicy, Variant

__all__ = ["BASELINE", "DEFAULTS", "RULES", "Backbone", "Pooling", "PrecisionPolicy", "Variant"]
