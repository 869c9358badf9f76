"""A user's own models: find the builder, import it anew, call it, check what it returns."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras

from harness.errors import HarnessError, InputError, nearest
from harness.models.compiling import compile_model
from harness.models.contract import check_contract
from harness.models.first_weights import check_first_weights, drawn_from_a_seed, seeded_variables
from harness.models.own_seeds import OwnSeeds, own_seeds
from harness.models.state import known_state, set_seeds
from harness.variants import Variant
from harness.variants.reads import Reads, watched
from harness.variants.sources import BuildError, builder_files, builder_source, search_here
from harness.variants.user_code import contained, describe

Builder = Callable[[Variant, tuple[int, int, int], int], Any]

_CALL = ("variant", "input_shape", "classes")


def load_builder(target: str) -> Builder:
    """Return the function of "package.module:function", its module and all that it imports of the project read anew.

    So nothing that an earlier build left in these modules (a cached model, a counter, a generator) reaches the next.

    Raises InputError where module or function is missing, BuildError where the module raises on import or the function
    cannot be called as build(variant, input_shape, classes).
    """
    module_name, _, function = target.partition(":")
    source = builder_source(target)
    search_here()
    with user_errors(target):
        own = set(map(str, builder_files(target).values()))
        for name, module in list(sys.modules.items()):
            if name != "__main__" and getattr(module, "__file__", None) in own:
                del sys.modules[name]
        module = importlib.import_module(module_name)
    builder = getattr(module, function, None)
    if not callable(builder):
        names = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
        hint = nearest(function, names)
        raise InputError(f'model: "{target}" is not allowed; {source} has no function "{function}"{hint}')
    _check_signature(target, builder, source)
    found: Builder = builder
    return found


def build_custom(
    variant: Variant, input_shape: tuple[int, int, int], classes: int, seed: int | None, reads: Reads
) -> keras.Model:
    """Call the variant's own builder, with Keras's global seed set before, and return the model it made, compiled.

    `reads` notes what the builder reads of the variant, and what is applied without it: the batch size, and the
    optimizer of a model that comes without one.

    Raises BuildError where the builder raises, leaves a global seed of its own, or returns what cannot be trained and
    compared: see `check_contract`.
    """
    target = variant.model or ""
    with known_state(seed), contained(), own_seeds() as seeds:
        builder = load_builder(target)
        if seed is not None:
            set_seeds(seed)  # whatever the import has drawn
        with (
            user_errors(target),
            seeds.watching(),
            _refusing_own_seeds(target, seeds),
            seeded_variables() as seeded,
        ):
            model = builder(watched(variant, reads), input_shape, classes)
            with _naming(target):  # which may call its `build` and `call`
                check_contract(model, input_shape, classes)
        if seed is not None:
            with user_errors(target), _naming(target):
                check_first_weights(
                    model, seeded, lambda: _drawn_in_another_trial(builder, variant, input_shape, classes, seed)
                )
        applied = ("batch_size",) if model.compiled else ("batch_size", "optimizer", "learning_rate")
        reads.fields.update(dict.fromkeys(applied))
        with user_errors(target):
            return compile_model(model, variant)


def _drawn_in_another_trial(
    builder: Builder, variant: Variant, input_shape: tuple[int, int, int], classes: int, seed: int
) -> list[str]:
    with known_state(seed + 1), seeded_variables() as seeded:
        model = builder(watched(variant, Reads()), input_shape, classes)
        model(keras.Input(input_shape), training=False)
        return drawn_from_a_seed(model, seeded)


@contextlib.contextmanager
def user_errors(target: str | None) -> Iterator[None]:
    """Turn whatever a user's code raises, `sys.exit` too, into a BuildError with its text and line, once.

    Without a target, of a model that is no user's, errors pass.
    """
    try:
        yield
    except (HarnessError, KeyboardInterrupt):
        raise
    except BaseException as error:
        if target is None:
            raise
        raise BuildError(f'model "{target}" failed: {describe(error, builder_files(target).values())}') from None


@contextlib.contextmanager
def _naming(target: str) -> Iterator[None]:
    """Say of which model something is told."""
    try:
        yield
    except BuildError as error:
        raise BuildError(f'model "{target}" {error} ({builder_source(target)})') from None


@contextlib.contextmanager
def _refusing_own_seeds(target: str, seeds: OwnSeeds) -> Iterator[None]:
    """Refuse what a builder did to the global generators, before whatever else is wrong with its model."""
    try:
        yield
    except BuildError:
        if not seeds.trouble(()):
            raise
    if trouble := seeds.trouble(builder_files(target).values()):
        raise BuildError(f'model "{target}": {trouble}')


def _check_signature(target: str, builder: Builder, source: Path) -> None:
    try:
        signature = inspect.signature(builder)
    except (TypeError, ValueError):
        return
    names = list(signature.parameters)
    try:
        signature.bind(*_CALL)
        misplaced = [name for name, wanted in zip(names, _CALL, strict=False) if name in _CALL and name != wanted]
    except TypeError:
        misplaced = names
    if misplaced or len(names) < 1:
        line = getattr(getattr(builder, "__code__", None), "co_firstlineno", 1)
        raise BuildError(
            f'model "{target}" is called as {target.partition(":")[2]}({", ".join(_CALL)}), and takes '
            f"({', '.join(names)}): {source}, line {line}"
        )
