"""Two logical CPU devices stand for a GPU and its host: run as a program, this prints what an epoch sends between them.

What has a kernel for a GPU is placed on the second device and the rest on the first. TensorFlow's wheel registers its
GPU kernels on every machine, so that each operation can be asked.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import kernels

from harness import BASELINE
from harness.datasets import Dataset
from harness.training.prepared import build_for, make_epoch

BATCH = 16


def drawn(images: int) -> Dataset:
    rng = np.random.default_rng(1)
    pixels, labels = rng.integers(0, 256, (images, 32, 32, 3), np.uint8), np.arange(images) % 10
    return Dataset.from_arrays("drawn", "abcdefghij", (pixels, labels), (pixels[:10] ^ 1, labels[:10]))


def nodes(graph: tf.Graph) -> Iterator[tf.compat.v1.NodeDef]:
    definition = graph.as_graph_def()
    yield from definition.node
    for function in definition.library.function:
        yield from function.node_def


def has_gpu_kernel(node: tf.compat.v1.NodeDef) -> bool:
    """Whether TensorFlow has a kernel of a GPU for this operation on these types."""

    def takes(kernel) -> bool:
        for constraint in kernel.constraint:
            value = node.attr[constraint.name]
            types = [value.type] if value.WhichOneof("value") == "type" else list(value.list.type)
            if not set(types) <= set(constraint.allowed_values.list.type):
                return False
        return True

    return any(takes(kernel) for kernel in gpu_kernels(node.op))


@functools.cache
def gpu_kernels(operation: str) -> list[Any]:
    """Return the kernels of a GPU that TensorFlow has for an operation."""
    registered = kernels.get_registered_kernels_for_op(operation).kernel
    return [kernel for kernel in registered if kernel.device_type in ("GPU", "DEFAULT")]


def sends(metadata: tf.compat.v1.RunMetadata) -> list[str]:
    """Return type and name of every value that one device sends another; orders to wait carry none."""
    return [
        f"{tf.dtypes.as_dtype(node.attr['T'].type).name} {node.input[0]}"
        for function in metadata.function_graphs
        for graph in function.partition_graphs
        for node in graph.node
        if node.op in ("_Send", "_HostSend") and "/ctrl/" not in node.input[0]
    ]


def main() -> None:
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )
    variant, data = BASELINE.replace(filters=(4,), dense=(8,), batch_size=BATCH, augmentation="flip+shift"), drawn(320)
    with tf.device("CPU:1"):
        epoch = make_epoch(build_for(variant, data, seed=1), variant, data)
        order = tf.constant(np.arange(10 * BATCH))

    def placed(operation: tf.Operation) -> str:
        on_gpu = operation.type == "Placeholder" or has_gpu_kernel(operation.node_def)
        return "/device:CPU:1" if on_gpu else "/device:CPU:0"

    found = {}
    for name, step in (("train", epoch.model.train_step), ("evaluate", epoch.model.test_step)):
        loop = epoch._loop(step, BATCH)

        @tf.function
        def run(order, loop=loop):
            with tf.compat.v1.device(placed):
                loop(order)

        context.enable_graph_collection()
        with tf.device("CPU:1"):
            run(order)
        found[name] = sends(context.export_run_metadata())
        context.disable_graph_collection()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
