"""The state in which every model is built, traced and trained: the same whatever this process did before."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from keras.src.backend.common import global_state

from harness.variants.process_state import CALLED_BY_ALL, note_modules, note_process

# Modules beside Keras's own in which a builder may put a layer or function of its own in the place of one.
_PATCHED = CALLED_BY_ALL | {"numpy", "numpy.random", "tensorflow"}


@contextlib.contextmanager
def known_state(seed: int | None) -> Iterator[None]:
    """Set what is global in Keras, its backend, Python and NumPy to one known state; put the one before back after.

    That is Keras's dtype policy, float type, epsilon, image format, counters of names and generators, TensorFlow's
    eager mode and compiler, JAX's configuration, functions and classes of Keras, NumPy and Python, what a process has
    (`process_state.py`: variables, folder, signals, limits ...), and every global seed. With None seeds stay as they
    are: setting TensorFlow's drops the prepared graphs of all models in the process.
    """
    with contextlib.ExitStack() as back:
        # Functions are put back first: the others are put back with them.
        for part in (note_process, _keras, _BACKENDS.get(keras.backend.backend()), _namespaces):
            if part:
                back.callback(part())
        if seed is not None:
            back.callback(_generators())
            set_seeds(seed)
        yield


def set_seeds(seed: int) -> None:
    """Set every global seed: Python's, NumPy's, Keras's and the backend's."""
    random.seed(seed)
    np.random.seed(seed)
    # As `keras.utils.set_random_seed` does, which imports TensorFlow whatever the backend is.
    global_state.set_global_attribute("global_random_seed", seed)
    global_state.set_global_attribute("global_seed_generator", None)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        tf.random.set_seed(seed)
        tf.random.set_global_generator(tf.random.Generator.from_seed(seed))
    elif keras.backend.backend() == "torch":
        import torch

        torch.manual_seed(seed)


def _generators() -> Callable[[], None]:
    python, numpy, tensorflow = random.getstate(), np.random.get_state(), None
    if keras.backend.backend() == "tensorflow":
        from tensorflow.python.eager import context

        tensorflow = context.global_seed()

    def restore() -> None:
        random.setstate(python)
        np.random.set_state(numpy)
        if keras.backend.backend() == "tensorflow":
            context.set_global_seed(tensorflow)

    return restore


def _keras() -> Callable[[], None]:
    # All that Keras keeps by name, for this thread. Its own `clear_session` drops prepared graphs too.
    kept = vars(global_state.GLOBAL_STATE_TRACKER)
    before = dict(kept)
    settings = (keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())

    def apply(floatx: str, epsilon: float, image_data_format: str) -> None:
        keras.config.set_floatx(floatx)
        keras.config.set_epsilon(epsilon)
        keras.config.set_image_data_format(image_data_format)

    kept.clear()
    apply("float32", 1e-7, "channels_last")
    keras.config.disable_traceback_filtering()  # or it would put its own words around a user's error

    def restore() -> None:
        kept.clear()
        kept.update(before)
        apply(*settings)

    return restore


def _namespaces() -> Callable[[], None]:
    return note_modules(
        lambda name: name in _PATCHED or name == "keras" or (name.startswith("keras.") and name[:9] != "keras.src")
    )


def _tensorflow() -> Callable[[], None]:
    import tensorflow as tf
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config

    current = context.context()

    def state() -> dict[str, Any]:
        return {
            "eager": tf.config.functions_run_eagerly(),
            "jit": bool(tf.config.optimizer.get_jit()),
            "tf32": tf.config.experimental.tensor_float_32_execution_enabled(),
            "determinism": config.is_op_determinism_enabled(),
            "options": dict(current._optimizer_experimental_options),
        }

    def apply(wanted: dict[str, Any]) -> None:
        differing = {name for name, value in state().items() if value != wanted[name]}
        if "eager" in differing:
            tf.config.run_functions_eagerly(wanted["eager"])
        if "jit" in differing:
            tf.config.optimizer.set_jit("autoclustering" if wanted["jit"] else False)
        if "tf32" in differing:
            tf.config.experimental.enable_tensor_float_32_execution(wanted["tf32"])
        if "determinism" in differing:
            (config.enable_op_determinism if wanted["determinism"] else config.disable_op_determinism)()
        if "options" in differing:
            current._optimizer_experimental_options = dict(wanted["options"])
            current._thread_local_data.function_call_options = None

    before = state()
    # TF32 and determinism are the process's own, as it was configured.
    apply(before | {"eager": False, "jit": False, "options": {}})
    return lambda: apply(before)


def _jax() -> Callable[[], None]:
    import jax

    before = dict(jax.config.values)

    def restore() -> None:
        for name, value in before.items():
            if jax.config.values[name] != value:
                jax.config.update(name, value)

    if jax.config.jax_disable_jit:
        jax.config.update("jax_disable_jit", False)
    return restore


_BACKENDS = {"tensorflow": _tensorflow, "jax": _jax}
