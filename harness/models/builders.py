"""A user's own models: find the builder, call it, check what it returns."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras

from harness.errors import InputError, nearest
from harness.variants import Variant
from harness.variants.reads import Reads, watched
from harness.variants.sources import BuildError, builder_source, search_here

Builder = Callable[[Variant, tuple[int, int, int], int], Any]


def load_builder(target: str) -> Builder:
    """Return the function of "package.module:function".

    Raises InputError where module or function is missing, BuildError where the module raises on import.
    """
    module_name, _, function = target.partition(":")
    source = builder_source(target)
    search_here()
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise _build_error(target, error, source) from error
    builder = getattr(module, function, None)
    if not callable(builder):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        hint = nearest(function, names)
        raise InputError(f'model: "{target}" is not allowed; {source} has no function "{function}"{hint}')
    found: Builder = builder
    return found


def build_custom(
    variant: Variant, input_shape: tuple[int, int, int], classes: int, seed: int | None, reads: Reads
) -> keras.Model:
    """Call the variant's own builder, with Keras's global seed set before, and return the model it made.

    `reads` notes what the builder reads of the variant, and what is applied without it: the batch size, and the
    optimizer of a model that comes without one. The model may come compiled or not. Raises BuildError where the builder
    raises, returns no keras.Model, or one for other pictures or another number of classes.
    """
    target = variant.model or ""
    builder = load_builder(target)
    if seed is not None:
        keras.utils.set_random_seed(seed)
    source = builder_source(target)
    try:
        model = builder(watched(variant, reads), input_shape, classes)
    except Exception as error:
        raise _build_error(target, error, source) from error
    if not isinstance(model, keras.Model):
        raise BuildError(f'model "{target}" must return a keras.Model, and returned {_kind(model)} ({source})')
    try:
        shape = _output_shape(model, input_shape)
    except Exception as error:
        raise _build_error(target, error, source) from error
    if shape != (None, classes):
        raise BuildError(
            f'model "{target}" must return one probability a class, shape (batch, {classes}), for pictures '
            f"of {input_shape}; its output has shape {shape} ({source})"
        )
    applied = ("batch_size",) if model.compiled else ("batch_size", "optimizer", "learning_rate")
    reads.fields.update(dict.fromkeys(applied))
    return model


def _output_shape(model: keras.Model, input_shape: tuple[int, int, int]) -> Any:
    """Return the output's shape; builds a subclassed model or a Sequential without an input on the way."""
    output = model(keras.Input(input_shape))
    return tuple(output.shape) if hasattr(output, "shape") else _kind(output)


def _kind(value: object) -> str:
    return "None" if value is None else f"a {type(value).__name__}"


def _build_error(target: str, error: Exception, source: Path) -> BuildError:
    """Word an error with the last line of the user's file that led to it."""
    if isinstance(error, SyntaxError) and error.lineno:
        place = f"{error.filename}, line {error.lineno}: {(error.text or '').strip()}"
        return BuildError(f'model "{target}" failed: SyntaxError: {error.msg}: {place}')
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename) == source]
    where = f": {source}"
    if own:
        where = f": {source}, line {own[-1].lineno}: {own[-1].line}"
    text = " ".join(str(error).split())
    shown = text if len(text) <= 300 else text[:297] + "..."
    return BuildError(f'model "{target}" failed: {type(error).__name__}: {shown}{where}')
