"""What a user's own model must be so that it can be trained as any other, and its figures compared."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from harness.models.pixels import Given, bright_and_dark, given_to_layers
from harness.variants.sources import BuildError

# How far a row's sum may be from 1: a bfloat16 has 8 bits.
_TOLERANCE = 0.01

_TRAINING = "train_step, compute_loss, a layer, or the schedule of an optimizer"
# Methods of Keras's that `FitEpoch` goes through and the compiled epochs do not, and where to do the same for all.
_LOOPS = {
    "fit": _TRAINING,
    "make_train_function": _TRAINING,
    "evaluate": "test_step",
    "make_test_function": "test_step",
    "predict": "call",
    "predict_step": "call",
    "make_predict_function": "call",
}

_handed_out: weakref.WeakSet[Any] = weakref.WeakSet()


def check_contract(model: Any, input_shape: tuple[int, int, int], classes: int) -> None:
    """Refuse what is no new keras.Model of float pixels from 0 to 1 in and one probability a class out.

    Builds a subclassed model or a Sequential without an input on the way.

    Raises:
        BuildError: Says what the model does, in words that go on from its name.
    """
    if not isinstance(model, keras.Model):
        raise BuildError(f"must return a keras.Model, and returned {_kind(model)}")
    _check_inputs(model)
    _check_loop(model)
    output = model(keras.Input(input_shape), training=False)  # a call may ask to be told
    shape = tuple(output.shape) if hasattr(output, "shape") else None
    if shape is None or shape[1:] != (classes,):
        raise BuildError(
            f"must return one probability a class, shape (batch, {classes}), for pictures of {input_shape}; its output "
            f"{f'has shape {shape}' if shape else f'is {_kind(output)}'}"
        )
    _check_layout(model, input_shape)
    if not model.trainable_variables:
        raise BuildError("has no weight that is trained: leave something trainable")
    _check_new(model)
    _check_loss(model)
    outputs = _probabilities(model, input_shape)
    labels = np.eye(classes, dtype=np.float32)[np.arange(len(outputs)) % classes]
    for loss in keras.tree.flatten(model.loss) if model.compiled and model.loss else ():
        try:
            keras.losses.get(loss)(labels, outputs)
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise BuildError(f"has a loss that cannot take one-hot labels: {type(error).__name__}: {text}") from None


def _kind(value: object) -> str:
    if any(kind.__module__.partition(".")[0] == "tf_keras" for kind in type(value).__mro__):
        return f"a {type(value).__name__} of Keras 2 (tf_keras): make it with Keras 3, `import keras`"
    if isinstance(value, (list, tuple, dict)) and value:
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _check_inputs(model: keras.Model) -> None:
    inputs = getattr(model, "inputs", None) or ()
    if len(inputs) > 1:
        raise BuildError(f"takes {len(inputs)} inputs, and is given one, the pictures: make the others of it")
    for tensor in inputs:
        if not keras.backend.is_float_dtype(tensor.dtype):
            raise BuildError(
                f"takes {tensor.dtype} pixels, and is given floats from 0 to 1, which that would cut to 0: use "
                "keras.Input(input_shape), and no division by 255"
            )


def _check_loop(model: keras.Model) -> None:
    """Refuse a loop of the model's own: where the harness has a faster one it would be left out in silence."""
    for name, instead in _LOOPS.items():
        if getattr(getattr(model, name), "__func__", None) is not getattr(keras.Model, name):
            raise BuildError(
                f"has its own `{name}`, which is not used on every backend: do that in {instead}, or give it another "
                "name if no training needs it"
            )


def _check_layout(model: keras.Model, input_shape: tuple[int, int, int]) -> None:
    """Refuse a layer that takes the rows of a picture for its channels."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Flatten):
            continue  # its data_format only says in which order it gives the same numbers
        if getattr(layer, "data_format", None) == "channels_first" and input_shape in _given(layer):
            raise BuildError(
                f'takes pictures with their channels first in "{layer.name}", and is given {input_shape}, rows, '
                "columns and channels: leave channels_first out, or begin with keras.layers.Permute((3, 1, 2))"
            )


def _given(layer: keras.Layer) -> Iterator[tuple[int | None, ...]]:
    """Yield the shapes of what a layer was built for and called with, as far as Keras keeps them."""
    for shape in (layer._build_shapes_dict or {}).values():
        if isinstance(shape, tuple):
            yield shape[1:]
    for node in layer._inbound_nodes:
        yield from (tuple(tensor.shape)[1:] for tensor in node.input_tensors)


def _check_new(model: keras.Model) -> None:
    """Refuse a model, layer or optimizer that an earlier build returned: its weights go on from there."""
    parts = [*_parts(model)]
    old = next((part for part in parts if part in _handed_out), None)
    if old is not None:
        raise BuildError(
            f'must return a new model at each call, and "{getattr(old, "name", type(old).__name__)}" is of an earlier '
            "one: make models, layers and optimizers inside the function"
        )
    _handed_out.update(parts)


def _parts(model: keras.Model) -> Iterator[Any]:
    yield from model._flatten_layers()
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None:
        yield optimizer


def _check_loss(model: keras.Model) -> None:
    if not model.compiled:
        return
    if model.optimizer is None:
        raise BuildError("is compiled without an optimizer: name one, or leave compile out to take the variant's")
    own = any(getattr(type(model), name) is not getattr(keras.Model, name) for name in ("train_step", "compute_loss"))
    if model.loss is None and not own:
        raise BuildError("is compiled without a loss: name one, as categorical_crossentropy")
    for loss in keras.tree.flatten(model.loss):
        name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
        if "sparse" in str(name).lower() or isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
            raise BuildError(
                f"is compiled with {name}, which wants numbers of classes; labels are one-hot: compile with "
                "categorical_crossentropy"
            )
        if getattr(loss, "from_logits", False):
            raise BuildError(
                f"is compiled with {name} of from_logits=True; its outputs must be probabilities: end in softmax, and "
                "leave from_logits out"
            )


def _probabilities(model: keras.Model, input_shape: tuple[int, int, int]) -> NDArray[np.float32]:
    inputs = getattr(model, "inputs", None)
    count = (inputs[0].shape[0] if inputs else None) or 2
    pictures = bright_and_dark(count, input_shape)

    def called(pictures: NDArray[np.float32]) -> tuple[Any, Given]:
        with given_to_layers() as given:
            return model(keras.ops.convert_to_tensor(pictures), training=False), given

    outputs, given = called(pictures)
    given.check(lambda: called(255 * pictures)[1])
    outputs = np.asarray(keras.ops.convert_to_numpy(outputs), np.float32)
    if not np.isfinite(outputs).all():
        raise BuildError("gives nan or inf before any training: look at its first weights and its divisions")
    sums = outputs.sum(axis=1)
    if outputs.min() < 0 or np.abs(sums - 1).max() > _TOLERANCE:
        worst = sums[np.abs(sums - 1).argmax()]
        raise BuildError(
            f"must return probabilities; its outputs are from {outputs.min():.3g} to {outputs.max():.3g}, and a row "
            f"sums to {worst:.3g}, not 1: end in softmax"
        )
    return outputs
