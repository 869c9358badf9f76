"""CIFAR-10 (Krizhevsky 2009) through Keras, which downloads it the first time."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.datasets.cache import Filled, entry_path, open_or_make, save_arrays
from harness.datasets.dataset import Dataset, Origin
from harness.datasets.network import silence_limit
from harness.errors import HarnessError, InputError
from harness.files import expanded

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
# Of that archive; Keras checks the same.
_ARCHIVE_SHA256 = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
# Where Keras 3.7 and later look for the archive before they download it. It has no suffix.
_ARCHIVE_NAME = "cifar-10-batches-py-target_archive"


def load_cifar10(*, cache: Path | None = None) -> Dataset:
    """Return CIFAR-10's 50,000 train and 10,000 test images, uint8 32x32x3.

    The arrays are kept in the cache folder, so that Keras is needed the first time only.

    Raises:
        InputError: It could not be downloaded (the message tells the ways without a network), or the archive is
            damaged.
        HarnessError: No room for it.
    """

    def fill(directory: Path) -> Filled:
        train, test = _through_keras()
        parts = [(channels_last(images), labels.reshape(-1).astype(np.int64)) for images, labels in (train, test)]
        save_arrays(directory, (*parts[0], *parts[1]))
        return Filled(CLASSES)

    path = entry_path(cache, "cifar10", _ARCHIVE_SHA256)
    return open_or_make(path, fill, "cifar10", Origin("cifar10", cache=cache))


def channels_last(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return images as [N, H, W, C]: Keras gives [N, C, H, W] where the user's configuration says so."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1) if images.shape[1] == 3 else images)


def archive_path() -> Path:
    """Return where Keras keeps the downloaded archive: under $KERAS_HOME, else ~/.keras."""
    home = expanded(os.environ.get("KERAS_HOME") or "~/.keras")
    return home / "datasets" / _ARCHIVE_NAME


def _through_keras() -> Any:
    archive = archive_path()
    if archive.exists():
        # Keras would overwrite a damaged archive without a word, and delete it where the download fails.
        _refuse_damaged(archive)
    import keras

    was_there = archive.exists()
    try:
        # Keras tells of its download on standard output, which belongs to tables.
        with contextlib.redirect_stdout(sys.stderr), silence_limit():
            return keras.datasets.cifar10.load_data()
    except BaseException as error:
        if not was_there:
            archive.unlink(missing_ok=True)
        # Keras raises plain Exception where a download fails.
        if not isinstance(error, Exception):
            raise
        raise _explained(error, archive) from error


def _explained(error: Exception, archive: Path) -> HarnessError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS):
        return HarnessError(f"cannot keep CIFAR-10 in {archive.parent}: {error.strerror}; set KERAS_HOME to a folder")
    if "corrupted" in str(error):
        return InputError(f"checksum error: the download of {_URL} arrived damaged; try again, or {_offline(archive)}")
    return InputError(f"cannot download CIFAR-10 from {_URL} ({error}); without a network, {_offline(archive)}")


def _offline(archive: Path) -> str:
    return (
        f"fetch that file elsewhere and save it as {archive}, or give a folder of images with train/CLASS/ and "
        "test/CLASS/ (--dataset DIR), or use the embedded dataset (--dataset digits)"
    )


def _refuse_damaged(archive: Path) -> None:
    try:
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {archive}: {error.strerror}") from error
    if found != _ARCHIVE_SHA256:
        raise InputError(
            f"checksum error: {archive} is damaged or incomplete (SHA-256 {found}, expected {_ARCHIVE_SHA256}); "
            "delete it to have it downloaded again, or save a whole copy there"
        )
