"""Global seeds that a user's builder sets itself: refused where weights are drawn from them, or they stay behind."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from keras.src.backend.common import global_state

from harness.variants.user_code import line_of


@dataclass(frozen=True)
class _Generator:
    """A global generator that first weights or a dropout are drawn from: what seeds, reads and sets it."""

    module: str
    seed: str
    get: str = ""
    put: str = ""

    def find(self) -> Any:
        """Return the module; None where it is not imported."""
        if self.module == "tensorflow.random":
            return getattr(sys.modules.get("tensorflow"), "random", None)
        return sys.modules.get(self.module)


_GENERATORS = (
    _Generator("random", "seed", "getstate", "setstate"),
    _Generator("numpy.random", "seed", "get_state", "set_state"),
    _Generator("keras.utils", "set_random_seed"),
    _Generator("tensorflow.random", "set_seed"),
    _Generator("torch", "manual_seed", "get_rng_state", "set_rng_state"),
)
_KERAS_SEEDS = ("global_random_seed", "global_seed_generator")


@dataclass(frozen=True)
class _Call:
    """A call that seeded a generator: its text, whether it named no seed, and the places that led to it."""

    text: str
    by_chance: bool
    places: list[tuple[str, int]]


@dataclass
class OwnSeeds:
    """What a builder did to the global generators while it was watched.

    A module may seed them as it is imported: they are put back after it. So may the builder, where it puts back what
    it found before any weight is drawn.
    """

    _watching: bool = False
    _importing: bool = False
    _call: _Call | None = None  # under way: one seeds other generators too
    _set: dict[str, _Call] = field(default_factory=dict)  # generators that are not where the trial's seed has them
    _found: dict[str, list[Any]] = field(default_factory=dict)  # states that a builder may put back
    _drawn: list[_Call] = field(default_factory=list)

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Watch for a while."""
        self._watching = True
        try:
            yield
        finally:
            self._watching = False

    def trouble(self, files: Collection[Path]) -> str:
        """Return what the builder did that cannot be, with its line in these files; empty where it did nothing."""
        call = next(iter([*self._drawn, *self._set.values()]), None)
        if call is None:
            return ""
        what = (
            "starts from other random numbers at each run, so that no trial could be repeated"
            if call.by_chance
            else "would start all seeds of a variant from the same random numbers"
        )
        return (
            f"{call.text} in a builder {what}: leave it out, as every global seed is set before, or put the state back "
            "before any layer is made; for numbers that are to stay, use a generator of its own, as "
            f"numpy.random.default_rng{line_of(call.places, files)}"
        )

    def replaced(self, generator: _Generator, module: Any) -> dict[str, Callable[..., Any]]:
        """Return what stands in the place of a generator's functions meanwhile."""
        name = generator.module
        seed = getattr(module, generator.seed)
        get, put = (getattr(module, one) if one else None for one in (generator.get, generator.put))

        def seeds(*arguments: Any, **options: Any) -> Any:
            outermost = self._call is None
            if self._watching:
                if outermost:
                    self._call = _call(f"{name}.{generator.seed}", arguments, options)
                if get is not None and name not in self._set:
                    self._found.setdefault(name, []).append(_plain(get()))
                self._set.setdefault(name, self._call)  # type: ignore[arg-type]
            try:
                return seed(*arguments, **options)
            finally:
                if outermost:
                    self._call = None

        def gets(*arguments: Any, **options: Any) -> Any:
            if self._watching and name not in self._set and get is not None:
                self._found.setdefault(name, []).append(_plain(get()))
            return get(*arguments, **options)  # type: ignore[misc]

        def puts(*arguments: Any, **options: Any) -> Any:
            result = put(*arguments, **options)  # type: ignore[misc]
            if self._watching and get is not None:
                if _plain(get()) in self._found.get(name, []):
                    self._set.pop(name, None)
                elif name not in self._set:
                    self._set[name] = _call(f"{name}.{generator.put}", (...,), {})
            return result

        return {generator.seed: seeds} | ({generator.get: gets, generator.put: puts} if get and put else {})

    def draw(self) -> None:
        """Note that Keras draws the seed of a layer or initializer, from Python's generator."""
        if self._watching and not self._importing and "random" in self._set:
            self._drawn.append(self._set["random"])

    @contextlib.contextmanager
    def importing(self) -> Iterator[None]:
        """Put the generators back after a module is imported: it may be there already in the next trial's process."""
        if not self._watching or self._importing:
            yield
            return
        python, numpy, torch = (sys.modules.get(name) for name in ("random", "numpy.random", "torch"))
        states = [
            (module, generator.put, getattr(module, generator.get)())
            for module, generator in ((python, _GENERATORS[0]), (numpy, _GENERATORS[1]), (torch, _GENERATORS[4]))
            if module is not None
        ]
        keras_seeds = {name: global_state.get_global_attribute(name) for name in _KERAS_SEEDS}
        tensorflow = _tensorflow_seed() if _GENERATORS[3].find() else None
        before, self._set, self._importing = self._set, {}, True
        try:
            yield
        finally:
            within, self._set, self._importing = self._set, before, False
            was_watching, self._watching = self._watching, False
            for module, put, state in states:
                getattr(module, put)(state)
            if "keras.utils" in within:
                for name, value in keras_seeds.items():
                    global_state.set_global_attribute(name, value)
            if "tensorflow.random" in within:
                _set_tensorflow_seed(tensorflow)
            self._watching = was_watching


@contextlib.contextmanager
def own_seeds() -> Iterator[OwnSeeds]:
    """Watch every function that sets a global seed, those that a module takes by name as it is imported too."""
    watch = OwnSeeds()
    executes = SourceFileLoader.exec_module

    def exec_module(loader: SourceFileLoader, module: ModuleType) -> None:
        with watch.importing():
            executes(loader, module)

    with contextlib.ExitStack() as back:
        for generator in _GENERATORS:
            module = generator.find()
            if module is not None:
                for name, function in watch.replaced(generator, module).items():
                    back.callback(setattr, module, name, getattr(module, name))
                    setattr(module, name, function)
        _watch_draws(watch, back)
        setattr(SourceFileLoader, "exec_module", exec_module)  # noqa: B010  # mypy takes no method's place
        back.callback(delattr, SourceFileLoader, "exec_module")  # it is inherited
        yield watch


def _watch_draws(watch: OwnSeeds, back: contextlib.ExitStack) -> None:
    from keras.src.random import seed_generator

    python: Any = seed_generator.python_random

    def randint(low: int, high: int) -> int:
        watch.draw()
        drawn: int = python.randint(low, high)
        return drawn

    back.callback(setattr, seed_generator, "python_random", python)
    seed_generator.python_random = SimpleNamespace(randint=randint)


def _call(name: str, arguments: tuple[Any, ...], options: dict[str, Any]) -> _Call:
    given = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
    places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_stack()]
    return _Call(f"{name}({given})", all(one is None for one in (*arguments, *options.values())), places)


def _plain(state: Any) -> Any:
    """Return a state that can be compared."""
    if isinstance(state, tuple):
        return tuple(map(_plain, state))
    if hasattr(state, "tobytes"):
        return state.tobytes()
    return state.numpy().tobytes() if hasattr(state, "numpy") else state


def _tensorflow_seed() -> int | None:
    from tensorflow.python.eager import context

    seed: int | None = context.global_seed()
    return seed


def _set_tensorflow_seed(seed: int | None) -> None:
    from tensorflow.python.eager import context

    context.set_global_seed(seed)
