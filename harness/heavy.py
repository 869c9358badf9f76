"""Imports of many modules, kept from the garbage collector: it would find nothing there, again and again."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector wait while the body imports, and pass over what is there then for good.

    It takes a quarter of TensorFlow's import. To look through the million objects of its modules takes a third of a
    second whenever everything is collected, and more than one as the process ends.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()
