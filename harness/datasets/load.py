"""The one way in: a dataset by its name or folder."""

from __future__ import annotations

import os
import tarfile
import zipfile
from pathlib import Path

from harness.datasets.dataset import Dataset
from harness.errors import InputError, nearest

NAMES = ("digits", "cifar10")

_HIGHEST_IMAGE_SIZE = 1024
_ARCHIVE_SUFFIXES = {".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar"}


def load_dataset(
    name_or_folder: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    skip_unreadable: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a dataset: `"digits"` (embedded), `"cifar10"` (through Keras) or a folder of images.

    A folder holds train/CLASS/ and test/CLASS/ with image files that Pillow reads. Grey, palette, transparent (laid
    on white) and 16-bit images become RGB. All must have one size of at most 256x256, unless `image_size` is given.
    Decoded images are kept in the cache folder ($HARNESS_CACHE, else $XDG_CACHE_HOME/cnn-harness, else
    ~/.cache/cnn-harness) and mapped from there the next time, as long as no file of the folder has changed.

    Args:
        name_or_folder: A name, which wins over a folder of the same name (write `./digits` for that), or a folder.
        image_size: Resize a folder's images to this many pixels squared, 1 to 1024.
        skip_unreadable: Leave unreadable images of a folder out, with a warning, rather than refuse them.
        cache: Another cache folder.

    Returns:
        The dataset; its `warnings` are for the caller to show.

    Raises:
        InputError: No such dataset, or a folder that is none; the message names the file or class.
        HarnessError: No room for the decoded images.
    """
    if image_size is not None and not 1 <= image_size <= _HIGHEST_IMAGE_SIZE:
        raise InputError(f"image_size is {image_size}; allowed is 1 to {_HIGHEST_IMAGE_SIZE} pixels")
    cache_folder = None if cache is None else Path(cache)
    if name_or_folder == "digits":
        from harness.datasets.digits import load_digits

        return load_digits()
    if name_or_folder == "cifar10":
        from harness.datasets.cifar10 import load_cifar10

        return load_cifar10(cache=cache_folder)
    from harness.datasets.folder import load_folder

    folder = _existing_folder(os.fspath(name_or_folder))
    return load_folder(folder, image_size=image_size, skip_unreadable=skip_unreadable, cache=cache_folder)


def _existing_folder(given: str) -> Path:
    from harness.datasets.listing import shown

    try:
        path = Path(given).expanduser()
        if given and path.is_dir():
            return path
        is_file = bool(given) and path.is_file()
        is_archive = is_file and _is_archive(path)
    except (OSError, ValueError, RuntimeError):
        # A NUL, a name longer than any file's, an unknown ~user: no folder is called that.
        is_file = is_archive = False
    if is_archive:
        raise InputError(f"dataset {shown(given)} is an archive; unpack it first, then give the folder it made")
    if is_file:
        raise InputError(f"dataset {shown(given)} is a file; give the folder that holds train/ and test/")
    raise InputError(
        f'unknown dataset "{shown(given)[:200]}"; allowed is {", ".join(NAMES)} or a folder with train/CLASS/ and '
        f"test/CLASS/ images{nearest(given[:200].lower(), NAMES)}"
    )


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in _ARCHIVE_SUFFIXES or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
