"""What turns a network into a model that can be trained: loss, metrics, optimizer."""

from __future__ import annotations

from typing import Any

import keras

from harness.variants import Variant

_MOMENTUM = 0.9


def compile_model(model: keras.Model, variant: Variant) -> keras.Model:
    """Compile as the tutorial does: cross-entropy on one-hot labels, accuracy, precision and recall.

    A user's model that is already compiled keeps its optimizer, its loss with its weight, and what a `compile` of its
    own has set; the metrics are always ours, since the tables are made of them (precision and recall at threshold 0.5,
    so the model must give probabilities).
    """
    ours: dict[str, Any] = {"metrics": make_metrics(), "jit_compile": jit_choice(model)}
    if getattr(model, "compiled", False):
        weights = getattr(model._compile_loss, "_user_loss_weights", None)
        # Keras's own: one of the user's would set again what it was given before. Whether the loss is scaled was said
        # there too: the optimizer does it, or is not to.
        ours |= {"optimizer": model.optimizer, "loss": model.loss, "auto_scale_loss": False}
        keras.Model.compile(model, loss_weights=weights, **ours)
    else:
        model.compile(optimizer=make_optimizer(variant), loss="categorical_crossentropy", **ours)
    return model


def make_metrics() -> list[Any]:
    """Return fresh metrics: accuracy, and precision and recall at threshold 0.5."""
    return [
        "accuracy",
        keras.metrics.Precision(name="precision"),
        keras.metrics.Recall(name="recall"),
    ]


def make_optimizer(variant: Variant) -> Any:
    """Return the variant's optimizer, for mixed_float16 with a scaled loss, or small gradients would be 0."""
    optimizers = keras.optimizers
    rate = variant.learning_rate
    if variant.optimizer == "momentum":
        optimizer = optimizers.SGD(rate, momentum=_MOMENTUM)
    else:
        optimizer = {
            "adadelta": optimizers.Adadelta,
            "adagrad": optimizers.Adagrad,
            "adam": optimizers.Adam,
            "adamax": optimizers.Adamax,
            "adamw": optimizers.AdamW,
            "ftrl": optimizers.Ftrl,
            "lion": optimizers.Lion,
            "nadam": optimizers.Nadam,
            "rmsprop": optimizers.RMSprop,
            "sgd": optimizers.SGD,
        }[variant.optimizer](rate)
    # Keras does this itself only where the policy is the model's; ours are the layers'.
    return optimizers.LossScaleOptimizer(optimizer) if variant.precision_policy == "mixed_float16" else optimizer


def jit_choice(model: keras.Model) -> bool | str:
    """Return what to pass as jit_compile: Keras's own choice, but for TensorFlow on a CPU, where XLA is slower.

    On a GPU Keras takes XLA wherever all layers support it, and so does a compiled epoch. A model that was compiled
    without it stays without.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        if not tf.config.get_visible_devices("GPU"):
            return False
        if getattr(model, "compiled", False):
            return bool(model.jit_compile)
    return "auto"
