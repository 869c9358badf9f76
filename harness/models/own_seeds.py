"""Global seeds that a user's builder sets itself: refused, since all seeds of a variant would start alike."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

# What sets a generator that a model's first weights, or its dropout, are drawn from.
_SETTERS = (
    ("random", "seed"),
    ("numpy.random", "seed"),
    ("keras.utils", "set_random_seed"),
    ("tensorflow.random", "set_seed"),
    ("torch", "manual_seed"),
)


@dataclass
class OwnSeeds:
    """Whether a builder is at work, which must not set a global seed; a module may, as it is imported."""

    refused: bool = False

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Refuse them for a while."""
        self.refused = True
        try:
            yield
        finally:
            self.refused = False


@contextlib.contextmanager
def own_seeds() -> Iterator[OwnSeeds]:
    """Watch every function that sets a global seed, those that a module takes by name as it is imported too."""
    watch = OwnSeeds()

    def watched(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def seed(*arguments: Any, **options: Any) -> Any:
            if watch.refused:
                given = ", ".join([*map(repr, arguments), *(f"{key}={value!r}" for key, value in options.items())])
                raise ValueError(
                    f"{name}({given}) in a builder would start all seeds of a variant from the same random numbers: "
                    "leave it out, as every global seed is set before; for numbers that are to stay, use a generator "
                    "of its own, as numpy.random.default_rng"
                )
            return real(*arguments, **options)

        return seed

    with contextlib.ExitStack() as back:
        for module_name, function in _SETTERS:
            module = sys.modules.get(module_name)
            if module_name == "tensorflow.random" and "tensorflow" in sys.modules:
                module = sys.modules["tensorflow"].random
            if module is not None:
                real = getattr(module, function)
                back.callback(setattr, module, function, real)
                setattr(module, function, watched(f"{module_name}.{function}", real))
        yield watch
