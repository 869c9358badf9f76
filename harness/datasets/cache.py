"""Decoded datasets kept as plain array files, so that a second load and every worker only map them.

An entry is a folder with four .npy files and meta.json. It is made under a temporary name and renamed when it is
complete, never changed afterwards, and checked against its fingerprint each time it is opened.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.datasets.dataset import Dataset, DatasetRef, Images, Labels, fingerprint_of, overlap_warnings
from harness.errors import HarnessError

# Raise it when the meaning of an entry's files changes: older entries are then made anew.
FORMAT = 1

# What fills a folder with the four arrays, and returns the class names and its own warnings.
Fill = Callable[[Path], tuple[tuple[str, ...], tuple[str, ...]]]

_TEMPORARY = re.compile(r"^(?:\.tmp|cnn-harness)-(?P<host>[0-9a-f]{8})-(?P<process>\d+)-")
# Another machine's process that shares this folder cannot be looked up; no load takes this long.
_ABANDONED_AFTER_S = 24 * 3600


class DamagedCacheError(HarnessError):
    """An entry whose files are incomplete or fail their checksum."""


@dataclass(frozen=True)
class Entry:
    """A complete entry, opened: its arrays are mapped read-only, its labels in memory."""

    directory: Path
    classes: tuple[str, ...]
    arrays: tuple[Images, Labels, Images, Labels]
    fingerprint: str
    warnings: tuple[str, ...]


def cache_root(cache: Path | None = None) -> Path:
    """Return the cache folder: `cache`, else $HARNESS_CACHE, else the user's cache folder."""
    if cache is not None:
        return cache
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen)
    if user := os.environ.get("XDG_CACHE_HOME"):
        return Path(user) / "cnn-harness"
    return Path("~/.cache/cnn-harness").expanduser()


def entry_path(cache: Path | None, source: str, content: str) -> Path:
    """Return where the entry of a source in a certain state lies; one folder a source, one entry a state."""
    return cache_root(cache).absolute() / "datasets" / _short(source) / _short(f"{FORMAT}\n{content}")


def open_or_make(path: Path, fill: Fill) -> tuple[Entry, tuple[str, ...]]:
    """Open the entry at `path`, or make it; where it cannot be written, make a temporary one instead.

    Returns:
        The entry, and what went wrong on the way without stopping it: a damaged entry, an unwritable folder.

    Raises:
        HarnessError: Neither the cache nor the temporary folder can hold the arrays.
        InputError: From `fill`.
    """
    notes: tuple[str, ...] = ()
    if path.exists():
        try:
            return open_entry(path), notes
        except DamagedCacheError as error:
            notes = (f"{error}; it is made anew from the source",)
    try:
        _make(path, fill)
        return open_entry(path), notes
    except OSError as error:
        notes += (
            f"the cache folder {path.parent} cannot be written ({error.strerror or error}): a temporary copy is used "
            "this time; set HARNESS_CACHE to a folder that can be written",
        )
    try:
        directory = _temporary_directory()
        _fill(directory, fill)
    except OSError as error:
        raise HarnessError(
            f"no room for the decoded images: neither {path.parent} nor {tempfile.gettempdir()} can be written "
            f"({error.strerror or error}); set HARNESS_CACHE to a folder with room"
        ) from error
    return open_entry(directory), notes


