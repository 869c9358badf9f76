"""Models: Keras 3 networks built from variants. Importing this imports Keras."""

from harness.models.backbones import find_backbone, split_backbone
from harness.models.build import build_head_model, build_model
from harness.models.builders import load_builder
from harness.models.compiling import compile_model, make_metrics, make_optimizer
from harness.models.table import LayerInfo, layer_table

__all__ = [
    "LayerInfo",
    "build_head_model",
    "build_model",
    "compile_model",
    "find_backbone",
    "layer_table",
    "load_builder",
    "make_metrics",
    "make_optimizer",
    "split_backbone",
]
