"""Decoded datasets kept as plain array files, so that a second load and every worker only map them.

An entry is a folder with four .npy files and meta.json. It is made under another name by whoever holds its source's
lock, renamed when it is complete, never changed afterwards, and checked against its fingerprint at each opening.
"""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import numpy as np

from harness.datasets.content import Arrays, Images, content_of, image_name
from harness.datasets.dataset import Dataset, Origin, fingerprint_of
from harness.datasets.groups import Groups, groups_of, pairs_of
from harness.errors import HarnessError
from harness.files import expanded
from harness.locks import lock_file

# Raise it when the meaning of an entry's files changes: older entries are then made anew.
FORMAT = 4

_UNFINISHED = "unfinished"
_TEMPORARY = "cnn-harness-"


class Filled(NamedTuple):
    """What filled a folder with the four arrays has to say.

    Attributes:
        classes: Their names.
        warnings: What a person should know.
        name_of: What to call an image, where its content is still to be looked at.
        test_groups: As of a dataset, where it was looked at and `warnings` tell of it.
        test_files: As of a dataset.
    """

    classes: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    name_of: Callable[[str, int], str] = image_name
    test_groups: Groups | None = None
    test_files: tuple[str, ...] = ()


Fill = Callable[[Path], Filled]


class DamagedCacheError(HarnessError):
    """An entry whose files are incomplete or fail their checksum."""


def cache_root(cache: Path | None = None) -> Path:
    """Return the cache folder: `cache`, else $HARNESS_CACHE, else the user's cache folder."""
    if cache is not None:
        return cache
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen)
    if user := os.environ.get("XDG_CACHE_HOME"):
        return Path(user) / "cnn-harness"
    return expanded("~/.cache/cnn-harness")


def entry_path(cache: Path | None, source: str, content: str) -> Path:
    """Return where the entry of a source in a certain state lies; one folder per source, one entry per state."""
    return cache_root(cache).absolute() / "datasets" / _short(source) / _short(f"{FORMAT}\n{content}")


def open_or_make(path: Path, fill: Fill, name: str, origin: Origin) -> Dataset:
    """Open the entry at `path`, or make it; where it cannot be written, make a temporary one instead.

    Returns:
        The dataset; its warnings also tell of a damaged entry and of a folder that cannot be written.

    Raises:
        HarnessError: Neither the cache nor the temporary folder can hold the arrays.
        InputError: From `fill`.
    """
    with contextlib.suppress(DamagedCacheError):
        return open_entry(path, name, origin)
    notes: tuple[str, ...] = ()
    try:
        with locked(path.parent.with_suffix(".lock")):
            try:
                return open_entry(path, name, origin)  # another process was faster
            except DamagedCacheError as error:
                if path.exists():
                    notes = (f"{error}; it is made anew from the source",)
            unfinished = path.with_name(_UNFINISHED)
            shutil.rmtree(unfinished, ignore_errors=True)  # a killed process left it: it held the lock
            try:
                unfinished.mkdir(parents=True)
                write_entry(unfinished, fill)
                # This and the source's older states.
                for older in set(path.parent.iterdir()) - {unfinished}:
                    shutil.rmtree(older)
                unfinished.rename(path)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            return open_entry(path, name, origin, notes)
    except OSError as error:
        notes += (
            f"the cache folder {path.parent} cannot be written ({error.strerror or error}): a temporary copy is used "
            "this time; set HARNESS_CACHE to a folder that can be written",
        )
    try:
        directory = temporary_directory()
        write_entry(directory, fill)
    except OSError as error:
        raise HarnessError(
            f"no room for the decoded images: neither {path.parent} nor {tempfile.gettempdir()} can be written "
            f"({error.strerror or error}); set HARNESS_CACHE to a folder with room"
        ) from error
    return open_entry(directory, name, origin, notes)


