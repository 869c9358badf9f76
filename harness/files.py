"""Files that are whole or not there: a reader never sees half a page, and a failure leaves the old one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from harness.errors import InputError


def own_folder(folder: Path) -> Path:
    """Make a folder where it is missing and return it; what is written into it stays inside of the folder above.

    Raises:
        InputError: It is a link to somewhere else, as a results folder from elsewhere may hold.
        OSError: It cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink() and not folder.resolve().is_relative_to(folder.parent.resolve()):
        raise InputError(
            f"{folder} is a link to {folder.resolve()}, outside of {folder.parent}, where nothing is written: remove "
            "the link, or name another folder to write to"
        )
    return folder


@contextlib.contextmanager
def replaced(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside `path`, with its ending; what was written there takes its place, unless this raises.

    Raises:
        OSError: The folder cannot be written, or nothing was.
    """
    scratch = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        scratch.unlink(missing_ok=True)  # a link, say, that a folder from elsewhere holds
        yield scratch
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> Path:
    """Write a UTF-8 text file in one step and return its path."""
    with replaced(path) as scratch:
        scratch.write_text(text, encoding="utf-8")
    return path
