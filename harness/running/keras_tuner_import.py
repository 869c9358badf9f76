"""keras-tuner, imported without its greetings."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from typing import Any

from harness.heavy import uncollected
from harness.training.devices import quiet_start, without_gpu


def import_keras_tuner() -> Any:
    """Return keras-tuner, imported without its libraries' greetings."""
    # It imports the backend, which greets on standard error. The parent trains nothing: the GPU is the workers'.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    heavy = contextlib.nullcontext() if "keras_tuner" in sys.modules else uncollected()
    with quiet_start(), without_gpu(), warnings.catch_warnings(), heavy:
        warnings.simplefilter("ignore")
        import keras_tuner
        import keras_tuner.engine.base_tuner
        import keras_tuner.engine.trial
    return keras_tuner
