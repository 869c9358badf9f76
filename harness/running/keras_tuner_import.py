"""keras-tuner, imported without its greetings."""

from __future__ import annotations

import os
import warnings
from typing import Any

from harness.training.devices import quiet_start


def import_keras_tuner() -> Any:
    """Return keras-tuner, imported without its libraries' greetings."""
    # It imports TensorFlow, which greets on standard error.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the parent trains nothing: leave the GPU to the workers
    with quiet_start(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras_tuner
        import keras_tuner.engine.base_tuner
        import keras_tuner.engine.trial
    return keras_tuner