def open_entry(directory: Path) -> Entry:
    """Open an entry and verify every byte of it (0.1 s for 180 MB).

    Raises:
        DamagedCacheError: A file is missing or broken, or the checksum differs.
    """
    try:
        meta = json.loads((directory / "meta.json").read_text(encoding="utf-8"))
        classes, expected, warnings = tuple(meta["classes"]), meta["fingerprint"], tuple(meta["warnings"])
        arrays = _open_arrays(directory)
        found = fingerprint_of(classes, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
        raise DamagedCacheError(f"checksum error: cached dataset {directory} is damaged ({error})") from error
    if found != expected:
        raise DamagedCacheError(
            f"checksum error: cached dataset {directory} is damaged (expected {expected}, found {found})"
        )
    return Entry(directory, classes, arrays, expected, warnings)


def open_kept(ref: DatasetRef) -> Dataset | None:
    """Open what a reference points to; None where its files are gone, damaged or of another content."""
    if ref.directory is None:
        return None
    try:
        entry = open_entry(ref.directory)
    except DamagedCacheError:
        return None
    if entry.fingerprint != ref.fingerprint:
        return None
    return Dataset(
        ref.name,
        entry.classes,
        *entry.arrays,
        fingerprint=entry.fingerprint,
        warnings=entry.warnings,
        source=ref.source,
        directory=entry.directory,
        image_size=ref.image_size,
        skip_unreadable=ref.skip_unreadable,
        cache=ref.cache,
    )


def keep_temporarily(dataset: Dataset) -> Path:
    """Write a dataset's arrays to a temporary folder that is removed when this process ends; return it."""

    def fill(directory: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
        np.save(directory / "train_images.npy", dataset.train_images)
        np.save(directory / "train_labels.npy", dataset.train_labels)
        np.save(directory / "test_images.npy", dataset.test_images)
        np.save(directory / "test_labels.npy", dataset.test_labels)
        return dataset.classes, ()

    try:
        directory = _temporary_directory()
        _fill(directory, fill)
    except OSError as error:
        raise HarnessError(
            f"dataset {dataset.name!r} cannot be handed to worker processes: {tempfile.gettempdir()} cannot be "
            f"written ({error.strerror or error}); set TMPDIR to a folder with room"
        ) from error
    return directory


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary folders that dead processes left in `folder`."""
    try:
        found = [entry for entry in folder.iterdir() if _TEMPORARY.match(entry.name)]
    except OSError:
        return
    for entry in found:
        if _is_abandoned(entry):
            shutil.rmtree(entry, ignore_errors=True)


def _open_arrays(directory: Path) -> tuple[Images, Labels, Images, Labels]:
    train_images, test_images = (_map(directory / f"{part}_images.npy") for part in ("train", "test"))
    train_labels, test_labels = (
        np.load(directory / f"{part}_labels.npy", allow_pickle=False) for part in ("train", "test")
    )
    train_labels.flags.writeable = test_labels.flags.writeable = False
    return train_images, train_labels, test_images, test_labels


def _map(path: Path) -> Images:
    mapped: Images = np.load(path, mmap_mode="r", allow_pickle=False)
    # A plain array on the same memory: results computed from a memmap would be memmaps too.
    return mapped.view(np.ndarray)


def _make(path: Path, fill: Fill) -> None:
    """Fill an entry under a temporary name and rename it to `path`; then remove the source's older entries."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=_temporary_prefix(".tmp"), dir=path.parent))
    try:
        _fill(unfinished, fill)
        _put(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    for older in path.parent.iterdir():
        if older != path and not _TEMPORARY.match(older.name):
            shutil.rmtree(older, ignore_errors=True)


def _put(unfinished: Path, path: Path) -> None:
    try:
        unfinished.rename(path)
    except OSError:
        # Something is there: a damaged entry, which goes, or that of a process that was faster, which stays.
        try:
            open_entry(path)
        except DamagedCacheError:
            if path.exists():
                shutil.rmtree(path)
            unfinished.rename(path)


def _fill(directory: Path, fill: Fill) -> None:
    classes, warnings = fill(directory)
    arrays = _open_arrays(directory)
    meta = {
        "format": FORMAT,
        "classes": classes,
        "fingerprint": fingerprint_of(classes, arrays),
        "warnings": (*warnings, *overlap_warnings(arrays[0], arrays[2])),
    }
    (directory / "meta.json").write_text(json.dumps(meta, indent=1), encoding="utf-8")


def _temporary_directory() -> Path:
    remove_abandoned(Path(tempfile.gettempdir()))
    directory = Path(tempfile.mkdtemp(prefix=_temporary_prefix("cnn-harness")))
    owner = os.getpid()

    def remove() -> None:
        # A forked child must not take away what its parent still uses.
        if os.getpid() == owner:
            shutil.rmtree(directory, ignore_errors=True)

    atexit.register(remove)
    return directory


def _temporary_prefix(kind: str) -> str:
    return f"{kind}-{_host()}-{os.getpid()}-"


def _is_abandoned(entry: Path) -> bool:
    import psutil

    match = _TEMPORARY.match(entry.name)
    assert match is not None
    if match["host"] == _host() and not psutil.pid_exists(int(match["process"])):
        return True
    try:
        return time.time() - entry.stat().st_mtime > _ABANDONED_AFTER_S
    except OSError:
        return False


def _host() -> str:
    return _short(platform.node())[:8]


def _short(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]
