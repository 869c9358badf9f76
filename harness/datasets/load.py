"""The one way in: a dataset by its name, folder, file or function."""

from __future__ import annotations

import contextlib
import difflib
import os
import tarfile
import zipfile
from pathlib import Path

from harness.datasets.arrays import TARGET, load_function, load_npz
from harness.datasets.cifar10 import archive_path, load_cifar10
from harness.datasets.dataset import Dataset, Origin
from harness.datasets.digits import load_digits
from harness.datasets.folder import load_folder
from harness.datasets.listing import ARCHIVE_SUFFIXES, shown
from harness.errors import InputError, nearest

NAMES = ("digits", "cifar10")

_HIGHEST_IMAGE_SIZE = 1024
_ALLOWED = (
    f"allowed is {', '.join(NAMES)} or a folder with train/CLASS/ and test/CLASS/ images, an .npz file, or "
    "module:function"
)


def load_dataset(
    name_or_folder: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    skip_unreadable: bool = False,
    cache: str | os.PathLike[str] | None = None,
) -> Dataset:
    """Load a dataset: `"digits"` (embedded), `"cifar10"` (through Keras), a folder of images, or arrays.

    A folder holds train/CLASS/ and test/CLASS/ with image files that Pillow reads. Grey, palette, transparent (laid
    on white) and 16-bit images become RGB, and photos are turned upright as their EXIF mark says. All must have one
    size of at most 256x256, unless `image_size` is given.
    Decoded images are kept in the cache folder ($HARNESS_CACHE, else $XDG_CACHE_HOME/cnn-harness, else
    ~/.cache/cnn-harness) and mapped from there the next time, as long as no file of the folder has changed.

    Arrays come from an .npz file with x_train, y_train, x_test and y_test, or from "module:function", a function
    without arguments that returns `Dataset.from_arrays(...)`; it is called in a process of its own.

    Args:
        name_or_folder: A name, which wins over a folder of the same name (write `./digits` for that), or the others.
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
    given = os.fspath(name_or_folder)
    path = None if given in NAMES else _existing_path(given)
    if path is not None and path.is_dir():
        return load_folder(path, image_size=image_size, skip_unreadable=skip_unreadable, cache=cache_folder)
    if image_size is not None:
        raise InputError(
            f"--image-size is {image_size}: {shown(given)} has a size of its own; it is for a folder of images"
        )
    if path is not None:
        return load_npz(path, cache=cache_folder)
    if given == "digits":
        return load_digits()
    if given == "cifar10":
        return load_cifar10(cache=cache_folder)
    return load_function(given, cache=cache_folder)


def load_from(origin: Origin) -> Dataset:
    """Load a dataset from where it was before; see `load_dataset`."""
    return load_dataset(
        origin.source, image_size=origin.image_size, skip_unreadable=origin.skip_unreadable, cache=origin.cache
    )


def load_stored(origin: Origin) -> Dataset:
    """Load a dataset that a results folder names; see `load_dataset`.

    The folder may be a stranger's: a function that it names is not called.
    """
    source = origin.source
    if source not in NAMES and _existing_path(source) is None:
        raise InputError(
            f"the results were made from {source}, a function, which is called only where you name it: add --dataset "
            f"{source} if you trust it"
        )
    return load_from(origin)


def _existing_path(given: str) -> Path | None:
    """Return the folder or .npz file that is meant, None for a function; refuse what is none of these."""
    path, kind = Path(given), "nothing"
    # A NUL, a name longer than any file's, an unknown ~user: no folder is called that.
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        path = path.expanduser()
        if given and path.is_dir():
            kind = "pickles" if (path / "data_batch_1").is_file() else "folder"
        elif given and path.is_file():
            kind = "npz" if path.suffix.lower() == ".npz" else "archive" if _is_archive(path) else "file"
        elif given and path.is_symlink():
            kind = "link"
    if kind in ("folder", "npz"):
        return path
    if kind == "nothing" and TARGET.fullmatch(given):
        return None
    raise InputError(_refusal(given, path, kind))


def _refusal(given: str, path: Path, kind: str) -> str:
    if kind == "archive":
        return f"dataset {shown(given)} is an archive; unpack it first, then give the folder it made"
    if kind == "file":
        return f"dataset {shown(given)} is a file; give the folder that holds train/ and test/; {_ALLOWED}"
    if kind == "link":
        return f"dataset {shown(given)} is a link to {shown(path.readlink())}, which is not there: mount or restore it"
    if kind == "pickles":
        return (
            f"dataset {shown(given)} has CIFAR-10 as Python pickles, which are not opened, since a pickle can run "
            f"code: save the archive they came from (cifar-10-python.tar.gz) as {archive_path()} and use --dataset "
            "cifar10, or read them in a function of your own (--dataset module:function)"
        )
    near = _nearest_folder(path)
    name = nearest(given[:200].lower(), NAMES)
    if not name and (near or os.sep in given):
        hint = f"did you mean {shown(near)}? " if near else ""
        return f"there is no folder {shown(given)[:200]}; {hint}{_ALLOWED}"
    return f'unknown dataset "{shown(given)[:200]}"; {_ALLOWED}{name}'


def _nearest_folder(path: Path) -> str:
    """Return the folder whose name is closest at the first part of a path that is not there; empty for none."""
    with contextlib.suppress(OSError, ValueError):
        missing = path
        while missing.parent != missing and not missing.parent.is_dir():
            missing = missing.parent
        there = {entry.name.casefold(): entry for entry in missing.parent.iterdir() if entry.is_dir()}
        close = difflib.get_close_matches(missing.name.casefold(), there, n=1)
        if close:
            near = there[close[0]]
            whole = near / path.relative_to(missing)
            return str(whole if whole.is_dir() else near)
    return ""


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() in ARCHIVE_SUFFIXES or zipfile.is_zipfile(path) or tarfile.is_tarfile(path)