@contextlib.contextmanager
def locked(path: Path, *, timeout_s: float = -1) -> Iterator[None]:
    """Hold the lock file of what is made once and kept, its folder made for it; other processes wait meanwhile.

    Raises:
        filelock.Timeout: Another process holds it for longer than `timeout_s`.
        OSError: The folder cannot be written, or knows no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = lock_file(path, timeout_s=timeout_s)
    try:
        yield
    finally:
        lock.release()


def open_entry(directory: Path, name: str, origin: Origin, notes: tuple[str, ...] = ()) -> Dataset:
    """Open an entry, images mapped read-only, and verify every byte of it (0.1 s for 180 MB).

    Raises:
        DamagedCacheError: A file is missing or broken, or the checksum differs.
    """
    try:
        meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
        if meta.pop("checksum") != _checksum(meta):
            raise ValueError("meta.json is not as it was written")
        classes, expected, warnings = tuple(meta["classes"]), meta["fingerprint"], tuple(meta["warnings"])
        arrays = _open_arrays(directory)
        test_groups, test_files = groups_of(len(arrays[3]), meta["alike"]), tuple(meta["test_files"])
        fingerprint = fingerprint_of(classes, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DamagedCacheError(f"checksum error: cached dataset {directory} is damaged ({error})") from error
    if fingerprint != expected:
        raise DamagedCacheError(
            f"checksum error: cached dataset {directory} is damaged (expected {expected}, found {fingerprint})"
        )
    origin = dataclasses.replace(origin, directory=directory)
    warnings = (*notes, *warnings)
    return Dataset(name, classes, *arrays, expected, test_groups, warnings, origin, test_files)


def keep_temporarily(dataset: Dataset) -> Path:
    """Write a dataset's arrays to a temporary folder that is removed when this process ends; return it."""

    try:
        directory = temporary_directory()
        write_entry(directory, filled_with(dataset))
    except OSError as error:
        raise HarnessError(
            f"dataset {dataset.name!r} cannot be handed to worker processes: {tempfile.gettempdir()} cannot be "
            f"written ({error.strerror or error}); set TMPDIR to a folder with room"
        ) from error
    return directory


def filled_with(dataset: Dataset) -> Fill:
    """Return what fills a folder with the arrays of a dataset."""

    def fill(directory: Path) -> Filled:
        save_arrays(directory, dataset.arrays)
        return Filled(dataset.classes, dataset.warnings, test_groups=dataset.test_groups, test_files=dataset.test_files)

    return fill


def save_arrays(directory: Path, arrays: Arrays) -> None:
    """Write the four files of an entry."""
    train_images, train_labels, test_images, test_labels = _files(directory)
    np.save(train_images, arrays[0])
    np.save(train_labels, arrays[1])
    np.save(test_images, arrays[2])
    np.save(test_labels, arrays[3])


def write_entry(directory: Path, fill: Fill) -> None:
    """Fill a folder and describe what is in it."""
    filled = fill(directory)
    arrays = _open_arrays(directory)
    warnings, groups = filled.warnings, filled.test_groups
    if groups is None:
        found, groups = content_of(filled.classes, arrays, filled.name_of)
        warnings += found
    meta = {
        "format": FORMAT,
        "classes": filled.classes,
        "fingerprint": fingerprint_of(filled.classes, arrays),
        "warnings": warnings,
        "alike": pairs_of(groups),
        "test_files": filled.test_files,
    }
    meta["checksum"] = _checksum(meta)
    (directory / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _open_arrays(directory: Path) -> Arrays:
    train_images, train_labels, test_images, test_labels = _files(directory)
    labels = [np.load(file, allow_pickle=False) for file in (train_labels, test_labels)]
    for one in labels:
        one.flags.writeable = False
    return _map(train_images), labels[0], _map(test_images), labels[1]


def _files(directory: Path) -> list[Path]:
    return [directory / f"{part}_{what}.npy" for part in ("train", "test") for what in ("images", "labels")]


def _map(path: Path) -> Images:
    mapped: Images = np.load(path, mmap_mode="r", allow_pickle=False)
    # A plain array on the same memory: results computed from a memmap would be memmaps too.
    return mapped.view(np.ndarray)


def temporary_directory() -> Path:
    """Make a temporary folder that goes when this process ends, or that the next one removes if this one is killed.

    Raises:
        OSError: It cannot be written.
    """
    place = Path(tempfile.gettempdir())
    # While one process makes a folder and locks it, no other looks which ones are locked.
    with locked(place / f"{_TEMPORARY}{os.getuid()}.lock"):
        for left in place.glob(f"{_TEMPORARY}*/owner"):
            with contextlib.suppress(OSError, filelock.Timeout), locked(left, timeout_s=0):
                shutil.rmtree(left.parent, ignore_errors=True)
        directory = Path(tempfile.mkdtemp(prefix=_TEMPORARY))
        owner = lock_file(directory / "owner")
    process = os.getpid()

    def remove() -> None:
        # A forked child must not take away what its parent still uses.
        if os.getpid() == process:
            owner.release()
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return directory


def _checksum(meta: dict[str, Any]) -> str:
    return _short(json.dumps(meta, sort_keys=True))


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
