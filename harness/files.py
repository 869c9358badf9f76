"""Files that are whole or not there: a reader never sees half a page, and a failure leaves the old one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`, with its ending; what was written there takes its place, unless this raises.

    Raises:
        OSError: The folder cannot be written, or nothing was.
    """
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file in one step and return its path."""
    with replaced(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path
