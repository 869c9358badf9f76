"""What makes a variant many times slower than its network is, told before anything is trained."""

from __future__ import annotations

from harness.running.plan import Plan
from harness.training.devices import Device, keras_backend
from harness.variants import Variant

WITHOUT_XLA = ("shift", "rotation", "zoom")
"""Kinds of augmentation whose Keras layers XLA does not compile; a test asks the layers."""


def slow_ways(plan: Plan, device: Device) -> tuple[str, ...]:
    """Return a line for each variant to train that is slow by the way it is trained."""
    variants = list(dict.fromkeys(trial.variant for trial in plan.todo))
    lines = [
        f"{variant.name}: augmentation changes the pictures in every epoch, so the features of its frozen backbone "
        "cannot be kept; the whole backbone runs for every picture, which takes many times longer"
        for variant in variants
        if variant.backbone and not variant.fine_tune and not variant.reuses_features
    ]
    if device.kind == "gpu" and keras_backend() == "tensorflow":
        lines += [
            f"{variant.name}: Keras has no XLA for its augmentation ({', '.join(kinds)}), so that a step is started "
            "operation by operation: its step time is mostly that, here as in model.fit"
            for variant in variants
            if (kinds := _without_xla(variant))
        ]
    return tuple(lines)


def _without_xla(variant: Variant) -> list[str]:
    kinds = ("shift",) if variant.augmentation == "mixed" else variant.augmentation.split("+")
    return [kind for kind in kinds if kind in WITHOUT_XLA]
