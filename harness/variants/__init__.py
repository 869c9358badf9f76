"""Variants: what is compared. Nothing here imports Keras or NumPy."""

from harness.variants.rules import RULES
from harness.variants.sizes import check_variant
from harness.variants.sources import BuildError, builder_fingerprint, source_fingerprint
from harness.variants.variant import BASELINE, DEFAULTS, Backbone, Pooling, PrecisionPolicy, Variant

__all__ = [
    "BASELINE",
    "DEFAULTS",
    "RULES",
    "Backbone",
    "BuildError",
    "Pooling",
    "PrecisionPolicy",
    "Variant",
    "builder_fingerprint",
    "check_variant",
    "source_fingerprint",
]
