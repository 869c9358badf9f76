"""How many intra-op threads this process really trains with."""

from __future__ import annotations

import os

import keras

from harness.machine import usable_cores
from harness.results.trials import DeviceKind


def threads_in_use(kind: DeviceKind) -> int:
    """Return the backend's intra-op threads: 0 on a GPU, where they do not change the bits."""
    if kind == "gpu":
        return 0
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        set_in_code = int(tf.config.threading.get_intra_op_parallelism_threads())
        return set_in_code or int(os.environ.get("TF_NUM_INTRAOP_THREADS", 0)) or usable_cores()
    return int(os.environ.get("OMP_NUM_THREADS", 0)) or usable_cores()
