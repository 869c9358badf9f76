"""The files that TensorFlow writes what it compiles to, in the folder of temporary files."""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import sys
from pathlib import Path

_removed: set[str] = set()  # their modules stay: after many trials of a worker most are gone already


def remove_at_exit() -> None:
    """Leave none behind as Python ends: a process that is killed has to remove them before."""
    atexit.unregister(remove_generated_files)
    atexit.register(remove_generated_files)


def remove_generated_files() -> None:
    """Remove what this process wrote so far, and its bytecode, which TensorFlow forgets as it removes the rest.

    Bytecode is not switched off for it: that of a user's modules is to stay.
    """
    written = [name for name in sys.modules if name.startswith("__autograph_generated_file") and name not in _removed]
    _removed.update(written)
    for name in written:
        file = Path(str(sys.modules[name].__file__))
        bytecode = Path(importlib.util.cache_from_source(str(file)))
        for left in (file, bytecode):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # others' bytecode is in it
            bytecode.parent.rmdir()
