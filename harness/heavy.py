"""Imports of many modules, kept from the garbage collector: it would find nothing there, again and again.

That is of the whole process, whichever thread asks: for where nothing else happens meanwhile.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_others: int | None = None
"""How many objects somebody else had frozen before."""


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Let the garbage collector wait while the body imports, and pass over what is there then, until `collect_again`.

    It takes a quarter of TensorFlow's import. To look through the million objects of its modules takes a third of a
    second whenever everything is collected, and more than one as the process ends.
    """
    global _others
    collecting = gc.isenabled()
    gc.collect()  # what is garbage by now would stay
    if _others is None:
        _others = gc.get_freeze_count()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


def collect_again() -> None:
    """Give all back to the garbage collector: others' code goes on in this process. Not where that froze some too."""
    if _others == 0:
        gc.unfreeze()
